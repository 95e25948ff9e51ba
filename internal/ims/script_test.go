package ims

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

const (
	testProject = "0123456789abcdef0123456789abcdef"
	testAccess  = "AKEXAMPLE0000000TEST"
	testSecret  = "SKexample0000000000000000000000000000TEST"
)

// step is one expected call and its reply.
type step struct {
	method, path string // path with query, as on the wire
	body         string // expected; empty means do not look
	status       int    // 0: the connection is cut
	header       map[string]string
	reply        string
	check        func(t *testing.T, r *http.Request)
}

// script is a server that plays steps in order. A call too many, in the wrong
// order or left over fails the test.
type script struct {
	*httptest.Server
	t     *testing.T
	mu    sync.Mutex
	steps []step
}

func play(t *testing.T, steps ...step) *script {
	t.Helper()
	s := &script{t: t, steps: steps}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() {
		s.Close()
		if left := s.left(); left > 0 {
			t.Errorf("%d expected calls did not come", left)
		}
	})
	return s
}

func (s *script) left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.steps)
}

func (s *script) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.steps) == 0 {
		s.t.Errorf("unexpected call %s %s", r.Method, r.RequestURI)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	next := s.steps[0]
	s.steps = s.steps[1:]
	s.expect(next, r)
	if next.status == 0 {
		panic(http.ErrAbortHandler)
	}
	for name, value := range next.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(next.status)
	_, _ = io.WriteString(w, next.reply)
}

func (s *script) expect(next step, r *http.Request) {
	if got, want := r.Method+" "+r.RequestURI, next.method+" "+next.path; next.path != "" && got != want {
		s.t.Errorf("call\n got %s\nwant %s", got, want)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Errorf("read body: %v", err)
	}
	if next.body != "" && string(body) != next.body {
		s.t.Errorf("body of %s\n got %s\nwant %s", next.path, body, next.body)
	}
	if next.check != nil {
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.check(s.t, r)
	}
}

// keyConfig signs, for a server at base.
func keyConfig(base string) Config {
	return Config{
		Cloud: "demo", Profile: ProfileOTC, Region: "eu-de", ProjectID: testProject,
		Endpoints:   Endpoints{Image: base, CBR: base, BlockStorage: base, Identity: base},
		Credentials: Credentials{AccessKey: testAccess, SecretKey: testSecret},
		Transport:   nil, Logger: slog.New(slog.DiscardHandler),
	}
}

// tokenConfig uses a user's password, for a server at base.
func tokenConfig(base string) Config {
	cfg := keyConfig(base)
	cfg.ProjectID = ""
	cfg.Credentials = Credentials{Username: "img-worker", Password: "hush-hush-password", UserDomainName: "OTC-1", ProjectName: "eu-de"}
	return cfg
}

// dial makes a client that is closed with the test; retries do not wait.
func dial(t *testing.T, cfg Config) *Client {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.quickly()
	t.Cleanup(c.Close)
	return c
}

// quickly builds the chain again with waits of next to nothing.
func (c *Client) quickly() {
	c.pauses = retry{tries: 3, base: time.Millisecond, limit: time.Millisecond}
	c.assemble()
}

// bodyOf reads what the client sent.
func bodyOf(r *http.Request) string {
	b, _ := io.ReadAll(r.Body) // it is in memory
	return string(b)
}
