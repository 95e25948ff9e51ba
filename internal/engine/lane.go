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
	last       bool // the last one was near
}

// waiting is a task in a lane. It stands in its line and in byLatest; who takes
// it out of the latter leaves an empty place in the former.
type waiting struct {
	task
	place int // in byLatest, -1 once it is taken out
}

func (l *lane) len() int { return len(l.by) }

func (l *lane) push(t task) {
	w := &waiting{task: t}
	heap.Push(&l.by, w)
	if t.near {
		l.near.push(w)
		return
	}
	l.rest.push(w)
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
	return t
}

// turn is the first one of the kind whose turn it is.
func (l *lane) turn() *waiting {
	near, rest := first(&l.near), first(&l.rest)
	if l.last = near != nil && (!l.last || rest == nil); l.last {
		return near
	}
	return rest
}

// first is the first one that still waits in a line, or nil.
func first(line *fifo[*waiting]) *waiting {
	for line.len() > 0 {
		if w := line.first(); w.place >= 0 {
			return w
		}
		line.pop()
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
