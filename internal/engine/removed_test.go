package engine

import (
	"testing"
	"time"
)

// TestSweepOfARemovedCloud: a look at the image list that waited for its place
// while the cloud's entry was taken out of clouds.yaml does nothing.
func TestSweepOfARemovedCloud(t *testing.T) {
	t.Parallel()
	a := newAccount("gone", nil)
	e := a.sweep.entry
	e.busy = true
	g := &Engine{}
	g.conclude(g.run(t.Context(), task{entry: e, step: sweepStep, cloud: a.name, begun: time.Now()}))
	if e.busy || !a.sweep.began.IsZero() {
		t.Errorf("busy %v, last sweep %v; want neither", e.busy, a.sweep.began)
	}
}
