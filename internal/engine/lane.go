package engine

import "time"

// lane is the queries of one bucket that are due: those that are expected to
// find an end, and the rest. Each kind goes in turns, and the two of them
// alternate, so that neither keeps the other from going on.
type lane struct {
	near, rest fifo[task]
	last       bool // the last one was near
}

func (l *lane) len() int { return l.near.len() + l.rest.len() }

func (l *lane) push(t task) {
	if t.near {
		l.near.push(t)
		return
	}
	l.rest.push(t)
}

// pop takes out the one whose turn it is. There must be one.
func (l *lane) pop(now time.Time) task {
	l.last = l.near.len() > 0 && (l.rest.len() == 0 || !l.last && !l.presses(now))
	if l.last {
		return l.near.pop()
	}
	return l.rest.pop()
}

// presses reports whether the first of the rest has been left alone for as long
// as a job may be, and the first of those before it has not: an end that is
// near waits then.
func (l *lane) presses(now time.Time) bool {
	return l.rest.first().pressing(now) && !l.near.first().pressing(now)
}

// pressing reports whether a question has to be asked now.
func (t *task) pressing(now time.Time) bool { return !t.latest.IsZero() && !now.Before(t.latest) }
