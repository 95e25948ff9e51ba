package ims

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

// Limits of the client's own transport.
const (
	dialLimit    = 10 * time.Second
	readLimit    = 30 * time.Second // one try of any call that creates nothing
	readsIdle    = 60 * time.Second
	changesIdle  = 2 * time.Second
	poolSize     = 64
	maxHeadBytes = 64 << 10 // a token is several kB long
)

// wire is the last link: it sends one request and reads the answer to its end.
//
// Calls that change something have connections of their own, which are kept
// for two seconds at most. A request on a connection that the other side has
// just closed fails in a way that leaves open whether it arrived, and for a
// creating call that would cost a look-up of many minutes.
type wire struct {
	reads, changes http.RoundTripper
	own            bool // the transports are ours, so their traces can be trusted
}

func newWire(cfg Config) *wire {
	if cfg.Transport != nil {
		return &wire{reads: cfg.Transport, changes: cfg.Transport}
	}
	return &wire{reads: pool(cfg, readsIdle), changes: pool(cfg, changesIdle), own: true}
}

// pool speaks HTTP/1.1 only: HTTP/2 repeats requests by itself, and what was
// sent is harder to know.
func pool(cfg Config, idle time.Duration) *http.Transport {
	dialer := &net.Dialer{Timeout: dialLimit, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    dialLimit,
		MaxIdleConns:           poolSize,
		MaxIdleConnsPerHost:    poolSize,
		MaxConnsPerHost:        poolSize,
		IdleConnTimeout:        idle,
		MaxResponseHeaderBytes: maxHeadBytes,
	}
	if cfg.TLS != nil {
		t.TLSClientConfig = cfg.TLS.Clone()
	}
	return t
}

func (w *wire) close() {
	for _, t := range []http.RoundTripper{w.reads, w.changes} {
		if c, ok := t.(interface{ CloseIdleConnections() }); ok && w.own {
			c.CloseIdleConnections()
		}
	}
}

// wireError is a failure on the way; sent says whether the request may have
// reached the other side.
type wireError struct {
	sent bool
	err  error
}

func (e *wireError) Error() string { return e.err.Error() }
func (e *wireError) Unwrap() error { return e.err }

// do is the link. Redirects are answers like any other: nothing follows them.
func (w *wire) do(ctx context.Context, k call) (*reply, error) {
	transport := w.changes
	if k.reads() || k.service == identityService {
		transport = w.reads
	}
	if end, limited := ctx.Deadline(); k.bounded() && (!limited || time.Until(end) > readLimit) {
		limited, cancel := context.WithTimeout(ctx, readLimit)
		defer cancel()
		ctx = limited
	}
	if err := ctx.Err(); err != nil {
		return nil, &wireError{err: err}
	}
	seen := &trace{trusted: w.own}
	resp, err := transport.RoundTrip(build(httptrace.WithClientTrace(ctx, seen.hooks()), k))
	if err != nil {
		return nil, &wireError{sent: seen.maybeSent(), err: err}
	}
	defer func() { _ = resp.Body.Close() }()
	return receive(resp, k.limit)
}

// build makes the request of an address that is parsed already, which
// http.NewRequest would do again.
func build(ctx context.Context, k call) *http.Request {
	req := &http.Request{
		Method: k.method, URL: k.url, Host: k.url.Host, Header: k.header, Body: http.NoBody,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if len(k.body) > 0 {
		body := k.body // not all of the call
		req.Body = io.NopCloser(bytes.NewReader(body))
		req.ContentLength = int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	return req.WithContext(ctx)
}

// receive returns the reply even where its body broke off.
func receive(resp *http.Response, limit int64) (*reply, error) {
	if limit == 0 || resp.StatusCode >= http.StatusMultipleChoices {
		limit = maxAnswer
	}
	body, err := readAll(resp, limit+1)
	r := &reply{status: resp.StatusCode, header: resp.Header, body: body, at: time.Now()}
	switch {
	case err != nil:
		return r, &wireError{sent: true, err: fmt.Errorf("read answer: %w", err)}
	case int64(len(body)) > limit && r.status < http.StatusMultipleChoices:
		return r, &wireError{sent: true, err: fmt.Errorf("the answer is longer than %d bytes", limit)}
	}
	return r, nil
}

// readAll reads a body to its end, at most so many bytes of it. An answer that
// tells its length needs no more room than that.
func readAll(resp *http.Response, most int64) ([]byte, error) {
	if resp.ContentLength <= 0 || resp.ContentLength >= most {
		return io.ReadAll(io.LimitReader(resp.Body, most))
	}
	body := make([]byte, resp.ContentLength)
	n, err := io.ReadFull(resp.Body, body)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return body[:n], err
}

// trace watches whether a request got a connection. From then on bytes may
// have been sent: the transport writes in a goroutine of its own, so that
// nothing later is sure. A transport that tries again with another connection
// does so only where nothing was written.
type trace struct {
	trusted     bool
	asked, have atomic.Bool
}

func (t *trace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { t.asked.Store(true); t.have.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { t.have.Store(true) },
	}
}

func (t *trace) maybeSent() bool {
	if !t.asked.Load() {
		return !t.trusted
	}
	return t.have.Load()
}
