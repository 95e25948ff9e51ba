package hooks

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// certLimit bounds one call of SMN.
const certLimit = 10 * time.Second

const (
	certBytes = 64 << 10
	certKept  = time.Hour
	mostCerts = 64
	mostCalls = 4 // at once: anybody may send us messages that name a certificate
)

// verify judges the signature of a message by the certificate that it names,
// which only the cloud's own SMN may give.
func (h *Hooks) verify(ctx context.Context, c call, m smnMessage) outcome {
	signature, err := base64.StdEncoding.DecodeString(m.Signature)
	if err != nil || len(signature) == 0 {
		return refused(http.StatusForbidden, "the message has no signature")
	}
	if err := allowed(m.CertURL, c.conf.SMN); err != nil {
		return refused(http.StatusForbidden, "signing_cert_url: %s", err)
	}
	cert, err := h.certs.get(ctx, m.CertURL, c.conf)
	switch {
	case mayPass(err):
		return unavailable("the certificate of the message cannot be read now: %s; try again", err)
	case err != nil:
		return refused(http.StatusForbidden, "the certificate of the message cannot be used: %s", err)
	}
	if !signed(cert, m, signature) {
		return refused(http.StatusForbidden, "the signature is wrong")
	}
	return outcome{}
}

// signed reports whether the certificate's key has signed the message. SMN's
// documents differ on whether an empty subject is signed.
func signed(cert *x509.Certificate, m smnMessage, signature []byte) bool {
	forms := [][]byte{m.canonical(m.Subject != "")}
	if m.Subject == "" {
		forms = append(forms, m.canonical(true))
	}
	for _, form := range forms {
		if cert.CheckSignature(x509.SHA256WithRSA, form, signature) == nil {
			return true
		}
	}
	return false
}

// canonical is what is signed: the fields in alphabetical order, each name and
// value on a line of its own.
func (m smnMessage) canonical(subject bool) []byte {
	var b strings.Builder
	line := func(name, value string) { b.WriteString(name + "\n" + value + "\n") }
	line("message", m.Message)
	line("message_id", m.ID)
	if m.Type != typeNotification {
		line("subscribe_url", m.SubscribeURL)
	} else if subject {
		line("subject", m.Subject)
	}
	line("timestamp", m.Timestamp)
	line("topic_urn", m.Topic)
	line("type", m.Type)
	return []byte(b.String())
}

// allowed is nil for an address at one of the bases: same scheme, same host and
// port, no user, and below the base's path.
func allowed(address string, bases ...string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" || strings.ContainsAny(address, "\\\r\n\t ") {
		return errors.New("it is no address")
	}
	for _, base := range bases {
		b, err := url.Parse(base)
		if err == nil && base != "" && u.Scheme == b.Scheme && strings.EqualFold(u.Host, b.Host) && strings.HasPrefix(u.Path, b.Path+"/") && !strings.Contains(u.Path, "..") {
			return nil
		}
	}
	return fmt.Errorf("%s is not at %s", brief(u.Scheme+"://"+u.Host), strings.Join(bases, " or "))
}

// confirm ends the subscription's handshake by the link that SMN has signed.
func (h *Hooks) confirm(ctx context.Context, conf Cloud, m smnMessage) outcome {
	if err := allowed(m.SubscribeURL, append([]string{conf.SMN}, conf.Consoles...)...); err != nil {
		return refused(http.StatusForbidden, "subscribe_url: %s", err)
	}
	switch _, err := h.certs.call(ctx, m.SubscribeURL, conf); {
	case mayPass(err):
		return unavailable("the subscription cannot be confirmed now: %s; try again", err)
	case err != nil:
		return refused(http.StatusBadGateway, "the subscription cannot be confirmed: %s", err)
	}
	return outcome{http.StatusOK, resultConfirmed, "the subscription of " + brief(m.Topic) + " is confirmed"}
}

// passing is a fault of SMN, or of the way to it: the sender may try again.
type passing struct{ error }

func (p passing) Unwrap() error { return p.error }

func mayPass(err error) bool {
	_, is := errors.AsType[passing](err)
	return is
}

// certificates are those that were read, and the way to read them.
type certificates struct {
	slots chan struct{}
	plain *http.Client

	mu   sync.Mutex
	kept map[string]kept
}

type kept struct {
	cert  *x509.Certificate
	until time.Time
}

func newCertificates() *certificates {
	return &certificates{slots: make(chan struct{}, mostCalls), plain: newClient(Cloud{}), kept: map[string]kept{}}
}

// newClient follows no redirect: where one leads was not in the list.
func newClient(conf Cloud) *http.Client {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: certLimit, MaxResponseHeaderBytes: certBytes, IdleConnTimeout: time.Minute, DisableKeepAlives: true}
	if conf.TLS != nil {
		t.TLSClientConfig = conf.TLS.Clone()
	}
	return &http.Client{Transport: t, Timeout: certLimit, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (c *certificates) close() { c.plain.CloseIdleConnections() }

// get returns a certificate that is valid now.
func (c *certificates) get(ctx context.Context, address string, conf Cloud) (*x509.Certificate, error) {
	if u, err := url.Parse(address); err != nil || u.RawQuery != "" || u.Fragment != "" || !strings.HasSuffix(u.Path, ".pem") {
		return nil, errors.New("its address is not that of a .pem file")
	}
	now := time.Now()
	c.mu.Lock()
	known, found := c.kept[address]
	c.mu.Unlock()
	if !found || now.After(known.until) {
		text, err := c.call(ctx, address, conf)
		if err != nil {
			return nil, err
		}
		if known.cert, err = parseCertificate(text); err != nil {
			return nil, err
		}
		c.keep(address, known.cert, now)
	}
	if now.Before(known.cert.NotBefore) || now.After(known.cert.NotAfter) {
		return nil, fmt.Errorf("it holds from %s to %s", known.cert.NotBefore.Format(time.DateOnly), known.cert.NotAfter.Format(time.DateOnly))
	}
	return known.cert, nil
}

func (c *certificates) keep(address string, cert *x509.Certificate, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.kept) >= mostCerts {
		clear(c.kept)
	}
	c.kept[address] = kept{cert, now.Add(certKept)}
}

func parseCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errors.New("it is no certificate in PEM form")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, errors.New("it cannot be parsed")
	}
	if key, is := cert.PublicKey.(*rsa.PublicKey); !is || key.N.BitLen() < 2048 {
		return nil, errors.New("it has no RSA key of 2048 bits or more")
	}
	return cert, nil
}

// call reads an address that is allowed. What stands in an error says nothing
// of the address's query, which holds a token.
func (c *certificates) call(ctx context.Context, address string, conf Cloud) ([]byte, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, passing{errors.New("too many calls at once")}
	}
	client := c.plain
	if conf.TLS != nil {
		client = newClient(conf)
		defer client.CloseIdleConnections()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("it is no address")
	}
	resp, err := client.Do(req)
	if wrapped, is := errors.AsType[*url.Error](err); is {
		err = wrapped.Err
	}
	if err != nil {
		return nil, passing{fmt.Errorf("SMN does not answer: %w", err)}
	}
	defer func() { _ = resp.Body.Close() }()
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return nil, errors.New("it redirects, which is not followed")
	case resp.StatusCode != http.StatusOK:
		return nil, passing{fmt.Errorf("SMN answers %d", resp.StatusCode)}
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, certBytes+1))
	if err != nil {
		return nil, passing{errors.New("the answer cannot be read")}
	}
	if len(text) > certBytes {
		return nil, fmt.Errorf("the answer has more than %d bytes", certBytes)
	}
	return text, nil
}
