package ims

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// TestNotSent: what fails before a request can have left is safe to repeat.
func TestNotSent(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(secure.Close)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	tests := map[string]struct {
		base   string
		ctx    context.Context
		reason string
	}{
		"refused":        {closed.URL, t.Context(), "unavailable"},
		"no such host":   {"http://nowhere.invalid", t.Context(), "unavailable"},
		"unknown signer": {secure.URL, t.Context(), "unavailable"},
		"context ended":  {secure.URL, ended, "cancelled"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := dial(t, keyConfig(tt.base)).CopyImage(tt.ctx, "i", ImageCopy{Name: "n"})
			var e *Error
			if !errors.As(err, &e) || !e.NotSent || VerdictOf(err) != NotSent || ReasonOf(err) != tt.reason {
				t.Errorf("got %v, %s, %s", err, VerdictOf(err), ReasonOf(err))
			}
		})
	}
}

// TestDialTimesOut: a context that ends while the connection is made is not
// sent either.
func TestDialTimesOut(t *testing.T) {
	t.Parallel()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0") // nobody answers the TLS handshake
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = dial(t, keyConfig("https://"+l.Addr().String())).CopyImage(ctx, "i", ImageCopy{Name: "n"})
	if VerdictOf(err) != NotSent || ReasonOf(err) != reasonTimeout || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, %s, %s", err, VerdictOf(err), ReasonOf(err))
	}
}

// TestLostAnswers: the request arrived, its answer did not.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	handlers := map[string]struct {
		serve  http.HandlerFunc
		reason string
	}{
		"cut":      {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "unavailable"},
		"silent":   {silent, "timeout"},
		"cut body": {cutBody(200), "unavailable"},
		"cut 400":  {cutBody(400), "unavailable"},
	}
	for name, h := range handlers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(h.serve)
			t.Cleanup(s.Close)
			limit := time.Minute
			if name == "silent" {
				limit = 2 * time.Second // long enough to send the request on any machine
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			_, err := dial(t, keyConfig(s.URL)).CopyImage(ctx, "i", ImageCopy{Name: "n"})
			if VerdictOf(err) != Uncertain || ReasonOf(err) != h.reason {
				t.Errorf("got %v, %s, %s", err, VerdictOf(err), ReasonOf(err))
			}
		})
	}
}

// silent reads the request, without which the server would not notice that the
// client has gone, and never answers.
func silent(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func cutBody(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"job_id":"`))
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// TestSilentCloud: every call that creates nothing ends by itself, and so does
// the login that a creating call needs.
func TestSilentCloud(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys, password := keyConfig("http://cloud.example"), tokenConfig("http://cloud.example")
		deaf := tripper(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		keys.Transport, password.Transport = deaf, deaf
		c, ctx := dial(t, keys), t.Context()
		for name, call := range map[string]func() error{
			"job":        func() error { _, err := c.Job(ctx, "j"); return err },
			"images":     func() error { _, err := c.Images(ctx, ImageFilter{}); return err },
			"image":      func() error { _, err := c.Image(ctx, "i"); return err },
			"backup":     func() error { _, err := c.Backup(ctx, "b"); return err },
			"vault":      func() error { _, err := c.Vault(ctx, "v"); return err },
			"volume":     func() error { _, err := c.Volume(ctx, "v"); return err },
			"tags":       func() error { _, err := c.ImageTags(ctx, "i"); return err },
			"add tags":   func() error { return c.AddImageTags(ctx, "i", Tag{Key: "k"}) },
			"delete tag": func() error { return c.DeleteImageTag(ctx, "i", "k") },
			"login":      func() error { _, err := dial(t, password).CopyImage(ctx, "i", ImageCopy{Name: "n"}); return err },
		} {
			start := time.Now()
			if err := call(); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 2*time.Minute {
				t.Errorf("%s: got %v after %s", name, err, time.Since(start))
			}
		}
	})
}

// TestForeignTransport: traces of a transport that is not ours prove nothing.
func TestForeignTransport(t *testing.T) {
	t.Parallel()
	cfg := keyConfig("http://cloud.example")
	cfg.Transport = tripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("reset") })
	_, err := dial(t, cfg).CopyImage(t.Context(), "i", ImageCopy{Name: "n"})
	if VerdictOf(err) != Uncertain {
		t.Errorf("got %v, %s", err, VerdictOf(err))
	}
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestRedirectsAreNotFollowed: following one would send a create twice, or
// credentials to somebody else.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := play(t, step{method: "POST", status: status, header: map[string]string{"Location": "/elsewhere"}})
		_, err := dial(t, keyConfig(s.URL)).CopyImage(t.Context(), "i", ImageCopy{Name: "n"})
		var e *Error
		if !errors.As(err, &e) || e.Status != status {
			t.Errorf("%d: got %v", status, err)
		}
	}
}

// TestCloudTime reads the Date of the last answer, and signs by it where our
// clock is far off.
func TestCloudTime(t *testing.T) {
	t.Parallel()
	ahead := 3 * time.Hour
	date := map[string]string{"Date": time.Now().Add(ahead).UTC().Format(http.TimeFormat)}
	near := func(t *testing.T, r *http.Request) {
		at, err := time.Parse(dateLayout, r.Header.Get(dateHeader))
		if err != nil || time.Until(at.Add(-ahead)).Abs() > time.Minute {
			t.Errorf("signed at %s, %v", at, err)
		}
	}
	s := play(t,
		step{method: "POST", status: 401, header: date, reply: `{"error_code":"APIGW.0301","error_msg":"clock skew"}`},
		step{method: "POST", status: 200, header: date, reply: `{"job_id":"j"}`, check: near},
	)
	c := dial(t, keyConfig(s.URL))
	if _, known := c.CloudTime(); known {
		t.Error("the cloud's time is known before any call")
	}
	if _, err := c.CopyImage(t.Context(), "i", ImageCopy{Name: "n"}); err != nil {
		t.Errorf("not tried again with the right time: %v", err)
	}
	if got, known := c.CloudTime(); !known || (got-ahead).Abs() > 5*time.Second {
		t.Errorf("got %s, %t", got, known)
	}
}

// TestKeysAreNotTriedTwice: with the right time, wrong keys stay wrong.
func TestKeysAreNotTriedTwice(t *testing.T) {
	t.Parallel()
	s := play(t, step{method: "POST", status: 401, reply: `{"error_code":"APIGW.0301","error_msg":"bad signature"}`})
	_, err := dial(t, keyConfig(s.URL)).CopyImage(t.Context(), "i", ImageCopy{Name: "n"})
	if VerdictOf(err) != Account || ReasonOf(err) != reasonUnauthorized {
		t.Errorf("got %v, %s", err, VerdictOf(err))
	}
}
