package engine

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"
)

// begin settles all that was loaded, the oldest request first. What the ledger
// handed over before it said so is learned first.
func (g *Engine) begin() {
	for {
		select {
		case r := <-g.news:
			g.learn(r)
			continue
		default:
		}
		break
	}
	g.loaded = true
	all := make([]*entry, 0, len(g.entries))
	for _, e := range g.entries {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b *entry) int { return cmp.Compare(a.accepted, b.accepted) })
	for _, e := range all {
		g.settle(e)
	}
	g.weight.Store(int64(len(g.entries)))
	close(g.ready)
	g.Log.Debug("shard loaded", "shard", g.Shard, "records", len(g.entries))
}

// toldWithin is how old a loaded record must be to be taken as told by its
// earlier owner: that it is submitted is told once more only before its first
// query. To repeat it for all at once would keep a new owner busy for long.
const toldWithin = 30 * time.Second

// firstLook is when a job is asked for first by this owner. When an earlier
// owner would have asked next is not known: it is any moment of its usual
// wait, so that a take-over makes neither a pause nor a crowd.
func (g *Engine) firstLook(e *entry, now time.Time) time.Time {
	at := e.look(g.planOf(e, now), now)
	if e.settled {
		return now.Add(time.Duration(rand.Float64() * float64(at.Sub(now))))
	}
	return at
}
