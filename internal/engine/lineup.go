package engine

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"strings"
	"time"
	"unique"

	"github.com/imsworker/imsworker/internal/budget"
)

// lineup is the order in which what waits for one bucket of an account goes,
// as it stood at a moment. It does not change and may be read anywhere.
type lineup struct {
	at       time.Time
	rounds   [ranks]turns
	forecast budget.Forecast
	opens    time.Time // nothing goes before, whatever the bucket says
	naps     []napper  // those that come into the line later, in the order in which they do
	turns    []turn    // theirs
}

// turns is the sources of one priority.
type turns struct {
	lines  []marks // in the order of their turns
	index  map[unique.Handle[string]]int
	byMost []int // indexes of lines, the longest first
	rest   []int // how many wait in byMost from there on
	length int
}

// marks is what waits of one source, the oldest first once it is sorted.
type marks []mark

// mark is where an entry stands in its line.
type mark struct {
	accepted instant
	key      string
}

func markOf(e *entry) mark { return mark{accepted: e.accepted, key: e.key} }

func (m mark) compare(other mark) int {
	return cmp.Or(cmp.Compare(m.accepted, other.accepted), strings.Compare(m.key, other.key))
}

// lineID names a queue.
type lineID struct{ cloud, bucket string }

// copied is how many entries are copied while the loop waits: some tenths of a
// millisecond.
const copied = 4096

// lineup copies a queue piece by piece, so that the loop goes on in between,
// and sorts the copy. What moves meanwhile may be missed, which changes a place
// by one or two. It must not be called by the loop.
func (g *Engine) lineup(ctx context.Context, id lineID) (*lineup, error) {
	l := &lineup{at: time.Now()}
	var sources [ranks][]*line
	if err := g.inLoop(ctx, func() { sources = l.begin(g.accounts[id.cloud], id.bucket) }); err != nil {
		return nil, err
	}
	for rank, lines := range sources {
		for next, offset := 0, 0; next < len(lines); {
			err := g.inLoop(ctx, func() { next, offset = l.rounds[rank].copy(lines, next, offset) })
			if err != nil {
				return nil, err
			}
		}
		l.rounds[rank].sort()
	}
	for next := 0; next >= 0; {
		if err := g.inLoop(ctx, func() { next = l.copyNaps(g.accounts[id.cloud], id.bucket, next) }); err != nil {
			return nil, err
		}
	}
	l.plan()
	return l, nil
}

// begin notes the window, and whose turn comes after whose. Only the loop may
// call it.
func (l *lineup) begin(a *account, bucket string) (sources [ranks][]*line) {
	if a == nil {
		l.opens = l.at
		return sources
	}
	l.forecast = a.peek(bucket).Forecast(l.at)
	l.opens = later(l.at, a.pause.until)
	q := a.queues[bucket]
	if q == nil {
		return sources
	}
	for rank := range q.rounds {
		t := &l.rounds[rank]
		t.index = make(map[unique.Handle[string]]int, q.rounds[rank].turns.Len())
		for turn := q.rounds[rank].turns.Front(); turn != nil; turn = turn.Next() {
			source := turn.Value.(*line)
			t.index[source.source] = len(sources[rank])
			sources[rank] = append(sources[rank], source)
		}
		t.lines = make([]marks, len(sources[rank]))
	}
	return sources
}

// copy copies some entries, beginning in the middle of a line, and returns
// where to go on. Only the loop may call it.
func (t *turns) copy(lines []*line, next, offset int) (int, int) {
	for left := copied; next < len(lines) && left > 0; {
		entries := lines[next].entries
		end := min(len(entries), offset+left)
		for _, e := range entries[min(offset, end):end] {
			t.lines[next] = append(t.lines[next], markOf(e))
		}
		left -= 1 + end - min(offset, end)
		if offset = end; end == len(entries) {
			next, offset = next+1, 0
		}
	}
	return next, offset
}

func (t *turns) sort() {
	t.byMost = make([]int, len(t.lines))
	for i, line := range t.lines {
		slices.SortFunc(line, mark.compare)
		t.lines[i] = slices.Compact(line)
		t.byMost[i] = i
		t.length += len(t.lines[i])
	}
	slices.SortFunc(t.byMost, func(a, b int) int { return len(t.lines[b]) - len(t.lines[a]) })
	t.rest = make([]int, len(t.lines)+1)
	for n := len(t.lines) - 1; n >= 0; n-- {
		t.rest[n] = t.rest[n+1] + len(t.lines[t.byMost[n]])
	}
}

// ahead is how many go before an entry of that priority and source, whether it
// stands in the line now or comes back into it.
func (l *lineup) ahead(rank int, source unique.Handle[string], m mark) int {
	before := 0
	for i := range rank {
		before += l.rounds[i].length
	}
	return before + l.rounds[rank].ahead(source, m)
}

func (t *turns) ahead(source unique.Handle[string], m mark) int {
	turn, place := len(t.lines), 0
	if at, waits := t.index[source]; waits {
		turn = at
		place = sort.Search(len(t.lines[at]), func(i int) bool { return t.lines[at][i].compare(m) >= 0 })
	}
	if place == 0 {
		return turn // one of each source whose turn comes before
	}
	before, own := place, 0
	if turn < len(t.lines) {
		own = len(t.lines[turn])
	}
	for n, at := range t.byMost {
		if len(t.lines[at]) <= place { // nor are those behind it longer
			before += t.rest[n]
			if own <= place {
				before -= own
			}
			break
		}
		if at < turn {
			before += place + 1
		} else if at > turn {
			before += place
		}
	}
	return before
}

// start is when an entry with so many before it goes.
func (l *lineup) start(ahead int) time.Time { return later(l.forecast.Start(ahead), l.opens) }

// page is a part of the line in its order.
func (l *lineup) page(from, count int) (keys []string, more bool) {
	skip := from
	for rank := range l.rounds {
		t := &l.rounds[rank]
		if skip >= t.length {
			skip -= t.length
			continue
		}
		for key := range t.order {
			switch {
			case skip > 0:
				skip--
			case len(keys) == count:
				return keys, true
			default:
				keys = append(keys, key)
			}
		}
	}
	return keys, false
}

// order goes through a round as its turns come. Lines that are gone through are
// left behind: one may be as long as the others are many.
func (t *turns) order(yield func(key string) bool) {
	lines := slices.DeleteFunc(slices.Clone(t.lines), func(line marks) bool { return len(line) == 0 })
	for place := 0; len(lines) > 0; place++ {
		longer := lines[:0]
		for _, line := range lines {
			if !yield(line[place].key) {
				return
			}
			if place+1 < len(line) {
				longer = append(longer, line)
			}
		}
		lines = longer
	}
}
