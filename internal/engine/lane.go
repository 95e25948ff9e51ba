package engine

import (
	"container/heap"
	"time"
)

// lane is the queries of one bucket that are due: those that are expected to
// find an end, and the rest. Each kind goes in turns, and the two of them
// alternate, so that neither keeps the other from going on. What has waited for
// as long as it may goes before both.
type lane struct {
	near, rest fifo[*waiting]
	by         byLatest
	last       bool       // the last one was near
	spare      []*waiting // to be used again
}

// laneSpared is how many a lane keeps for use: where the budget has room, only
// those wait that came due together.
const laneSpared = 16

// waiting is a task in a lane. It stands in its line and in byLatest; who takes
// it out of the latter leaves an empty place in the former.
type waiting struct {
	task
	place int // in byLatest, -1 once it is taken out
}

func (l *lane) len() int { return len(l.by) }

func (l *lane) push(t task) {
	w := l.unused()
	w.task = t
	heap.Push(&l.by, w)
	l.line(t).push(w)
}

// unused is room for a task: a large one, of which every question would leave
// one to be collected.
func (l *lane) unused() *waiting {
	last := len(l.spare) - 1
	if last < 0 {
		return &waiting{}
	}
	w := l.spare[last]
	l.spare = l.spare[:last]
	return w
}

// pop takes out the one whose turn it is. There must be one.
func (l *lane) pop(now time.Time) task {
	w := l.by[0]
	if now.Before(w.latest) {
		w = l.turn()
	}
	heap.Remove(&l.by, w.place)
	t := w.task
	w.task = task{}
	l.first(l.line(t))
	return t
}

// line is the one that a task stands in.
func (l *lane) line(t task) *fifo[*waiting] {
	if t.near {
		return &l.near
	}
	return &l.rest
}

// turn is the first one of the kind whose turn it is.
func (l *lane) turn() *waiting {
	near, rest := l.first(&l.near), l.first(&l.rest)
	if l.last = near != nil && (!l.last || rest == nil); l.last {
		return near
	}
	return rest
}

// first is the first one that still waits in a line, or nil. The empty places
// before it are used again.
func (l *lane) first(line *fifo[*waiting]) *waiting {
	for line.len() > 0 {
		if w := line.first(); w.place >= 0 {
			return w
		}
		if w := line.pop(); len(l.spare) < laneSpared {
			l.spare = append(l.spare, w)
		}
	}
	return nil
}

// byLatest is a heap of waiting tasks: first the one whose latest time comes
// first.
type byLatest []*waiting

func (h byLatest) Len() int { return len(h) }

func (h byLatest) Less(i, j int) bool { return h[i].latest.Before(h[j].latest) }

func (h byLatest) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push is for container/heap only.
func (h *byLatest) Push(x any) {
	w := x.(*waiting)
	w.place = len(*h)
	*h = append(*h, w)
}

// Pop is for container/heap only.
func (h *byLatest) Pop() any {
	last := len(*h) - 1
	w := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	w.place = -1
	return w
}
