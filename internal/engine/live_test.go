package engine_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// prospect asks for what is expected of one request.
func (w *world) prospect(key string) messages.Prospect {
	w.t.Helper()
	synctest.Wait()
	all, err := w.engine.Prospects(w.t.Context(), []string{key, "no such key"})
	if err != nil || len(all) != 1 {
		w.t.Fatalf("prospects %+v, %v", all, err)
	}
	return all[0]
}

// TestExpectedStartIsWhenItStarts asks at once what is expected of requests of
// three sources and two priorities, and looks when each is submitted.
func TestExpectedStartIsWhenItStarts(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.limits = map[string]budget.Limit{"copy": {Count: 3, Window: 5 * time.Minute}}
		w.cloud.job = running
		w.start()
		for i := range 2 {
			w.request(fmt.Sprint("before", i), nil)
			time.Sleep(40 * time.Second)
		}
		var keys []string
		for i := range 20 {
			keys = append(keys, w.request(fmt.Sprint(i), func(r *ledger.Record) {
				r.Source = [...]string{"a", "a", "a", "b", "c"}[i%5]
				if i%7 == 0 {
					r.Priority = messages.PriorityHigh
				}
				if i == 19 {
					r.NotBefore = time.Now().Add(100 * time.Minute)
				}
			}))
			time.Sleep(time.Millisecond)
		}
		expected := map[string]messages.Prospect{}
		for _, key := range keys {
			expected[key] = w.prospect(key)
		}
		for i, key := range keys {
			p, want := expected[key], messages.WaitsBudget
			if i == 19 {
				want = messages.WaitsNotBefore
			}
			if p.State == string(ledger.Submitted) {
				continue
			}
			if p.Waits != want || p.Start == nil || p.Ahead == nil || p.End != nil || (p.Risk != nil) != (i == 19) { // whose deadline comes before
				w.t.Errorf("%d: %+v", i, p)
			}
		}
		time.Sleep(2 * time.Hour)
		for i, key := range keys {
			started := w.submitted(key)
			if p := expected[key]; p.Start == nil || started.Sub(*p.Start).Abs() > time.Second {
				w.t.Errorf("%d: started at %s, expected at %v", i, started, p.Start)
			}
		}
	})
}

// submitted is when a request was submitted.
func (w *world) submitted(key string) time.Time {
	w.t.Helper()
	w.events.mu.Lock()
	defer w.events.mu.Unlock()
	for _, e := range w.events.of(key) {
		if e.meta.State == messages.StateSubmitted {
			return e.meta.Time
		}
	}
	w.t.Fatalf("%s was not submitted", key)
	return time.Time{}
}

// TestReasonsToWait brings one request into each state in which it waits.
func TestReasonsToWait(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.limits = map[string]budget.Limit{"copy": {Count: 1, Window: time.Hour}}
		w.held.Store("tag-image", true)
		w.cloud.create = func(int) reply { return refusal(400, "IMG.0136") }
		w.start()
		put := func(id string, change func(*ledger.Record)) string {
			key := w.request(id, change)
			time.Sleep(time.Second)
			return key
		}
		for _, c := range []struct {
			key   string
			want  messages.WaitReason
			until time.Duration // at least
			start bool
		}{
			{put("parked", nil), messages.WaitsParked, 15 * time.Second, false},
			{put("budget", nil), messages.WaitsBudget, 0, true},
			{put("later", func(r *ledger.Record) { r.NotBefore = time.Now().Add(10 * time.Minute) }), messages.WaitsNotBefore, 9 * time.Minute, true},
			{put("paused", func(r *ledger.Record) { r.Operation = "tag-image" }), messages.WaitsPaused, 0, false},
			{put("search", func(r *ledger.Record) {
				r.State, r.EverUncertain, r.Doubted, r.Since = ledger.Uncertain, true, time.Now(), time.Now()
			}), messages.WaitsSearch, 0, false},
			{put("person", func(r *ledger.Record) {
				r.State, r.Outcome, r.Told, r.Finished = ledger.Finished, messages.StateUnresolved, true, time.Now()
			}), messages.WaitsPerson, 0, false},
		} {
			p := w.prospect(c.key)
			if p.Waits != c.want || (p.Start != nil) != c.start || p.End != nil {
				w.t.Errorf("want %s, got %+v", c.want, p)
			}
			if (p.Until != nil) != (c.until > 0) && c.want != messages.WaitsSearch || c.until > 0 && time.Until(*p.Until) < c.until {
				w.t.Errorf("%s: until %v", c.want, p.Until)
			}
		}
	})
}

// TestNoProspectsOfWhatEnded: a tombstone waits for nothing.
func TestNoProspectsOfWhatEnded(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.start()
		key := w.request("a", nil)
		w.expect(key, "accepted submitted succeeded")
		time.Sleep(time.Second)
		if all, err := w.engine.Prospects(w.t.Context(), []string{key}); err != nil || len(all) != 0 {
			w.t.Errorf("%+v, %v", all, err)
		}
	})
}

// TestSlotsAreShown: of seven copies five run, two wait for one of them to end;
// nobody knows when that is.
func TestSlotsAreShown(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		newRegions(t, w)
		w.start()
		var keys []string
		for i := range 7 {
			keys = append(keys, w.across(fmt.Sprint(i), nil))
			time.Sleep(time.Second)
		}
		time.Sleep(time.Minute)
		if p := w.prospect(keys[6]); p.Waits != messages.WaitsSlot || p.Start != nil || p.Ahead == nil || *p.Ahead != 1 {
			w.t.Errorf("the last: %+v", p)
		}
		clouds, err := w.engine.Limits(w.t.Context(), []string{"demo"})
		if err != nil || len(clouds) != 1 || clouds[0].Waiting != 2 || clouds[0].Following != 5 {
			w.t.Fatalf("%+v, %v", clouds, err)
		}
		for _, b := range clouds[0].Buckets {
			if b.Kind == messages.BucketSlots {
				if b.Bucket != "cross_region_concurrent" || *b.Limit != 5 || b.Used != 5 || *b.Left != 0 || b.Waiting != 2 {
					w.t.Errorf("%+v", b)
				}
				return
			}
		}
		w.t.Errorf("no slots among %+v", clouds[0].Buckets)
	})
}
