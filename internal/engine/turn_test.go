package engine_test

import (
	"context"
	"testing"
	"time"
)

// TestTurn: a loop that waits turns at once, one that hangs does not, and one
// that has ended is not missed.
func TestTurn(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		turn := func() error {
			ctx, cancel := context.WithTimeout(w.t.Context(), 15*time.Second)
			defer cancel()
			return w.engine.Turn(ctx)
		}
		w.hang = make(chan struct{})
		w.start()
		time.Sleep(time.Hour)
		if err := turn(); err != nil {
			t.Errorf("with nothing to do: %v", err)
		}
		key := w.request("a", nil)
		time.Sleep(time.Second)
		if err := turn(); err == nil {
			t.Error("it turns while it hangs")
		}
		close(w.hang)
		if err := turn(); err != nil {
			t.Errorf("it goes on: %v", err)
		}
		w.expect(key, "accepted submitted succeeded")
		g := w.engine
		w.end()
		if err := g.Turn(w.t.Context()); err != nil {
			t.Errorf("after its end: %v", err)
		}
		w.start()
	})
}
