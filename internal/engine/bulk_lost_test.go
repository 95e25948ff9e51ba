package engine_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// lostBulk has a bulk of 700 legs lose its pages for good while 100 of them
// are under way, of which all but one succeed meanwhile.
func (w *world) lostBulk(l *legWorld) (key string) {
	w.t.Helper()
	l.loseNews = true
	l.ends = func(r messages.Request) (messages.State, time.Duration) {
		if strings.Contains(string(r.Data), imageOf(7)) {
			return messages.StateFailed, time.Minute
		}
		return messages.StateSucceeded, time.Minute
	}
	w.images(700, nil)
	w.start()
	key = w.bulk("a", 700, 1, func(d *messages.BulkCopy) { d.Concurrency = 100 })
	time.Sleep(30 * time.Second)
	w.end()
	w.withoutPages(nil)
	w.start()
	return key
}

// TestBulkThatHasLostItsPages makes its legs again from their events, and
// comes to an end; what has left no trace is unresolved, and a retry begins it.
func TestBulkThatHasLostItsPages(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		l := newLegs(w)
		key := w.lostBulk(l)
		time.Sleep(50 * time.Minute)
		synctest.Wait()
		if _, told, _ := w.events.Final(w.t.Context(), "demo", key, 1); told {
			w.t.Fatal("it has ended while the pages may come back")
		}
		time.Sleep(20 * time.Minute)
		final, legs := w.ended(key, 1)
		if c := final.Batch.Counts; c.Succeeded != 99 || c.Failed != 1 || c.Unresolved != 600 || len(l.begun) != 100 {
			w.t.Errorf("counts %v, %d requests", c, len(l.begun))
		}
		if e := legs[7]; e.State != messages.StateFailed || e.ImageID != imageOf(7) || e.Name != "web-7-0" || e.Request == nil {
			w.t.Errorf("the one that had failed: %+v", e)
		}
		if e := legs[600]; e.ImageID != imageOf(600) || e.Error.Reason != messages.ReasonUnresolved || !strings.Contains(e.Error.Remedy, "retry the bulk") || e.Request != nil {
			w.t.Errorf("one without a trace: %+v, %+v", e, e.Error)
		}
		l.mu.Lock()
		l.loseNews, l.ends = false, func(messages.Request) (messages.State, time.Duration) { return messages.StateSucceeded, time.Minute }
		l.mu.Unlock()
		w.again(key)
		if final, _ := w.ended(key, 2); final.Batch.Counts.Succeeded != 700 || len(l.begun) != 701 {
			w.t.Errorf("the retry ended with %v after %d requests", final.Batch.Counts, len(l.begun))
		}
	})
}

// TestBulkThatHasLostItsPagesIsCancelled within minutes.
func TestBulkThatHasLostItsPagesIsCancelled(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		l := newLegs(w)
		key := w.lostBulk(l)
		time.Sleep(10 * time.Minute)
		w.stopBulk(key)
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		if _, told, _ := w.events.Final(w.t.Context(), "demo", key, 1); !told {
			w.t.Fatalf("it has not ended: %s", w.events.states(key))
		}
		if final, _ := w.ended(key, 1); final.Batch.Counts.Open() > 0 || final.Batch.Counts.Succeeded != 99 {
			w.t.Errorf("counts %v", final.Batch.Counts)
		}
	})
}

// TestBulkOfAQueryThatHasLostItsPages: of a leg without a trace not even the
// image is known, and a retry leaves it alone.
func TestBulkOfAQueryThatHasLostItsPages(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		l := newLegs(w)
		l.loseNews = true
		w.images(30, nil)
		w.start()
		key := w.bulk("a", 0, 1, func(d *messages.BulkCopy) {
			d.Query, d.Concurrency = &messages.BulkQuery{Name: "web-*"}, 10
		})
		time.Sleep(30 * time.Second)
		w.end()
		w.withoutPages(nil)
		w.start()
		time.Sleep(2 * time.Hour)
		final, legs := w.ended(key, 1)
		if c := final.Batch.Counts; c.Succeeded != 10 || c.Unresolved != 20 || legs[3].ImageID == "" || !strings.Contains(legs[20].Error.Remedy, key) {
			w.t.Errorf("counts %v, %+v, %+v", c, legs[3], legs[20])
		}
		w.again(key)
		if final, _ := w.ended(key, 2); final.Batch.Counts.Succeeded != 10 || final.Batch.Counts.Unresolved != 20 || len(l.begun) != 10 {
			w.t.Errorf("the retry ended with %v after %d requests", final.Batch.Counts, len(l.begun))
		}
	})
}

// TestBulkThatLosesItsPagesAtItsEnd tells all legs, and counts that fit.
func TestBulkThatLosesItsPagesAtItsEnd(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		newLegs(w)
		w.start()
		data, err := json.Marshal(messages.BulkCopy{Images: []string{imageOf(0), imageOf(1)}, Targets: []messages.BulkTarget{{Name: "a"}, {Name: "b"}}})
		if err != nil {
			w.t.Fatal(err)
		}
		key := w.request("a", func(r *ledger.Record) {
			r.Operation, r.Data, r.DataHash = messages.OperationBulkCopy, data, ledger.HashData(data)
			r.State, r.Outcome, r.Finished, r.Submitted = ledger.Finished, messages.StateBatchCompleted, time.Now(), time.Now()
			r.Bulk = &ledger.Bulk{
				Expansion: "e", Pages: 1, Legs: 4, Counts: &messages.Counts{Legs: 4, Succeeded: 4},
				Routes: []messages.BulkRoute{{Way: messages.WayHere, Cloud: "demo"}, {Way: messages.WayHere, Cloud: "demo"}},
			}
		})
		if final, _ := w.ended(key, 1); final.Batch.Counts.Unresolved != 4 {
			w.t.Errorf("counts %v", final.Batch.Counts)
		}
	})
}
