package engine_test

import (
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// TestOvertakenStepDecidesNothing has another owner end the attempt while this
// one asks for its job: what was decided stays, and is not told again.
func TestOvertakenStepDecidesNothing(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		key := messages.Key("demo", "test", "a")
		w.cloud.job = func(n int) reply {
			if n != 20 {
				return running(n)
			}
			w.ledger.mu.Lock()
			tell := w.ledger.follower
			w.ledger.follower = func(*ledger.Record) {} // the news come late
			r := w.ledger.records[key].Clone()
			w.ledger.write(r, func(r *ledger.Record) {
				r.State, r.Outcome, r.Finished = ledger.Finished, messages.StateSucceeded, time.Now()
				*r = *r.Tombstone()
			})
			w.ledger.follower = tell
			w.ledger.mu.Unlock()
			return succeeded(n)
		}
		w.start()
		w.request("a", nil)
		w.expect(key, "accepted submitted")
		time.Sleep(time.Hour)
		r, err := w.ledger.Get(w.t.Context(), key)
		if err != nil || r.Outcome != messages.StateSucceeded || !r.Buried {
			w.t.Errorf("record %+v, %v", r, err)
		}
		if got := w.events.states(key); got != "accepted submitted" && got != "accepted submitted late" {
			w.t.Errorf("told %q", got)
		}
	})
}
