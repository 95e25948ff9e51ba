package engine_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// wish puts a wish for the end on a record, as the intake does.
func (w *world) wish(key string, remove bool) {
	w.t.Helper()
	for {
		r, err := w.ledger.Get(w.t.Context(), key)
		if err != nil || r.Done() || !r.Wish(ledger.Cancel{Delete: remove, By: messages.CancelByRequest, At: time.Now()}) {
			w.t.Fatalf("the wish cannot be put on %+v: %v", r, err)
		}
		if err = w.ledger.put(r); err == nil {
			return
		}
		if !errors.Is(err, ledger.ErrChanged) {
			w.t.Fatal(err)
		}
	}
}

// wantCancelled checks the final event and returns it.
func (w *world) wantCancelled(key string, started bool, image string) messages.Event {
	w.t.Helper()
	e := w.events.last(w.t, key)
	if e.State != messages.StateCancelled || e.Cancel == nil || e.Cancel.Started != started || e.Cancel.Image != image || e.Cancel.Message == "" || e.Error != nil {
		w.t.Errorf("event %s, cancel %+v, error %+v", e.State, e.Cancel, e.Error)
	}
	return e
}

func (w *world) buried(key string) bool {
	w.t.Helper()
	synctest.Wait()
	r, err := w.ledger.Get(w.t.Context(), key)
	return err == nil && r.Buried
}

func TestCancelOfWhatWaits(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *world, r *ledger.Record){
		"not_before": func(_ *world, r *ledger.Record) { r.NotBefore = time.Now().Add(time.Hour) },
		"parked":     func(w *world, _ *ledger.Record) { w.cloud.create = func(int) reply { return refusal(400, "IMG.0136") } },
		"queued":     func(w *world, _ *ledger.Record) { w.cloud.create = func(int) reply { return refusal(401, "") } },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				w.start()
				key := w.request("a", func(r *ledger.Record) { change(w, r) })
				time.Sleep(time.Minute)
				synctest.Wait()
				w.wish(key, true)
				w.expect(key, "accepted cancelled")
				w.wantCancelled(key, false, messages.CancelNone)
				if !w.buried(key) {
					t.Error("no tombstone is left")
				}
			})
		})
	}
}

// TestCancelLeavesTheJob ends an attempt whose job runs, and keeps the record
// until that has ended, also through a take-over.
func TestCancelLeavesTheJob(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		ended := false
		w.cloud.job = func(n int) reply {
			if ended {
				return succeeded(n)
			}
			return running(n)
		}
		w.start()
		key := w.request("a", nil)
		w.expect(key, "accepted submitted")
		w.wish(key, false)
		w.expect(key, "accepted submitted cancelled")
		if e := w.wantCancelled(key, true, messages.CancelLeft); e.Job == nil || e.Job.ID != jobID {
			t.Errorf("job %+v", e.Job)
		}
		w.end()
		w.start()
		time.Sleep(time.Hour)
		if w.buried(key) {
			t.Error("the record is gone while its job runs")
		}
		ended = true
		for !w.buried(key) {
			time.Sleep(time.Second)
		}
		w.expect(key, "accepted submitted cancelled")
	})
}

// TestCancelDeletesTheImage follows the job to its end first. The cloud shows
// the image for a while after it was deleted.
func TestCancelDeletesTheImage(t *testing.T) {
	t.Parallel()
	for name, takeOver := range map[string]bool{"in_one_go": false, "take_over": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				w.cloud.job = func(n int) reply {
					if n < 5 {
						return running(n)
					}
					return succeeded(n)
				}
				shown := 3
				w.cloud.remove = func(string) reply { return reply{status: 204} }
				w.cloud.images = func(string) string {
					if shown--; shown < 0 {
						return ""
					}
					return `{"id":"` + copied + `","name":"copy","status":"active"}`
				}
				w.start()
				key := w.request("a", nil)
				w.expect(key, "accepted submitted")
				w.wish(key, true)
				if takeOver {
					w.end()
					w.start()
				}
				w.expect(key, "accepted submitted cancelled")
				if e := w.wantCancelled(key, true, messages.CancelDeleted); len(e.Images) != 1 || e.Images[0].ID != copied {
					t.Errorf("images %+v", e.Images)
				}
				if len(w.cloud.removed) == 0 || w.cloud.removed[0] != copied {
					t.Errorf("deleted %v", w.cloud.removed)
				}
				if !w.buried(key) {
					t.Error("no tombstone is left")
				}
			})
		})
	}
}

// TestCancelOfAJobThatFails has nothing to delete.
func TestCancelOfAJobThatFails(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.job = func(n int) reply {
			if n < 3 {
				return running(n)
			}
			return jobIs("FAIL", `{}`)
		}
		w.start()
		key := w.request("a", nil)
		w.expect(key, "accepted submitted")
		w.wish(key, true)
		w.expect(key, "accepted submitted cancelled")
		w.wantCancelled(key, true, messages.CancelNone)
	})
}

// TestCancelDuringTheCall comes while the cloud is asked: its answer is kept.
func TestCancelDuringTheCall(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer  reply
		told    string
		started bool
		image   string
	}{
		"taken":     {accepted(), "accepted submitted cancelled", true, messages.CancelLeft},
		"parked":    {refusal(400, "IMG.0136"), "accepted cancelled", false, messages.CancelNone},
		"throttled": {refusal(429, ""), "accepted cancelled", false, messages.CancelNone},
		"lost":      {reply{err: errors.New("reset")}, "accepted cancelled", true, messages.CancelUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				key := messages.Key("demo", "test", "a")
				w.cloud.create = func(int) reply {
					w.wish(key, false)
					w.wish(key, true)
					return c.answer
				}
				w.cloud.job = func(int) reply { return jobIs("FAIL", `{}`) }
				w.start()
				w.request("a", nil)
				if name == "taken" {
					c.image = messages.CancelNone // its job fails
				}
				w.expect(key, c.told)
				w.wantCancelled(key, c.started, c.image)
				w.wantPosts(1)
			})
		})
	}
}

// TestRefusalBeforeACancel is the end, since it was decided first.
func TestRefusalBeforeACancel(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		key := messages.Key("demo", "test", "a")
		w.cloud.create = func(int) reply {
			w.wish(key, false)
			return refusal(400, "IMG.0130")
		}
		w.start()
		w.request("a", nil)
		w.expect(key, "accepted rejected")
	})
}

// TestCancelOfWhatIsLost is decided after the look-up.
func TestCancelOfWhatIsLost(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.create = func(int) reply { return reply{err: errors.New("reset")} }
		var found atomic.Bool
		w.cloud.images = func(body string) string {
			if !found.Load() {
				return ""
			}
			return marked(body)
		}
		w.start()
		key := w.request("a", nil)
		time.Sleep(30 * time.Second)
		synctest.Wait()
		w.wish(key, false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := w.events.states(key); got != "accepted" {
			t.Errorf("told %q before anything was found", got)
		}
		found.Store(true)
		w.expect(key, "accepted submitted cancelled")
		w.wantCancelled(key, true, messages.CancelLeft)
		w.wantPosts(1)
	})
}

// TestCancelAtTheDeadline is as a request wants it.
func TestCancelAtTheDeadline(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.job = running
		w.start()
		runs := w.request("runs", func(r *ledger.Record) { r.CancelLate, r.Deadline = true, time.Now().Add(10*time.Minute) })
		waits := w.request("waits", func(r *ledger.Record) {
			r.CancelLate, r.Deadline, r.NotBefore = true, time.Now().Add(10*time.Minute), time.Now().Add(time.Hour)
		})
		w.expect(runs, "accepted submitted cancelled")
		w.expect(waits, "accepted cancelled")
		w.wantCancelled(runs, true, messages.CancelLeft)
		if e := w.wantCancelled(waits, false, messages.CancelNone); e.Cancel.By != messages.CancelByDeadline {
			t.Errorf("by %s", e.Cancel.By)
		}
	})
}

// TestCancelAtEveryVersion cancels at each version that a record passes: the
// attempt ends once, and what it says of the image is true.
func TestCancelAtEveryVersion(t *testing.T) {
	t.Parallel()
	for _, remove := range []bool{false, true} {
		for at := range 6 {
			run(t, func(w *world) {
				key := messages.Key("demo", "test", "a")
				deleted := false
				w.cloud.remove = func(string) reply { deleted = true; return reply{status: 204} }
				versions := 0
				w.ledger.before = func(r *ledger.Record) {
					if versions++; versions == at+1 && !r.Done() {
						w.wishHeld(key, remove)
					}
				}
				w.start()
				w.request("a", nil)
				for !w.buried(key) {
					time.Sleep(time.Second)
				}
				e := w.events.last(t, key)
				if !e.State.Final() || e.State == messages.StateCancelled && (e.Cancel.Image == messages.CancelDeleted) != deleted {
					t.Errorf("at version %d, delete %v: %s %+v, deleted %v", at, remove, w.events.states(key), e.Cancel, deleted)
				}
			})
		}
	}
}

// wishHeld is wish from within the ledger, whose lock is held.
func (w *world) wishHeld(key string, remove bool) {
	r := w.ledger.records[key].Clone()
	if r.Wish(ledger.Cancel{Delete: remove, By: messages.CancelByRequest, At: time.Now()}) {
		w.ledger.write(r, func(*ledger.Record) {})
	}
}
