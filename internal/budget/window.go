// Package budget keeps an account within the cloud's rate limits: sliding
// windows for the calls that create something, a paced bucket for queries.
// It is arithmetic over time given by the caller; it calls nobody, waits for
// nothing and takes no locks: the owner of an account is one goroutine.
package budget

import (
	"slices"
	"time"

	"github.com/imsworker/imsworker/internal/mutation"
)

// Limit is a number of calls within a window of time.
type Limit struct {
	Count  int
	Window time.Duration
}

// Window is the sliding window of one bucket. A slot is held while its call
// runs and returns one window after the answer, so that the cloud's own
// window is kept wherever the cloud measures it. The zero Window has no limit.
type Window struct {
	limit   Limit
	running int         // calls whose answer is not known yet
	returns []time.Time // when the slots of answered calls come back, ascending
	closed  time.Time   // nothing is taken before
}

// NewWindow returns an empty window. A limit with no count is no limit.
func NewWindow(l Limit) *Window { return &Window{limit: l} }

// Limited reports whether there is a limit at all.
func (w *Window) Limited() bool { return w.limit.Count > 0 }

// Limit returns what the window was made with.
func (w *Window) Limit() Limit { return w.limit }

// Resize changes the limit; slots in use stay in use.
func (w *Window) Resize(l Limit) { w.limit = l }

// Take takes a slot for a call that starts now and reports whether there was
// one. Each slot taken ends with Answered or Cancel.
func (w *Window) Take(now time.Time) bool {
	if now.Before(w.Next(now)) {
		return false
	}
	if mutation.On(mutation.SlotFromSending) {
		w.Restore(now)
		return true
	}
	w.running++
	return true
}

// Answered says that a call is answered, or cannot be answered any more: its
// slot returns one window from now.
func (w *Window) Answered(now time.Time) {
	if mutation.On(mutation.SlotFromSending) {
		return
	}
	w.running--
	w.Restore(now)
}

// Cancel gives a slot back at once: nothing was sent.
func (w *Window) Cancel() {
	if mutation.On(mutation.SlotFromSending) {
		return
	}
	w.running--
}

// Restore counts a call that was answered at that time, by an earlier owner.
func (w *Window) Restore(answered time.Time) {
	if !w.Limited() {
		return
	}
	back := answered.Add(w.limit.Window)
	at, _ := slices.BinarySearchFunc(w.returns, back, time.Time.Compare)
	w.returns = slices.Insert(w.returns, at, back)
}

// Close lets nothing through before that time; an earlier time changes
// nothing.
func (w *Window) Close(until time.Time) {
	if until.After(w.closed) {
		w.closed = until
	}
}

// Used returns the number of slots in use.
func (w *Window) Used(now time.Time) int {
	w.release(now)
	return w.running + len(w.returns)
}

// Next returns the earliest time at which Take can succeed: now, or the
// return of a slot. While every slot is held by a running call it returns one
// window from now; the answer of a call is the moment to ask again.
func (w *Window) Next(now time.Time) time.Time {
	next := now
	if over := w.Used(now) - w.limit.Count; w.Limited() && over >= 0 {
		if over < len(w.returns) {
			next = w.returns[over]
		} else {
			next = now.Add(w.limit.Window)
		}
	}
	if w.closed.After(next) {
		return w.closed
	}
	return next
}

// release drops the slots that have come back.
func (w *Window) release(now time.Time) {
	at, _ := slices.BinarySearchFunc(w.returns, now, func(back, now time.Time) int {
		if back.After(now) {
			return 1
		}
		return -1
	})
	w.returns = slices.Delete(w.returns, 0, at)
}
