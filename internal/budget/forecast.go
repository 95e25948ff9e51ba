package budget

import "time"

// Forecast tells when calls that wait for a window will start, as far as that
// is known now. It is a value: the window may go on.
type Forecast struct {
	opens time.Time     // nothing starts before
	every time.Duration // after which a slot that was used is there again
	slots [2]returns    // of the limit, and of what was learned; both are empty without a limit
}

// returns are when slots are there next. Those that are free now are only
// counted: people write any limit, and a large one costs no more than a small
// one.
type returns struct {
	now  time.Time
	free int         // are there now,
	back []time.Time // and then, ascending, the others
}

func (r returns) len() int { return r.free + len(r.back) }

// at is when the slot of that place is there next.
func (r returns) at(place int) time.Time {
	if place < r.free {
		return r.now
	}
	return r.back[place-r.free]
}

// Forecast looks ahead. Calls under way count as answered now, and what was
// learned of the limit as true for good.
func (w *Window) Forecast(now time.Time) Forecast {
	w.release(now)
	f := Forecast{opens: w.closure.open(now), every: w.limit.Window}
	if w.Limited() {
		f.slots[0] = w.slots(now, w.limit.Count, func(past) bool { return true })
	}
	if w.learned > 0 {
		f.slots[1] = w.slots(now, w.learned, past.counts)
	}
	return f
}

// slots is when each of so many is there next, of which the running calls and
// some of those answered hold one.
func (w *Window) slots(now time.Time, most int, meant func(past) bool) returns {
	var held []time.Time
	for _, p := range w.answered {
		if meant(p) {
			held = append(held, p.at.Add(w.limit.Window))
		}
	}
	for range w.running {
		held = append(held, now.Add(w.limit.Window))
	}
	if over := len(held) - most; over > 0 { // after the limit was lowered, so many come back for nothing
		held = held[over:]
	}
	return returns{now: now, free: most - len(held), back: held}
}

// Start is when a call starts that so many others go before. Answers are taken
// to come at once, so that it is the earliest moment.
func (f Forecast) Start(ahead int) time.Time {
	at := f.opens
	for _, slots := range f.slots {
		if n := slots.len(); n > 0 {
			used := time.Duration(ahead/n) * f.every
			at = later(at, later(slots.at(ahead%n), f.opens).Add(used))
		}
	}
	return at
}

// Running is how many calls hold a slot whose answer is not known yet.
func (w *Window) Running() int { return w.running }

// TurnedAway is how many calls of the window before now the cloud has refused for
// coming too fast. They hold a slot of the limit, though the cloud does not count
// them.
func (w *Window) TurnedAway(now time.Time) int {
	w.release(now)
	return len(w.answered) - w.taken - w.unsure
}

// Left is how many calls may be made now, were the window open; 0 where there is
// no limit.
func (w *Window) Left(now time.Time) int {
	w.release(now)
	left := w.limit.Count - w.running - len(w.answered)
	if w.learned > 0 {
		left = min(left, w.learned-w.running-w.taken-w.unsure)
	}
	return max(0, left)
}

// ClosedUntil is when the window opens again after a refusal; zero, or a time
// gone by, while it is open.
func (w *Window) ClosedUntil() time.Time { return w.closure.until }

// ClosedUntil is when the bucket opens again, as for a Window.
func (p *Paced) ClosedUntil() time.Time { return p.closure.until }

// Allowed is how many may be held: the limit, or less where the cloud was found
// to let fewer run; 0 where there is no limit.
func (s *Slots) Allowed() int {
	if s.full && (s.limit <= 0 || s.learned < s.limit) {
		return max(1, s.learned)
	}
	return s.limit
}

// Free is how many more may be held without the end of one that is; false
// where there is no limit.
func (s *Slots) Free() (int, bool) {
	allowed := s.Allowed()
	return max(0, allowed-s.held), allowed > 0
}
