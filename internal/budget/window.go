// Package budget keeps an account within the cloud's rate limits: sliding
// windows for the calls that create something, a paced bucket for queries,
// slots for what may run at once. Where the cloud refuses a call for coming too
// fast although the limit was kept, since others use the account, they learn
// the limit that is left: lower at once, higher step by step.
//
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
// window is kept wherever the cloud measures it. Calls that were refused for
// coming too fast hold a slot of the limit, but not of what was learned: the
// cloud did not count them. The zero Window has no limit.
type Window struct {
	limit    Limit
	running  int    // calls whose answer is not known yet
	answered []past // ascending
	taken    int    // of them, by the cloud
	unsure   int    // of them, nobody knows whether by the cloud
	learned  int    // so many calls does the cloud take; 0 where nothing is known but the limit
	patience patience
	closure  closure
}

// past is a call that was answered.
type past struct {
	at     time.Time
	taken  bool // the cloud has counted it
	unsure bool // nobody knows
}

// counts reports whether the cloud may have counted the call.
func (p past) counts() bool { return p.taken || p.unsure }

// NewWindow returns an empty window. A limit with no count is no limit, but if
// it has a window, calls are remembered for so long, for a limit to come.
func NewWindow(l Limit) *Window { return &Window{limit: l} }

// Limited reports whether there is a limit at all.
func (w *Window) Limited() bool { return w.limit.Count > 0 }

// Limit returns what the window was made with, or resized to.
func (w *Window) Limit() Limit { return w.limit }

// Allowed is how many calls are made within one window now: the limit, or less
// where the cloud was found to take less; 0 where there is no limit.
func (w *Window) Allowed() int {
	if w.learned > 0 {
		return w.learned
	}
	return w.limit.Count
}

// Resize changes the limit; slots in use stay in use. What was learned under
// another limit is forgotten.
func (w *Window) Resize(l Limit) {
	if l != w.limit {
		w.limit, w.learned, w.patience = l, 0, patience{}
	}
}

// Take takes a slot for a call that starts now and reports whether there was
// one. Each slot taken ends with Answered, Throttled or Cancel.
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
	w.keep(past{at: now, taken: true})
	w.raise(now)
}

// Throttled says that a call which began then was refused for coming too fast.
// The window is closed for the wait that belongs to the number of times in a
// row, and goes on with no more calls than the cloud has just taken, or half as
// many as before. Calls that began before the window was closed are one
// refusal, however many they are.
func (w *Window) Throttled(begun, now time.Time, wait func(times int) time.Duration) {
	if !mutation.On(mutation.SlotFromSending) {
		w.running--
		w.keep(past{at: now})
	}
	w.Refused(begun, now, wait)
}

// Refused is Throttled for a call that holds no slot, such as a question that
// the cloud counts in the same bucket.
func (w *Window) Refused(begun, now time.Time, wait func(times int) time.Duration) {
	if !begun.After(w.closure.since) {
		w.closure.extend(now, wait)
		return
	}
	w.closure.shut(now, wait)
	if !w.Limited() {
		return
	}
	w.release(now)
	w.patience.lowered(now)
	w.learned = max(1, w.taken, w.Allowed()/2)
}

// raise tries one call more after some windows that were used up without a
// refusal. What the cloud takes of calls that were on their way when the window
// was closed counts at once.
func (w *Window) raise(now time.Time) {
	if w.learned == 0 {
		return
	}
	w.release(now)
	w.learned = max(w.learned, w.taken)
	if w.taken >= w.learned && w.patience.over(now, w.limit.Window) {
		w.learned++
	}
	if w.learned >= w.limit.Count {
		w.learned, w.patience = 0, patience{}
	}
}

// Cancel gives a slot back at once: nothing was sent.
func (w *Window) Cancel() {
	if mutation.On(mutation.SlotFromSending) {
		return
	}
	w.running--
}

// Restore counts a call that was answered at that time, by an earlier owner.
// Whether the cloud has taken it is not known: it holds a slot of what was
// learned, too.
func (w *Window) Restore(answered time.Time) { w.keep(past{at: answered, unsure: true}) }

func (w *Window) keep(p past) {
	if !w.Limited() && w.limit.Window == 0 {
		return
	}
	at, _ := slices.BinarySearchFunc(w.answered, p.at, func(a past, at time.Time) int { return a.at.Compare(at) })
	w.answered = slices.Insert(w.answered, at, p)
	w.count(p, 1)
}

// count counts a call that is kept, or takes one back that is dropped.
func (w *Window) count(p past, by int) {
	if p.taken {
		w.taken += by
	}
	if p.unsure {
		w.unsure += by
	}
}

// Used returns the number of slots in use.
func (w *Window) Used(now time.Time) int {
	w.release(now)
	return w.running + len(w.answered)
}

// Next returns the earliest time at which Take can succeed: now, or the
// return of a slot. While every slot is held by a running call it returns one
// window from now; the answer of a call is the moment to ask again.
func (w *Window) Next(now time.Time) time.Time {
	w.release(now)
	next := now
	if w.Limited() {
		next = w.free(now, len(w.answered), w.limit.Count, func(past) bool { return true })
	}
	if w.learned > 0 {
		if at := w.free(now, w.taken+w.unsure, w.learned, past.counts); at.After(next) {
			next = at
		}
	}
	return later(next, w.closure.open(now))
}

// free is when fewer than most calls count, of the running ones and of those
// answered that are meant.
func (w *Window) free(now time.Time, answered, most int, meant func(past) bool) time.Time {
	over := w.running + answered - most
	if over < 0 {
		return now
	}
	for _, p := range w.answered {
		if !meant(p) {
			continue
		}
		if over == 0 {
			return p.at.Add(w.limit.Window)
		}
		over--
	}
	return now.Add(w.limit.Window)
}

// release drops the calls whose slots have come back, and what was learned so
// long ago that even who is most patient would have tried more, had there been
// so many calls to make.
func (w *Window) release(now time.Time) {
	if w.learned > 0 && w.patience.stale(now, w.limit.Window) {
		w.learned, w.patience = 0, patience{}
	}
	old := 0
	for old < len(w.answered) && !w.answered[old].at.Add(w.limit.Window).After(now) {
		w.count(w.answered[old], -1)
		old++
	}
	w.answered = slices.Delete(w.answered, 0, old)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
