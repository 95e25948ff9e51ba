package engine

import (
	"slices"
	"time"
)

// slotTurns is when what waits for slots of an operation gets one, as far as
// anybody can know. It is a value: the work goes on.
type slotTurns struct {
	limited bool
	free    int           // so many may begin now
	over    int           // so many have to end before the first of the others begins, beside that one
	ends    []time.Time   // when those that hold a slot, or take one now, are expected to end, ascending; empty where nobody knows
	takes   time.Duration // by one of them
}

// turns tells how the slots of an operation stand. Only the loop may call it.
func (g *Engine) turns(a *account, operation string, now time.Time) (t slotTurns) {
	s := a.slot(operation)
	if s == nil {
		return t
	}
	if t.free, t.limited = s.Free(); !t.limited {
		return t
	}
	t.over = max(0, s.Held()-s.Allowed())
	outlook := g.kind(a, operation).expects()
	takes, known := outlook.Remaining(0)
	if !known || a.conf == nil {
		return t
	}
	t.takes = a.conf.Scale(takes)
	for range t.free {
		t.ends = append(t.ends, now.Add(t.takes))
	}
	for e := range a.holders[operation] {
		end := now.Add(t.takes)
		if submitted := e.submitted.time(); !submitted.IsZero() {
			estimate := expectEnd(submitted, now, a.conf, outlook, e.hearsay())
			if estimate.End == nil { // it takes longer than any other has
				t.ends = nil
				return t
			}
			end = *estimate.End
		}
		t.ends = append(t.ends, end)
	}
	slices.SortFunc(t.ends, time.Time.Compare)
	return t
}

// start is when one begins that has so many before it, and may begin at a moment
// but for the slots; false where nobody knows.
func (t slotTurns) start(ahead int, at time.Time) (time.Time, bool) {
	if !t.limited || ahead < t.free {
		return at, true
	}
	if len(t.ends) == 0 {
		return at, false
	}
	turn := ahead - t.free + t.over
	end := t.ends[turn%len(t.ends)].Add(time.Duration(turn/len(t.ends)) * t.takes)
	return later(at, end), true
}

// holds notes who holds a slot of its operation, or does not any more.
func (a *account) holds(e *entry, is bool) {
	all := a.holders[e.operation]
	switch {
	case !is:
		delete(all, e)
	case all == nil:
		a.holders[e.operation] = map[*entry]struct{}{e: {}}
	default:
		all[e] = struct{}{}
	}
}
