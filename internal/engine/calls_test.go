package engine_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/ledger"
)

// within is the largest number of calls to paths with that part in any window
// of that length, and how many there were.
func (c *cloud) within(part string, window time.Duration) (most, all int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var at []time.Time
	for _, call := range c.calls {
		if strings.Contains(call.path, part) {
			at = append(at, call.at)
		}
	}
	for i, first := 0, 0; i < len(at); i++ {
		for at[i].Sub(at[first]) >= window {
			first++
		}
		most = max(most, i-first+1)
	}
	return most, len(at)
}

// TestChecksTakeFromTheirBucket: what is asked of CBR before a submission
// keeps CBR's limit, while the creating calls have room.
func TestChecksTakeFromTheirBucket(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.limits = map[string]budget.Limit{"cbr": {Count: 10, Window: time.Minute}}
		w.start()
		var keys []string
		for i := range 30 {
			keys = append(keys, w.request(fmt.Sprint(i), func(r *ledger.Record) {
				r.Operation = "create-whole-image"
				r.Data, _ = json.Marshal(map[string]string{"backup_id": fmt.Sprintf("9b27efab-4a17-4c06-bfa2-%012d", i), "whole_image_type": "CBR", "name": fmt.Sprint("n", i)})
			}))
		}
		for _, key := range keys {
			w.expect(key, "accepted submitted succeeded")
		}
		if most, all := w.cloud.within("/backups/", time.Minute); most > 10 || all < 30 {
			w.t.Errorf("%d calls of CBR in a minute, %d in all", most, all)
		}
	})
}

// TestManyChecksAtOnce wait for their turns in the bucket.
func TestManyChecksAtOnce(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		x := newExported(w)
		w.limits = map[string]budget.Limit{"evs": {Count: 20, Window: time.Minute}}
		for n := range 30 {
			x.rows[n+1] = time.Now()
		}
		w.start()
		var keys []string
		for i := range 30 {
			keys = append(keys, x.export(fmt.Sprint(i), func(r *ledger.Record) {
				r.Data, _ = json.Marshal(map[string]string{"volume_id": volumeNumber(i), "image_name": "data"})
			}))
		}
		for _, key := range keys {
			w.expect(key, "accepted submitted succeeded")
		}
		if most, all := w.cloud.within("/volumes/", time.Minute); most > 20 || all < 60 {
			w.t.Errorf("%d calls of EVS in a minute, %d in all", most, all)
		}
	})
}

func volumeNumber(n int) string { return fmt.Sprintf("16369c5d-384d-4e64-b37a-%012d", n) }

// TestEveryPageTakesAToken: a look-up over many pages keeps the list's limit.
func TestEveryPageTakesAToken(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.limits = map[string]budget.Limit{"list": {Count: 30, Window: time.Minute}}
		w.cloud.create = func(int) reply { return reply{status: 504, body: `{}`} }
		pages := 0
		w.cloud.shown = func(query url.Values) string {
			if query.Get("id") != "" {
				return marked(w.cloud.body)
			}
			if pages++; pages%8 == 0 {
				return marked(w.cloud.body)
			}
			return fullPage(pages)
		}
		w.start()
		key := w.request("a", nil)
		w.expect(key, "accepted submitted succeeded")
		if most, all := w.cloud.within("images", time.Minute); most > 30+1 || all < 15 { // the call that creates is one more
			w.t.Errorf("%d lists in a minute, %d in all", most, all)
		}
	})
}

func fullPage(n int) string {
	var rows []string
	for i := range 500 {
		rows = append(rows, fmt.Sprintf(`{"id":"%08d-ddb2-4f6f-83e3-%012d","name":"x","status":"active","created_at":"2000-01-01T00:00:00Z","__imagetype":"private","__isregistered":"true"}`, n, i))
	}
	return strings.Join(rows, ",")
}

// TestThrottledCheckClosesItsBucket, not that of the creating call.
func TestThrottledCheckClosesItsBucket(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		x := newExported(w)
		asked := 0
		usual := w.cloud.volumes
		w.cloud.volumes = func(r *http.Request) reply {
			if asked++; asked == 1 {
				return reply{status: 429, body: `{"error_code":"APIGW.0308","error_msg":"x"}`}
			}
			return usual(r)
		}
		x.rows[1] = time.Now()
		w.start()
		key := x.export("a", nil)
		x.ended(key, 1)
		if most, _ := w.cloud.within("/volumes/", 30*time.Second); most > 2 {
			w.t.Errorf("%d calls of EVS right after a refusal", most)
		}
	})
}

// TestFewCallsAWindow: creating calls and questions share a bucket that lets
// through very few. Both get their turns, and together they keep the limit.
func TestFewCallsAWindow(t *testing.T) {
	t.Parallel()
	for _, limit := range []budget.Limit{{Count: 1, Window: time.Minute}, {Count: 2, Window: time.Minute}, {Count: 3, Window: time.Minute}, {Count: 1, Window: 5 * time.Minute}} {
		t.Run(fmt.Sprintf("%d_in_%v", limit.Count, limit.Window), func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				x := newExported(w)
				w.limits = map[string]budget.Limit{"evs": limit, "tags": limit}
				x.then = func(int) { time.Sleep(5 * time.Second) } // until it is answered
				for n := range 6 {
					x.rows[n+1] = time.Now()
				}
				w.start()
				begun := time.Now()
				var keys []string
				for i := range 6 {
					keys = append(keys, x.export(fmt.Sprint(i), func(r *ledger.Record) {
						r.Deadline = time.Now().Add(100 * time.Hour)
						r.Data, _ = json.Marshal(map[string]string{"volume_id": volumeNumber(i), "image_name": "data"})
					}))
				}
				w.end() // another owner
				w.start()
				for _, key := range keys {
					w.ends(key, "succeeded")
				}
				for _, part := range []string{"/volumes/", "/tags"} {
					if most, all := w.cloud.within(part, limit.Window); most > limit.Count || all < 6 {
						w.t.Errorf("%d calls of %s in %v, %d in all", most, part, limit.Window, all)
					}
				}
				t.Logf("took %v", time.Since(begun))
			})
		})
	}
}
