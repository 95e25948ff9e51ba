package simulate

import (
	"testing"
	"testing/synctest"
	"time"
)

// report is what came of a plan.
type report struct {
	violations []violation
	virtual    time.Duration
	requests   int
	finals     int
	history    []string
}

// simulate lets a plan happen in a bubble of its own. Violations are only
// reported: the test goes on.
func simulate(t *testing.T, p plan) report {
	t.Helper()
	var r report
	synctest.Test(t, func(t *testing.T) {
		w, err := newWorld(p)
		if err != nil {
			t.Fatal(err)
		}
		w.run(t.Context())
		r = report{w.watch.violations(), time.Since(w.begun), len(w.requests()), w.watch.ends, w.history.all()}
	})
	return r
}
