package engine_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/engine"
	"github.com/imsworker/imsworker/internal/ledger"
)

// TestBudgetsInUse: the metrics show all budgets with the limit that is
// configured, whatever part of it one kind of call has.
func TestBudgetsInUse(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		r := newRegions(t, w)
		adjust := w.adjust
		w.adjust = func(a *engine.Account) {
			adjust(a)
			a.Askers = 1
			a.Limits = map[string]budget.Limit{
				"cross_region": {Count: 3, Window: 5 * time.Minute}, "list": {Count: 100, Window: time.Minute}, "tags": {Count: 9, Window: time.Minute},
			}
		}
		w.start()
		for i := range 4 {
			w.across(fmt.Sprint(i), func(r *ledger.Record) { r.Deadline = time.Now().Add(time.Hour) })
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		got := map[string][2]int{}
		census, err := w.engine.Census(w.t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range census.Budgets {
			got[b.Bucket] = [2]int{b.Limit, b.Used}
		}
		asked := mostWithin(r.calls, "GET /demo/v2/cloudimages", time.Minute)
		for bucket, want := range map[string][2]int{"cross_region": {3, 3}, "cross_region_concurrent": {5, 3}, "list": {100, asked}} {
			if got[bucket] != want {
				t.Errorf("%s: limit and use %v, want %v", bucket, got[bucket], want)
			}
		}
	})
}
