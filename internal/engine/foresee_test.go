package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// progress is what was told of a request besides its states.
func (l *told) progress(key string) (all []toldEvent) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		if e.meta.State == messages.StateProgress && (key == "" || e.meta.Key == key) {
			all = append(all, e)
		}
	}
	return all
}

// TestExpectedStartIsTold once, if it does not move, and again when others of a
// higher priority come before.
func TestExpectedStartIsTold(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.limits = map[string]budget.Limit{"copy": {Count: 2, Window: 5 * time.Minute}}
		w.start()
		var keys []string
		for i := range 6 {
			keys = append(keys, w.request(fmt.Sprint(i), nil))
			time.Sleep(time.Second)
		}
		time.Sleep(2 * time.Minute)
		for i, key := range keys {
			all := w.events.progress(key)
			if i < 2 {
				if len(all) != 0 {
					w.t.Errorf("%d did not wait and was told of %d times", i, len(all))
				}
				continue
			}
			if len(all) != 1 || all[0].event.Estimate.Start == nil || all[0].event.Job != nil || all[0].event.State != messages.StateProgress {
				w.t.Fatalf("%d: told %+v", i, all)
			}
		}
		for i := range 4 {
			w.request(fmt.Sprint("high", i), func(r *ledger.Record) { r.Priority = messages.PriorityHigh })
		}
		time.Sleep(time.Minute)
		if all := w.events.progress(keys[5]); len(all) != 2 || !all[1].event.Estimate.Start.After(*all[0].event.Estimate.Start) {
			w.t.Errorf("put off by others: told %+v", all)
		}
		time.Sleep(time.Hour)
		for i, key := range keys[2:] {
			all := w.events.progress(key)
			if off := w.submitted(key).Sub(*all[len(all)-1].event.Estimate.Start).Abs(); off > 31*time.Second {
				w.t.Errorf("%d: started %s beside what was told", i, off)
			}
			w.expect(key, "accepted submitted succeeded")
		}
	})
}

// TestManyThatWaitMakeNoStorm: of thousands, ten a second are told at most, the
// next first, and each but once as long as nothing changes.
func TestManyThatWaitMakeNoStorm(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.limits = map[string]budget.Limit{"copy": {Count: 10, Window: 100 * time.Hour}}
		for i := range 2000 {
			w.request(fmt.Sprint(i), func(r *ledger.Record) { r.Deadline = time.Now().Add(10000 * time.Hour) })
			time.Sleep(time.Millisecond)
		}
		w.start()
		begun := time.Now()
		for range 12 {
			time.Sleep(30 * time.Second)
			if n, most := len(w.events.progress("")), 300+int(10*time.Since(begun).Seconds()); n > most {
				w.t.Errorf("%d told after %s", n, time.Since(begun))
			}
		}
		all := w.events.progress("")
		if len(all) != 1990 {
			w.t.Errorf("%d told, want each of those that wait once", len(all))
		}
	})
}

// TestToldWhileItsTurnComes holds the broker up while an expected start is
// told: what is submitted meanwhile is submitted after that, in its turn.
func TestToldWhileItsTurnComes(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.limits = map[string]budget.Limit{"copy": {Count: 1, Window: time.Minute}}
		w.events.slow = 2 * time.Minute
		w.start()
		var keys []string
		for i := range 4 {
			keys = append(keys, w.request(fmt.Sprint(i), nil))
			time.Sleep(time.Second)
		}
		for _, key := range keys {
			w.expect(key, "accepted submitted succeeded")
		}
		var last time.Time
		for i, key := range keys {
			if at := w.submitted(key); at.Before(last) {
				w.t.Errorf("%d was submitted before the one that came before it", i)
			} else {
				last = at
			}
			if all := w.events.progress(key); i > 0 && (len(all) == 0 || all[0].meta.Time.After(w.submitted(key))) {
				w.t.Errorf("%d: told %+v", i, all)
			}
		}
		w.wantPosts(4)
	})
}
