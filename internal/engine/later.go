package engine

import (
	"cmp"
	"maps"
	"slices"
	"time"
	"unique"

	"github.com/imsworker/imsworker/internal/ledger"
)

// What may not be submitted before a moment stands in no queue until then, and
// takes its turn like all others when the moment comes. Whoever wants to know
// when that will be has to know of the others that come at the same time.

// nap notes that an entry goes into the queue of its bucket at a later moment.
func (a *account) nap(e *entry) {
	if e.state != ledger.Accepted { // the cloud alone knows when what it has put off gets through
		return
	}
	bucket := e.bucket.Value()
	a.napping[bucket] = append(a.napping[bucket], e)
	e.nap = uint32(len(a.napping[bucket])) //nolint:gosec // one more than its place, far below
}

// awake takes an entry out of those that nap, if it is there. It is needed before
// the bucket of the entry changes.
func (a *account) awake(e *entry) {
	if e.nap == 0 {
		return
	}
	bucket := e.bucket.Value()
	all, end := a.napping[bucket], len(a.napping[bucket])-1
	all[e.nap-1] = all[end]
	all[e.nap-1].nap = e.nap
	all[end] = nil
	e.nap = 0
	if a.napping[bucket] = all[:end]; end == 0 {
		delete(a.napping, bucket)
	}
}

// mayGo is when an accepted entry may be submitted at the earliest.
func (e *entry) mayGo() time.Time { return later(e.until.time(), e.again) }

// napper is one of those that come later.
type napper struct {
	wakes  time.Time
	rank   int
	source unique.Handle[string]
	mark   mark
}

func (n napper) compare(other napper) int {
	return cmp.Or(n.wakes.Compare(other.wakes), cmp.Compare(n.rank, other.rank), n.mark.compare(other.mark))
}

// turn is when one of them goes, and how many of those go before it that wait
// when it wakes.
type turn struct {
	at    time.Time
	ahead int
}

// copyNaps copies some of those that come later, and returns where to go on; -1
// at the end. Only the loop may call it.
func (l *lineup) copyNaps(a *account, bucket string, from int) int {
	if a == nil {
		return -1
	}
	all := a.napping[bucket]
	end := min(len(all), from+copied)
	for _, e := range all[min(from, end):end] {
		l.naps = append(l.naps, napper{wakes: e.mayGo(), rank: e.rank, source: e.source, mark: markOf(e)})
	}
	if end == len(all) {
		return -1
	}
	return end
}

// plan works out when those go that come later, if nothing else comes: it plays
// what the queue does from now on until all of them have gone.
func (l *lineup) plan() {
	slices.SortFunc(l.naps, napper.compare)
	l.naps = slices.CompactFunc(l.naps, func(a, b napper) bool { return a.compare(b) == 0 })
	l.turns = make([]turn, len(l.naps))
	if len(l.naps) == 0 {
		return
	}
	var play [ranks]playedRound
	for rank := range play {
		play[rank] = l.rounds[rank].played()
	}
	slots, at := l.forecast.Turns(), l.opens
	for gone, next, rest := 0, 0, len(l.naps); rest > 0; gone++ {
		at = later(at, slots.Peek())
		if foremost(&play) == nil {
			at = later(at, l.naps[next].wakes)
		}
		for ; next < len(l.naps) && !l.naps[next].wakes.After(at); next++ {
			l.turns[next].ahead = gone
			play[l.naps[next].rank].wake(l.naps, next)
		}
		slots.Take(at)
		if nap := foremost(&play).take(l.naps); nap >= 0 {
			l.turns[nap] = turn{at, gone - l.turns[nap].ahead}
			rest--
		}
	}
}

// wakes tells the turn of one of those that come later; false where it was not
// there yet.
func (l *lineup) wakes(at time.Time, rank int, m mark) (turn, bool) {
	i, found := slices.BinarySearchFunc(l.naps, napper{wakes: at, rank: rank, mark: m}, napper.compare)
	if !found {
		return turn{}, false
	}
	return l.turns[i], true
}

// playedRound is a round of a queue that is played: the sources in the order of
// their turns.
type playedRound struct {
	turns fifo[*playedLine]
	lines map[unique.Handle[string]]*playedLine
}

// playedLine is what waits of one source.
type playedLine struct {
	line marks // in line from the start, the oldest first
	naps []int // that woke, places among all naps, the oldest first
}

func (t *turns) played() playedRound {
	r := playedRound{lines: map[unique.Handle[string]]*playedLine{}}
	for source, at := range t.index {
		r.lines[source] = &playedLine{line: t.lines[at]}
	}
	sources := slices.SortedFunc(maps.Keys(t.index), func(a, b unique.Handle[string]) int { return cmp.Compare(t.index[a], t.index[b]) })
	for _, source := range sources {
		if p := r.lines[source]; len(p.line) > 0 {
			r.turns.push(p)
		}
	}
	return r
}

// foremost is the round whose turn it is; nil where nobody waits.
func foremost(play *[ranks]playedRound) *playedRound {
	for rank := range play {
		if play[rank].turns.len() > 0 {
			return &play[rank]
		}
	}
	return nil
}

// wake has one of those that come later join the line of its source.
func (r *playedRound) wake(naps []napper, nap int) {
	p := r.lines[naps[nap].source]
	if p == nil {
		p = &playedLine{}
		r.lines[naps[nap].source] = p
	}
	if len(p.line)+len(p.naps) == 0 {
		r.turns.push(p)
	}
	at, _ := slices.BinarySearchFunc(p.naps, nap, func(a, b int) int { return naps[a].mark.compare(naps[b].mark) })
	p.naps = slices.Insert(p.naps, at, nap)
}

// take takes out who goes now; -1 for one that was in line from the start.
func (r *playedRound) take(naps []napper) int {
	p, nap := r.turns.pop(), -1
	if len(p.naps) > 0 && (len(p.line) == 0 || naps[p.naps[0]].mark.compare(p.line[0]) < 0) {
		nap, p.naps = p.naps[0], p.naps[1:]
	} else {
		p.line = p.line[1:]
	}
	if len(p.line)+len(p.naps) > 0 {
		r.turns.push(p)
	}
	return nap
}
