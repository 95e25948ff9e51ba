package engine_test

import (
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
)

// TestBulkExpandsWithinAnyBudget: what was looked at is not asked for again, so
// that there is an end.
func TestBulkExpandsWithinAnyBudget(t *testing.T) {
	t.Parallel()
	for name, listed := range map[string]int{"listed": 20000, "not_listed": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				newLegs(w)
				w.limits = map[string]budget.Limit{"list": {Count: 1, Window: time.Minute}}
				w.images(max(listed, 100), nil)
				if all := w.cloud.shown; listed == 0 {
					w.cloud.shown = func(q url.Values) string {
						if q.Get("id") == "" {
							return "" // they are somebody else's
						}
						return all(q)
					}
				}
				w.start()
				key := w.bulk("a", 100, 1, nil)
				time.Sleep(4 * time.Hour)
				synctest.Wait()
				if final, told, _ := w.events.Final(w.t.Context(), "demo", key, 1); !told || final.Batch.Counts.Succeeded+final.Batch.Counts.Rejected != 100 {
					w.t.Fatalf("told %s", w.events.states(key))
				}
				if _, all := w.cloud.within("images", time.Minute); all > 150 {
					w.t.Errorf("%d calls", all)
				}
			})
		})
	}
}
