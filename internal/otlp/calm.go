package otlp

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"sync/atomic"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

// calm is an exporter whose troubles are told once, when they begin, and once
// more when they are over.
type calm struct {
	next    sdk.SpanExporter
	log     *slog.Logger
	secrets []string
	failing atomic.Bool
}

// ExportSpans implements the SDK's exporter. It never fails: what could not be
// sent is dropped.
func (c *calm) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := c.next.ExportSpans(ctx, spans)
	switch was := c.failing.Swap(err != nil); {
	case err != nil && !was:
		c.log.Warn("spans cannot be sent; they are dropped until that is over", "error", c.hide(err))
	case err == nil && was:
		c.log.Info("spans are sent again")
	}
	return nil
}

// Shutdown implements the SDK's exporter.
func (c *calm) Shutdown(ctx context.Context) error { return c.next.Shutdown(ctx) }

// mostWords bounds what is logged of a receiver's answer, in bytes.
const mostWords = 500

// hide is what an error says without the secrets that the receiver is sent.
func (c *calm) hide(err error) string {
	text := err.Error()
	for _, secret := range c.secrets {
		text = strings.ReplaceAll(text, secret, "***")
	}
	if len(text) > mostWords {
		text = strings.ToValidUTF8(text[:mostWords], "") + "…"
	}
	return text
}

// secrets are the values of the headers that the receiver wants, and the
// passwords in its address.
func secrets(env func(string) string) (all []string) {
	for _, name := range []string{variableHeaders, variableTracesHeaders} {
		for pair := range strings.SplitSeq(env(name), ",") {
			_, value, _ := strings.Cut(pair, "=")
			plain, err := url.PathUnescape(strings.TrimSpace(value))
			if err != nil {
				plain = value
			}
			all = append(all, strings.Fields(plain)...) // "Bearer" apart from the token
		}
	}
	for _, name := range []string{variableEndpoint, variableTracesEndpoint} {
		if u, err := url.Parse(env(name)); err == nil && u.User != nil {
			password, _ := u.User.Password()
			all = append(all, password, u.User.String())
		}
	}
	return filter(all)
}

// filter leaves out what is too short to be a secret: it would only hide words.
func filter(all []string) (long []string) {
	for _, s := range all {
		if len(s) >= 6 && !strings.EqualFold(s, "bearer") {
			long = append(long, s)
		}
	}
	return long
}
