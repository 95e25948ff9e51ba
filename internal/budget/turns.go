package budget

import (
	"slices"
	"time"
)

// Turns gives the slots of a Forecast away one by one, for calls of which some
// may not start before a moment of their own.
type Turns struct {
	opens time.Time
	every time.Duration
	slots [2]ring
}

// Turns begins at the time of the forecast.
func (f Forecast) Turns() *Turns {
	t := &Turns{opens: f.opens, every: f.every}
	for i, r := range f.slots {
		t.slots[i] = ring{now: r.now, free: r.free, back: slices.Clip(r.back)}
	}
	return t
}

// Peek is when the next slot is there.
func (t *Turns) Peek() time.Time {
	at := t.opens
	for i := range t.slots {
		if r := &t.slots[i]; r.limited() {
			at = later(at, r.first())
		}
	}
	return at
}

// Take gives the next slot to a call that may not start before a moment, and
// returns when it starts.
func (t *Turns) Take(earliest time.Time) time.Time {
	at := later(t.Peek(), earliest)
	for i := range t.slots {
		if r := &t.slots[i]; r.limited() {
			r.use(at.Add(t.every))
		}
	}
	return at
}

// ring is when slots are there, those that were used again behind the others.
type ring struct {
	now  time.Time
	free int         // are there now,
	back []time.Time // and then, in the order of their use, the others
}

func (r *ring) limited() bool { return r.free > 0 || len(r.back) > 0 }

func (r *ring) first() time.Time {
	if r.free > 0 {
		return r.now
	}
	return r.back[0]
}

// use takes the first slot, which is there again at a later time.
func (r *ring) use(again time.Time) {
	if r.free > 0 {
		r.free--
	} else {
		r.back = r.back[1:]
	}
	r.back = append(r.back, again)
}
