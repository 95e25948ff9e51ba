package engine_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/ledger"
)

// TestWindowIsKeptOverTakeOvers changes the owner again and again while
// requests wait for slots: what records and tombstones remember of their calls
// keeps every window.
func TestWindowIsKeptOverTakeOvers(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		limit := budget.Limit{Count: 3, Window: 5 * time.Minute}
		w.limits = map[string]budget.Limit{"copy": limit}
		for i := range 12 {
			w.request(fmt.Sprint(i), nil)
		}
		for range 40 {
			w.start()
			time.Sleep(time.Minute)
			w.end()
		}
		w.start()
		w.wantPosts(12)
		for i := range w.cloud.creates {
			if i >= limit.Count && w.cloud.creates[i].Sub(w.cloud.creates[i-limit.Count]) < limit.Window {
				t.Errorf("calls %d to %d fall into one window: %v", i-limit.Count, i, w.cloud.creates)
			}
		}
	})
}

// longSubmitted makes a record one whose job has been running for an hour.
func longSubmitted(r *ledger.Record) {
	r.State, r.Submitted, r.JobID = ledger.Submitted, time.Now().Add(-time.Hour), jobID
	r.Deadline = time.Now().Add(24 * time.Hour)
}

// TestFirstQueriesAfterATakeOver: a new owner asks for the jobs that it finds
// within their usual wait, as its budget allows, and repeats no event for all
// of them at once.
func TestFirstQueriesAfterATakeOver(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		const jobs, rate = 300, 90 // a minute
		w.cloud.job = running
		w.limits = map[string]budget.Limit{"show_job": {Count: 100, Window: time.Minute}}
		for i := range jobs {
			w.request(fmt.Sprint(i), longSubmitted)
		}
		time.Sleep(time.Minute)
		w.start()
		synctest.Wait()
		if n := len(w.events.all()); n != 0 {
			t.Errorf("%d events were told again at once", n)
		}
		var asked []int
		for range 5 {
			time.Sleep(time.Minute)
			synctest.Wait()
			asked = append(asked, w.queries())
		}
		for minute, n := range asked {
			if most := (minute + 1) * rate; n > most || n < most*8/10 {
				t.Errorf("%d queries after %d minutes, the budget is %d: %v", n, minute+1, most, asked)
			}
		}
	})
}

// queries is how often the cloud was asked for a job.
func (w *world) queries() int {
	w.cloud.mu.Lock()
	defer w.cloud.mu.Unlock()
	return w.cloud.jobs
}

func (l *told) all() []toldEvent {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}

// TestUntoldIsToldAfterATakeOver: an owner that died before it could tell that
// a request is submitted leaves that to the next one, however long ago it was.
func TestUntoldIsToldAfterATakeOver(t *testing.T) {
	t.Parallel()
	for name, ago := range map[string]time.Duration{"just now": time.Second, "long ago": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				w.cloud.job = running
				key := w.request("a", longSubmitted)
				time.Sleep(ago)
				w.start()
				w.expect(key, "submitted")
				w.cloud.mu.Lock()
				w.cloud.job = succeeded
				w.cloud.mu.Unlock()
				w.expect(key, "submitted succeeded")
			})
		})
	}
}
