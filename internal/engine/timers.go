package engine

import "time"

// timers is a heap of entries by due time. Each place has four below it, and
// the times stand beside each other: a heap of many thousands is gone through
// with each question for a job.
type timers []timer

// timer wakes an entry.
type timer struct {
	due   time.Time
	entry *entry
}

// branches is how many places are below one.
const branches = 4

// set arms the entry's timer.
func (t *timers) set(e *entry, due time.Time) {
	if e.index < 0 {
		e.index = len(*t)
		*t = append(*t, timer{})
	}
	t.put(e.index, timer{due, e})
}

// drop disarms the entry's timer.
func (t *timers) drop(e *entry) {
	if e.index < 0 {
		return
	}
	end := len(*t) - 1
	hole, last := e.index, (*t)[end]
	(*t)[end] = timer{}
	*t = (*t)[:end]
	e.index = -1
	if hole < end {
		t.put(hole, last)
	}
}

// put stores a timer at a place, or where it belongs above or below it.
func (t timers) put(at int, w timer) {
	for at > 0 {
		above := (at - 1) / branches
		if !w.due.Before(t[above].due) {
			break
		}
		t.move(above, at)
		at = above
	}
	for {
		least := t.below(at)
		if least < 0 || !t[least].due.Before(w.due) {
			break
		}
		t.move(least, at)
		at = least
	}
	t[at] = w
	w.entry.index = at
}

// below is the earliest of the timers below a place, -1 where there is none.
func (t timers) below(at int) int {
	begin := at*branches + 1
	if begin >= len(t) {
		return -1
	}
	least := begin
	for i := begin + 1; i < min(begin+branches, len(t)); i++ {
		if t[i].due.Before(t[least].due) {
			least = i
		}
	}
	return least
}

func (t timers) move(from, to int) {
	t[to] = t[from]
	t[to].entry.index = to
}

// first is when the earliest timer is due.
func (t timers) first() (time.Time, bool) {
	if len(t) == 0 {
		return time.Time{}, false
	}
	return t[0].due, true
}

// popDue takes out an entry whose timer is due, or nil.
func (t *timers) popDue(now time.Time) *entry {
	if len(*t) == 0 || (*t)[0].due.After(now) {
		return nil
	}
	e := (*t)[0].entry
	t.drop(e)
	return e
}
