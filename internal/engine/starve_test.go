package engine

import (
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
)

// TestStepsLeaveTurnsForTheLine: steps ask for one token after the other, ahead
// of time. A look-up that waits in the line has its turn all the same, and they
// have theirs.
func TestStepsLeaveTurnsForTheLine(t *testing.T) {
	t.Parallel()
	a := newAccount("demo", &Account{Limits: map[string]budget.Limit{listBucket: {Count: 10, Window: 9 * time.Second}}}) // a token each second
	now := time.Now()
	for range 100 {
		a.ask(task{entry: &entry{}, bucket: listBucket})
	}
	asked, reserved := 0, 0
	var next []time.Time // when the tokens of five steps are there
	for end := now.Add(100 * time.Second); now.Before(end); now = now.Add(100 * time.Millisecond) {
		for len(next) > 0 && !next[0].After(now) {
			next = next[1:]
			reserved++
		}
		for len(next) < 5 {
			at, taken := a.query(listBucket).Reserve(now, now.Add(time.Minute))
			if !taken {
				break
			}
			next = append(next, at)
		}
		if _, ok := a.popAsk(now); ok {
			asked++
		} else if wake, waiting := a.wakeAsk(now); !waiting || wake.After(now.Add(10*time.Second)) {
			t.Fatalf("the line would be looked at in %v, %t", wake.Sub(now), waiting)
		}
	}
	if asked < 10 || reserved < 50 || asked+reserved > 101 {
		t.Errorf("%d of the line and %d of steps in 100 seconds, a token each second", asked, reserved)
	}
}
