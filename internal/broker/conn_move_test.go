package broker

import (
	"testing"
	"time"
)

// TestMoves: another server is tried when no write was taken for long, then
// less and less often, until one is.
func TestMoves(t *testing.T) {
	t.Parallel()
	var m moves
	now := time.Now()
	step := func(after time.Duration, want bool) {
		t.Helper()
		now = now.Add(after)
		if got := m.due(now); got != want {
			t.Errorf("due is %t", got)
		}
	}
	m.took(now)
	step(moveAfter-time.Second, false)
	step(time.Second, true)
	step(moveAfter, false)
	step(moveAfter, true)
	for range 10 {
		step(moveMost, true)
	}
	step(moveMost-time.Second, false)
	m.took(now)
	step(moveAfter, true)
}
