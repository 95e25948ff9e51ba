package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/messages"
)

// twin is a second image that carries the same marker.
const twin = "0a0c8b1e-8f49-4a59-8d0b-6a7f7d1f2c22"

// TestDuplicateIsReported loses an answer whose image appears only after the
// request was sent again: the final event names it.
func TestDuplicateIsReported(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.create = func(n int) reply {
			if n == 1 {
				return reply{status: 504, body: `{}`}
			}
			return accepted()
		}
		w.cloud.images = func(posted string) string {
			if len(w.cloud.creates) < 2 {
				return ""
			}
			return strings.Replace(marked(posted), copied, twin, 1)
		}
		w.start()
		key := w.request("a", nil)
		w.expect(key, "accepted submitted succeeded")
		e := w.events.last(w.t, key)
		if len(e.Duplicates) != 1 || e.Duplicates[0].ID != twin || e.Images[0].ID != copied {
			w.t.Errorf("images %v, duplicates %v", e.Images, e.Duplicates)
		}
	})
}

// TestDuplicateIsReportedAfterATrouble: what a first try to end the request has
// noted, and could not store, is not taken for known by the second.
func TestDuplicateIsReportedAfterATrouble(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		const before = 20 // requests, after which it is known that such jobs may end at any moment
		w.cloud.job = func(n int) reply {
			a, ended := succeeded(n), `"end_time":"2000-01-01T00:00:03.000Z"`
			if n%2 == 0 {
				ended = `"end_time":"2000-01-01T00:01:00.000Z"`
			}
			a.body = strings.Replace(a.body, `"end_time":""`, ended, 1)
			return a
		}
		w.cloud.create = func(n int) reply {
			if n == before+1 {
				return reply{status: 504, body: `{}`}
			}
			return accepted()
		}
		w.cloud.images = func(posted string) string {
			if len(w.cloud.creates) < before+2 {
				return ""
			}
			return strings.Replace(marked(posted), copied, twin, 1)
		}
		w.start()
		for n := range before {
			w.expect(w.request(fmt.Sprint("before-", n), nil), "accepted submitted succeeded")
		}
		w.cloud.tagged, w.cloud.tags = nil, []reply{{status: 504}}
		key := w.request("a", nil)
		w.expect(key, "accepted submitted succeeded")
		if e := w.events.last(w.t, key); len(w.cloud.tagged) != 2 || len(e.Duplicates) != 1 || e.Duplicates[0].ID != twin {
			w.t.Errorf("%d calls for tags, duplicates %v", len(w.cloud.tagged), e.Duplicates)
		}
	})
}

// TestLateDuplicateIsLookedForAgain finds a duplicate that appears after the
// end, once, and leaves a tombstone that knows it.
func TestLateDuplicateIsLookedForAgain(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		var ended time.Time
		w.cloud.create = func(n int) reply {
			if n == 1 {
				return reply{status: 504, body: `{}`}
			}
			return accepted()
		}
		w.cloud.images = func(posted string) string {
			if ended.IsZero() || time.Since(ended) < time.Minute {
				return ""
			}
			return strings.Replace(marked(posted), copied, twin, 1)
		}
		w.start()
		key := w.request("a", nil)
		w.expect(key, "accepted submitted succeeded")
		ended = time.Now()
		if e := w.events.last(w.t, key); len(e.Duplicates) != 0 {
			w.t.Errorf("duplicates %v", e.Duplicates)
		}
		if r, err := w.ledger.Get(w.t.Context(), key); err != nil || !r.Buried || r.LookAgain.IsZero() {
			w.t.Fatalf("tombstone %+v, %v", r, err)
		}
		time.Sleep(10 * time.Minute)
		r, err := w.ledger.Get(w.t.Context(), key)
		if err != nil || !r.LookAgain.IsZero() || fmt.Sprint(r.Made) != "["+copied+" "+twin+"]" {
			w.t.Errorf("tombstone %+v, %v", r, err)
		}
	})
}

// TestJobForgottenForGood ends for a person when neither job nor image shows
// up for a horizon.
func TestJobForgottenForGood(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		begun := time.Now()
		w.cloud.job = func(int) reply { return refusal(400, "IMG.0023") }
		w.start()
		key := w.request("a", nil)
		w.expect(key, "accepted submitted unresolved")
		if took := time.Since(begun); took < 20*time.Minute {
			w.t.Errorf("given up after %v", took)
		}
		if e := w.events.last(w.t, key).Error; e.Reason != messages.ReasonUnresolved || e.Code != "IMG.0023" {
			w.t.Errorf("error %+v", e)
		}
	})
}

// TestStuckJob ends with its image when the job runs on though that is there.
func TestStuckJob(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.job = running
		w.cloud.images = marked
		w.start()
		key := w.request("a", nil)
		w.expect(key, "accepted submitted late succeeded")
		if e := w.events.last(w.t, key); len(e.Warnings) == 0 || e.Images[0].ID != copied {
			w.t.Errorf("event %+v", e)
		}
	})
}

// TestForeignJob takes no answer about another job.
func TestForeignJob(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.job = func(n int) reply {
			if n < 3 {
				a := succeeded(n)
				a.body = strings.Replace(a.body, jobID, "9a175ac892fa13420193002960000000", 1)
				return a
			}
			return succeeded(n)
		}
		w.start()
		key := w.request("a", nil)
		w.expect(key, "accepted submitted succeeded")
		if w.cloud.jobs < 3 {
			w.t.Errorf("ended after %d queries", w.cloud.jobs)
		}
	})
}
