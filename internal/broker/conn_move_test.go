package broker

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestSilence tries another server only when nothing else was heard for long.
func TestSilence(t *testing.T) {
	t.Parallel()
	var s silence
	now := time.Now()
	step := func(after time.Duration, err error, write, want bool) {
		t.Helper()
		now = now.Add(after)
		if got := s.heard(err, write, now); got != want {
			t.Errorf("%v: %t", err, got)
		}
	}
	const read, write = false, true
	step(0, nats.ErrTimeout, read, false)
	step(moveAfter-time.Second, nats.ErrNoResponders, read, false)
	step(time.Second/2, nil, read, false)
	step(time.Minute, nats.ErrTimeout, read, false)
	step(moveAfter, ErrConflict, read, false)
	step(time.Minute, nats.ErrTimeout, read, false)
	step(moveAfter, nats.ErrTimeout, read, true)
	step(time.Second, nats.ErrTimeout, write, false)
	step(moveAfter/2, nil, read, false) // a leader that is cut off answers questions
	step(moveAfter/2+1, nats.ErrTimeout, write, true)
	step(time.Second, nats.ErrTimeout, write, false)
	step(moveAfter, ErrConflict, write, false)
	step(time.Second, nats.ErrTimeout, write, false)
	step(silenceEnds+time.Second, nats.ErrTimeout, write, false) // nobody has tried meanwhile
}
