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
	step := func(after time.Duration, err error, want bool) {
		t.Helper()
		now = now.Add(after)
		if got := s.heard(err, now); got != want {
			t.Errorf("%v: %t", err, got)
		}
	}
	step(0, nats.ErrTimeout, false)
	step(moveAfter-time.Second, nats.ErrNoResponders, false)
	step(time.Second/2, nil, false)
	step(time.Minute, nats.ErrTimeout, false)
	step(moveAfter, ErrConflict, false)
	step(time.Minute, nats.ErrTimeout, false)
	step(moveAfter, nats.ErrTimeout, true)
	step(time.Second, nats.ErrTimeout, false)
	step(moveAfter, nats.ErrTimeout, true)
}
