package notify

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/imsworker/imsworker/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// safeLog is a log that many may write to.
type safeLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// notifier makes a notifier for a test, with everything it logs and counts.
func notifier(t *testing.T, url string) (*Notifier, *safeLog, *prometheus.Registry) {
	t.Helper()
	log, reg := &safeLog{}, prometheus.NewRegistry()
	n, err := New(Options{
		URL: url, UserAgent: "imsworker/test", Drain: 5 * time.Second,
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}, reg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n, log, reg
}

// roundTrip is a receiver without a network.
type roundTrip func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// status is an answer without a body.
func status(code int) *http.Response {
	return &http.Response{StatusCode: code, Header: http.Header{}, Body: http.NoBody}
}

// ended is the final event of the i-th request, with its subject.
func ended(t *testing.T, i int, s messages.State, change ...func(*messages.Event)) (subject string, header map[string][]string, body []byte) {
	t.Helper()
	id := fmt.Sprint(i)
	key := messages.Key("demo", "/test", id)
	operation := "copy-image"
	if s.Batch() {
		operation = "bulk-copy"
	}
	e := messages.Event{State: s, Request: messages.RequestInfo{ID: id, Source: "/test", Key: key, Cloud: "demo", Operation: operation, Attempt: 1}}
	if s.NotSucceeded() {
		e.Error = &messages.Failure{Reason: messages.ReasonJobFailed, Code: "IMG.0083", Message: "no"}
	}
	for _, f := range change {
		f(&e)
	}
	m := messages.EventMeta{
		Cloud: "demo", Operation: operation, Key: key, Attempt: 1, Sequence: 3, State: s,
		Time: time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC), CausationID: `Zürich "` + id + `"`,
	}
	header, body, err := messages.EncodeEvent(m, e)
	if err != nil {
		t.Fatal(err)
	}
	header["Ims-Claim"] = []string{"our own"}
	return m.Subject(), header, body
}

// idOf is the ce-id of ended's event.
func idOf(i int, s messages.State) string {
	return messages.Key("demo", "/test", fmt.Sprint(i)) + "/1/" + string(s)
}
