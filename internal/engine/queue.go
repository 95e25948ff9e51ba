package engine

import (
	"cmp"
	"container/heap"
)

// queue holds entries that wait to be submitted, by priority, then age.
type queue []*entry

// add puts an entry into the queue.
func (q *queue) add(e *entry) { heap.Push(q, e) }

// first takes out the entry whose turn it is.
func (q *queue) first() *entry { return heap.Pop(q).(*entry) }

// drop takes out an entry that is in the queue, wherever it stands.
func (q *queue) drop(e *entry) { heap.Remove(q, e.place) }

func (q queue) Len() int { return len(q) }

func (q queue) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[i].rank, q[j].rank), q[i].accepted.Compare(q[j].accepted), cmp.Compare(q[i].key, q[j].key)) < 0
}

func (q queue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].place, q[j].place = i, j
}

// Push is for container/heap only.
func (q *queue) Push(x any) {
	e := x.(*entry)
	e.place = len(*q)
	*q = append(*q, e)
}

// Pop is for container/heap only.
func (q *queue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	e.place = -1
	return e
}
