package ims

import (
	"context"
	"log/slog"
	"time"
)

// How much of a body the debug log shows, in bytes, and how much of it is
// searched for secrets before.
const (
	maxLogged   = 4 << 10
	maxSearched = 64 << 10
)

// logging is the link that tells everything about a call at debug level, but
// nothing that is secret; bodies of calls for tokens are left out.
func logging(next link, cfg Config, v *veil) link {
	return func(ctx context.Context, k call) (*reply, error) {
		if !cfg.Logger.Enabled(ctx, slog.LevelDebug) {
			return next(ctx, k)
		}
		start := time.Now()
		r, err := next(ctx, k)
		attrs := append(sentAttrs(k, cfg, v), slog.Duration("took", time.Since(start)))
		cfg.Logger.LogAttrs(ctx, slog.LevelDebug, "call of the cloud", append(attrs, gotAttrs(k, r, err, v)...)...)
		return r, err
	}
}

func sentAttrs(k call, cfg Config, v *veil) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("cloud", cfg.Cloud), slog.String("call", k.name),
		slog.String("method", k.method), slog.String("url", v.text(k.url.Redacted())),
		slog.Any("request_header", v.header(k.header)),
	}
	if !k.secret {
		attrs = append(attrs, slog.String("request_body", logged(k.body, v)))
	}
	return attrs
}

func gotAttrs(k call, r *reply, err error, v *veil) []slog.Attr {
	var attrs []slog.Attr
	if err != nil {
		attrs = append(attrs, slog.String("error", v.text(err.Error())))
	}
	if r == nil {
		return attrs
	}
	attrs = append(attrs, slog.Int("status", r.status), slog.Any("header", v.header(r.header)))
	if !k.secret {
		attrs = append(attrs, slog.String("body", logged(r.body, v)))
	}
	return attrs
}

func logged(body []byte, v *veil) string {
	return cut(v.text(cut(string(body), maxSearched)), maxLogged)
}
