package engine_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/ledger"
)

// slowly answers calls that are slow only after a while, unless they are given
// up before.
type slowly struct {
	http.RoundTripper
	slow func(*http.Request) bool
	wait time.Duration
	came chan struct{} // a slow call has come
}

func (s slowly) RoundTrip(r *http.Request) (*http.Response, error) {
	if !s.slow(r) {
		return s.RoundTripper.RoundTrip(r)
	}
	s.came <- struct{}{}
	select {
	case <-time.After(s.wait):
		return s.RoundTripper.RoundTrip(r)
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

// TestStopWaitsForNoQuestion: who stops waits for the answer to a call that
// creates something, and hands the rest over soon.
func TestStopWaitsForNoQuestion(t *testing.T) {
	t.Parallel()
	post := func(r *http.Request) bool { return r.Method == http.MethodPost }
	for name, c := range map[string]struct {
		slow  func(*http.Request) bool
		least time.Duration
		most  time.Duration
		state ledger.State
		posts int
	}{
		"job_query": {func(r *http.Request) bool { return strings.Contains(r.URL.Path, "/job") }, 0, time.Second, ledger.Submitted, 1},
		"preflight": {func(r *http.Request) bool { return !post(r) }, 0, time.Second, ledger.Accepted, 0},
		"create":    {post, 9 * time.Second, 11 * time.Second, ledger.Submitted, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				came := make(chan struct{}, 1)
				w.transport, w.drain = slowly{w.cloud, c.slow, 10 * time.Second, came}, 25*time.Second
				w.start()
				key := w.request("a", nil)
				<-came
				begun := time.Now()
				w.stop()
				if err := <-w.done; err != nil {
					w.t.Error(err)
				}
				w.done <- nil
				if took := time.Since(begun); took < c.least || took > c.most {
					w.t.Errorf("stopped after %v", took)
				}
				r, err := w.ledger.Get(w.t.Context(), key)
				if err != nil || r.State != c.state || r.Refusals != 0 || w.posts() != c.posts {
					w.t.Errorf("%d creating calls, record %+v, %v", w.posts(), r, err)
				}
			})
		})
	}
}
