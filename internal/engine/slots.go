package engine

import (
	"errors"
	"time"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/ledger"
)

// runs reports whether something of a record may run at the cloud: from its
// claim until its end is known, and longer where its end was told before.
func runs(r *ledger.Record) bool {
	switch r.State {
	case ledger.Submitting, ledger.Uncertain, ledger.Submitted:
		return true
	case ledger.Finished:
		return r.Trails && !r.Buried
	}
	return false
}

// occupies reports whether the entry holds a slot, if its operation needs one.
func (e *entry) occupies() bool { return e.posts || e.runs }

// occupy keeps the number of slots that are held.
func (a *account) occupy(e *entry, was bool) {
	is := e.occupies()
	if is == was {
		return
	}
	switch s := a.slot(e.operation); {
	case s == nil:
		return
	case is:
		s.Hold()
	default:
		s.Release()
	}
	a.holds(e, is)
}

// slotOf is the limit on how much of an operation may run at once; empty where
// there is none.
func slotOf(operation string) string {
	op, _ := handlers.Lookup(operation)
	return op.Slot
}

// slot returns the slots that an operation's jobs hold, nil where they need
// none.
func (a *account) slot(operation string) *budget.Slots {
	s, known := a.slots[operation]
	if known {
		return s
	}
	if name := slotOf(operation); name != "" {
		s = budget.NewSlots(0)
		if a.conf != nil {
			s.Resize(a.conf.Slots[name])
		}
	}
	a.slots[operation] = s
	return s
}

// slotNext is when there is a slot for the entry; false where one that runs has
// to end before.
func (a *account) slotNext(e *entry, now time.Time) (time.Time, bool) {
	s := a.slot(e.operation)
	if s == nil {
		return now, true
	}
	return s.Next(now)
}

// roomFor reports whether there is a slot for the entry now.
func (a *account) roomFor(e *entry, now time.Time) bool {
	at, can := a.slotNext(e, now)
	return can && !at.After(now)
}

// crowded reports whether a creating call was refused since too much of its
// kind runs.
func crowded(operation string, cause error) bool {
	e, ok := errors.AsType[*ims.Error](cause)
	return ok && e.Crowded() && slotOf(operation) != ""
}
