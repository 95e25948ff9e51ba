package engine_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
)

// far is a cloud behind a slow way: a call arrives, and is answered, a random
// while after it was sent. Some whose sender has gone away arrive all the same.
type far struct {
	inner  http.RoundTripper
	mu     sync.Mutex
	random *rand.Rand
	log    map[string][]time.Time // arrivals, by bucket
}

func (f *far) RoundTrip(q *http.Request) (*http.Response, error) {
	there, back, lost := f.way(q)
	if err := pass(q, there); err != nil {
		if !lost {
			f.arrived(q)
		}
		return nil, err
	}
	f.arrived(q)
	answer, err := f.inner.RoundTrip(q)
	if gone := pass(q, back); gone != nil {
		return nil, gone
	}
	return answer, err
}

// way is how long a call is under way. Creating calls take long: their slots
// are counted from the answer.
func (f *far) way(q *http.Request) (there, back time.Duration, lost bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	most := time.Second
	if bucketAsked(q) == "copy" {
		most = 14 * time.Second
	}
	return time.Duration(f.random.Int64N(int64(most))), time.Duration(f.random.Int64N(int64(most))), f.random.IntN(2) == 0
}

func (f *far) arrived(q *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.log[bucketAsked(q)] = append(f.log[bucketAsked(q)], time.Now())
}

// pass waits, or ends with the call.
func pass(q *http.Request, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-q.Context().Done():
		return q.Context().Err()
	}
}

func bucketAsked(q *http.Request) string {
	switch path := q.URL.Path; {
	case strings.Contains(path, "/tags"):
		return "tags"
	case strings.HasSuffix(path, "/quota"):
		return "quota"
	case strings.Contains(path, "/job"):
		return "show_job"
	case q.Method == http.MethodPost:
		return "copy"
	case strings.HasPrefix(path, "/v2/images/"):
		return "get_image"
	}
	return "list"
}

// TestNoWindowIsExceeded lets requests come at random, calls take random times,
// and owners change or be cut off at random moments: in no window of the
// cloud's, wherever it starts, are more calls than the limit.
func TestNoWindowIsExceeded(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				random := rand.New(rand.NewPCG(seed, 1))
				f := &far{inner: w.cloud, random: random, log: map[string][]time.Time{}}
				w.transport, w.at = f, "http://cloud.test"
				w.drain = time.Millisecond
				w.limits = map[string]budget.Limit{
					"copy": {Count: 4 + random.IntN(8), Window: time.Minute}, "list": {Count: 40, Window: time.Minute}, "show_job": {Count: 60, Window: time.Minute},
					"tags": {Count: 50, Window: time.Minute}, "quota": {Count: 50, Window: time.Minute},
				}
				w.cloud.job = func(int) reply {
					f.mu.Lock()
					defer f.mu.Unlock()
					if f.random.IntN(3) > 0 {
						return running(0)
					}
					return succeeded(0)
				}
				w.start()
				draw := rand.New(rand.NewPCG(seed, 2))
				for n, end := 0, time.Now().Add(40*time.Minute); time.Now().Before(end); {
					for range draw.IntN(6) {
						w.request(fmt.Sprint(n), nil)
						n++
					}
					time.Sleep(time.Duration(draw.Int64N(int64(20 * time.Second))))
					if draw.IntN(20) == 0 {
						w.end()
						time.Sleep(time.Duration(draw.Int64N(int64(5 * time.Second))))
						w.start()
					}
				}
				synctest.Wait()
				f.mu.Lock()
				defer f.mu.Unlock()
				for bucket, l := range w.limits {
					most := 0
					for i, first := 0, 0; i < len(f.log[bucket]); i++ {
						for f.log[bucket][i].Sub(f.log[bucket][first]) >= l.Window {
							first++
						}
						most = max(most, i-first+1)
					}
					t.Logf("%s: %d calls, %d of %d in a window", bucket, len(f.log[bucket]), most, l.Count)
					if most > l.Count {
						t.Errorf("%d calls of %s within %v, the limit is %d", most, bucket, l.Window, l.Count)
					}
					if bucket == "copy" && most < l.Count {
						t.Errorf("no window held more than %d of the %d copies allowed: the limit was not tried", most, l.Count)
					}
				}
			})
		})
	}
}
