package engine

import (
	"cmp"
	"container/heap"
	"container/list"
	"unique"
)

// ranks is how many priorities there are.
const ranks = 3

// queue holds entries that wait to be submitted: by priority, then in turns
// of their sources, then by age. A source with ten thousand requests delays
// the single one of another by one turn.
type queue struct {
	rounds [ranks]round
	length int
}

// round is the sources of one priority, in the order of their turns.
type round struct {
	turns list.List // of *line, none of them empty
	lines map[unique.Handle[string]]*line
}

// line is what waits of one source, the oldest first.
type line struct {
	round   *round
	source  unique.Handle[string]
	turn    *list.Element
	entries byAge
}

// add puts an entry into the queue.
func (q *queue) add(e *entry) {
	r := &q.rounds[e.rank]
	l := r.lines[e.source]
	if l == nil {
		l = r.join(e.source)
	}
	e.line = l
	heap.Push(&l.entries, e)
	q.length++
}

// join gives a source the last turn of the round.
func (r *round) join(source unique.Handle[string]) *line {
	if r.lines == nil {
		r.lines = map[unique.Handle[string]]*line{}
	}
	l := &line{round: r, source: source}
	l.turn = r.turns.PushBack(l)
	r.lines[source] = l
	return l
}

// leave takes a line out of the round in which nothing waits any more.
func (r *round) leave(l *line) {
	r.turns.Remove(l.turn)
	delete(r.lines, l.source)
}

// ready reports whether there is an entry that may go: whose turn it is may just
// be told when that would be.
func (q *queue) ready() bool { return q.length > 0 && !q.front().busy }

// front is the entry whose turn it is. There must be one.
func (q *queue) front() *entry {
	for i := range q.rounds {
		if turn := q.rounds[i].turns.Front(); turn != nil {
			return turn.Value.(*line).entries[0]
		}
	}
	return nil
}

// first takes out the entry whose turn it is; its source's next turn comes
// last. There must be one.
func (q *queue) first() *entry {
	e := q.front()
	e.line.round.turns.MoveToBack(e.line.turn)
	q.drop(e)
	return e
}

// drop takes out an entry that is in the queue, wherever it stands.
func (q *queue) drop(e *entry) {
	l := e.line
	heap.Remove(&l.entries, e.place)
	e.line = nil
	q.length--
	if len(l.entries) == 0 {
		l.round.leave(l)
	}
}

// Len is how many entries wait.
func (q *queue) Len() int { return q.length }

// byAge is a heap of entries, the oldest first.
type byAge []*entry

func (h byAge) Len() int { return len(h) }

func (h byAge) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[i].accepted, h[j].accepted), cmp.Compare(h[i].key, h[j].key)) < 0
}

func (h byAge) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

// Push is for container/heap only.
func (h *byAge) Push(x any) {
	e := x.(*entry)
	e.place = len(*h)
	*h = append(*h, e)
}

// Pop is for container/heap only.
func (h *byAge) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	e.place = -1
	return e
}
