package engine

import (
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/ledger"
)

// TestHintWhileAskedFor: the image list shows that an image is done while its
// job's question is on its way, which finds the job still running. The job is
// asked for again when its end is expected, not when the question's plan says.
func TestHintWhileAskedFor(t *testing.T) {
	t.Parallel()
	g := newIdle()
	g.loaded = true
	g.learn(&ledger.Record{
		Key: "key", Cloud: "demo", Operation: "copy-image", Attempt: 1, State: ledger.Submitted, JobID: "job", Sequence: 1,
		Submitted: time.Now().Add(-5 * time.Minute),
	})
	e := g.entries["key"]
	e.account.conf, e.told, e.busy = &Account{TimeFactor: 1}, true, true
	g.running, g.pools[queryPool].free, e.account.running[queryPool] = 1, places-1, 1
	now := time.Now()
	g.hint(e, ims.Image{UpdatedAt: now.Add(-time.Second)}, now)
	due := e.again
	e.again = now.Add(30 * time.Second) // nothing is due while the test runs
	sooner := e.again
	g.conclude(result{task: task{entry: e, step: pollStep, begun: now}, again: now.Add(time.Hour)})
	if due.After(now.Add(time.Minute)) || !e.again.Equal(sooner) || !e.hinted {
		t.Errorf("asked for again in %v, hinted: %t", e.again.Sub(now), e.hinted)
	}
	e.busy = true
	g.running, g.pools[queryPool].free, e.account.running[queryPool] = 1, places-1, 1
	later := now.Add(2 * time.Hour)
	if g.conclude(result{task: task{entry: e, step: pollStep, begun: now, hinted: true}, again: later}); !e.again.Equal(later) {
		t.Errorf("a question that knew of the hint is repeated in %v", e.again.Sub(now))
	}
}
