package engine_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// TestFinishedRequestHoldsOneSlot counts the slots of requests that end
// within the window: each is one, however often their records come by.
func TestFinishedRequestHoldsOneSlot(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.limits = map[string]budget.Limit{"copy": {Count: 4, Window: 5 * time.Minute}}
		w.start()
		for i := range 8 {
			w.request(fmt.Sprint(i), nil)
		}
		time.Sleep(4 * time.Minute)
		w.wantPosts(4)
		time.Sleep(3 * time.Minute)
		w.wantPosts(8)
	})
}

// TestClaimsOfADeadOwnerHoldSlots loads claims without an answer: their calls
// may have been made.
func TestClaimsOfADeadOwnerHoldSlots(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.limits = map[string]budget.Limit{"copy": {Count: 3, Window: 5 * time.Minute}}
		for i := range 3 {
			w.request(fmt.Sprint("claimed", i), func(r *ledger.Record) { r.State, r.Since = ledger.Submitting, time.Now() })
		}
		w.start()
		w.request("next", nil)
		time.Sleep(5 * time.Minute)
		w.wantPosts(0)
		time.Sleep(time.Minute)
		w.wantPosts(1)
	})
}

// TestPauseIsShort lets many calls be refused at once: that is one refusal,
// not many in a row.
func TestPauseIsShort(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		begun := time.Now()
		w.cloud.create = func(int) reply {
			if time.Since(begun) < 6*time.Second {
				return reply{status: http.StatusForbidden, body: `{"error_code":"APIGW.0302","error_msg":"no","request_id":"r"}`}
			}
			return accepted()
		}
		var keys []string
		for i := range 20 {
			keys = append(keys, w.request(fmt.Sprint(i), nil))
		}
		w.start()
		for _, key := range keys {
			w.expect(key, "accepted submitted succeeded")
		}
		if took := time.Since(begun); took > 2*time.Minute {
			w.t.Errorf("the account was out for %v after 6 s of bad credentials", took)
		}
	})
}

// TestParkedEndsAtItsDeadline also where it was told to be late before.
func TestParkedEndsAtItsDeadline(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.create = func(int) reply { return refusal(400, "IMG.0136") }
		w.start()
		key := w.request("a", func(r *ledger.Record) {
			r.Deadline = time.Now().Add(10 * time.Minute)
			r.NotBefore = time.Now().Add(20 * time.Minute)
		})
		w.expect(key, "accepted late rejected")
		w.wantPosts(1)
	})
}

// TestQueuedParkedEndsAtItsDeadline does not wait for a slot to end.
func TestQueuedParkedEndsAtItsDeadline(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		begun := time.Now()
		w.limits = map[string]budget.Limit{"copy": {Count: 1, Window: 3 * time.Hour}}
		w.cloud.create = func(int) reply { return refusal(400, "IMG.0136") }
		w.start()
		key := w.request("a", func(r *ledger.Record) { r.Deadline = begun.Add(10 * time.Minute) })
		w.expect(key, "accepted rejected")
		if took := time.Since(begun); took > 11*time.Minute {
			w.t.Errorf("told after %v", took)
		}
	})
}

// TestAlreadyThereAfterALostAnswer ends for a person to decide when the cloud
// says that something is there which nobody can find.
func TestAlreadyThereAfterALostAnswer(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.create = func(n int) reply {
			if n == 1 {
				return reply{status: 504, body: `{}`}
			}
			return refusal(400, "IMG.0009")
		}
		w.start()
		key := w.request("a", func(r *ledger.Record) { r.Deadline = time.Now().Add(24 * time.Hour) })
		w.expect(key, "accepted unresolved")
		w.wantPosts(2)
	})
}

// TestUnresolvedIsToldOnce forgets the final event of an unresolved record,
// as age does, and looks whether it is told again.
func TestUnresolvedIsToldOnce(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		key := w.request("a", func(r *ledger.Record) {
			r.State, r.Outcome, r.Finished = ledger.Finished, messages.StateUnresolved, time.Now()
			r.Failure = &messages.Failure{Reason: messages.ReasonUnresolved}
		})
		w.start()
		w.expect(key, "unresolved")
		time.Sleep(time.Second)
		w.events.mu.Lock()
		w.events.events = nil
		w.events.mu.Unlock()
		time.Sleep(72 * time.Hour)
		w.end()
		w.start()
		time.Sleep(72 * time.Hour)
		w.expect(key, "")
		if r, err := w.ledger.Get(w.t.Context(), key); err != nil || len(r.Data) == 0 || !r.Told {
			w.t.Errorf("record %+v, %v", r, err)
		}
	})
}

// TestSequenceGoesUp orders the events of a request by their sequence.
func TestSequenceGoesUp(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.limits = map[string]budget.Limit{"copy": {Count: 1, Window: time.Hour}}
		w.start()
		first := w.request("first", nil)
		w.expect(first, "accepted submitted succeeded")
		key := w.request("second", func(r *ledger.Record) { r.Deadline = time.Now().Add(time.Minute) })
		w.expect(key, "accepted late submitted succeeded")
		last := 0
		for _, e := range w.events.events {
			if e.meta.Key == key {
				if e.meta.Sequence <= last {
					w.t.Errorf("%s has sequence %d after %d", e.meta.State, e.meta.Sequence, last)
				}
				last = e.meta.Sequence
			}
		}
	})
}

// TestNewerRecordIsLeftAlone works around a record of a later version.
func TestNewerRecordIsLeftAlone(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		key := w.request("a", nil)
		w.ledger.records[key].Version = ledger.Version + 1
		w.start()
		other := w.request("b", nil)
		w.expect(other, "accepted submitted succeeded")
		w.expect(key, "")
		if r := w.ledger.records[key]; r.Version != ledger.Version+1 || r.State != ledger.Accepted {
			w.t.Errorf("the record was changed: %+v", r)
		}
	})
}
