package engine

import (
	"context"
	"time"

	"github.com/imsworker/imsworker/internal/ledger"
)

// Group is what is in flight of one cloud and operation in one state.
type Group struct {
	Cloud, Operation string
	State            ledger.State
	Count            int
	Oldest           time.Time // earliest acceptance
	Late, Stuck      int       // past their deadline; past twice the time that they were given
	PutOff           int       // not to be submitted yet, by the request's own not_before
}

// Rest is how many requests of one cloud and operation are unresolved and wait
// for a person.
type Rest struct {
	Cloud, Operation string
	Count            int
}

// Census is what an engine holds at one moment.
type Census struct {
	Groups       []Group
	WithoutTimer int // records that nothing would ever wake; must be 0
	Budgets      []Budget
	Unresolved   []Rest
	Roads        []Road
}

// Budget is the use of one bucket of an account.
type Budget struct {
	Cloud, Bucket string
	Limit, Used   int
}

// Census counts what the engine holds. It blocks until the loop has a moment
// for it. The census is empty once the engine has stopped; an error means that
// ctx ended before the loop had time.
func (g *Engine) Census(ctx context.Context) (Census, error) {
	answer := make(chan Census, 1)
	select {
	case g.asked <- func() { answer <- g.count() }:
		return <-answer, nil
	case <-g.over:
		return Census{}, nil
	case <-ctx.Done():
		return Census{}, context.Cause(ctx)
	}
}

// count goes through all entries; only the loop may call it.
func (g *Engine) count() Census {
	var c Census
	groups, rests, now := map[Group]*Group{}, map[Rest]int{}, time.Now()
	for _, e := range g.entries {
		if e.resting && !e.buried {
			rests[Rest{Cloud: e.account.name, Operation: e.operation}]++
		}
		if e.buried || e.resting {
			continue
		}
		id := Group{Cloud: e.account.name, Operation: e.operation, State: e.state}
		group := groups[id]
		if group == nil {
			group = &Group{Cloud: id.Cloud, Operation: id.Operation, State: id.State, Oldest: e.accepted.time()}
			groups[id] = group
		}
		group.Count++
		if at := e.accepted.time(); at.Before(group.Oldest) {
			group.Oldest = at
		}
		switch e.overtime(now) {
		case 0:
		case 1:
			group.Late++
		default:
			group.Late, group.Stuck = group.Late+1, group.Stuck+1
		}
		if e.putOff(now) {
			group.PutOff++
		}
		if g.asleep(e) {
			c.WithoutTimer++
		}
	}
	for _, group := range groups {
		c.Groups = append(c.Groups, *group)
	}
	for rest, n := range rests {
		rest.Count = n
		c.Unresolved = append(c.Unresolved, rest)
	}
	for _, a := range g.accounts {
		c.Budgets, c.Roads = append(c.Budgets, a.use(now)...), append(c.Roads, a.road(now))
	}
	return c
}

// putOff reports whether the entry waits for the time that its request names.
func (e *entry) putOff(now time.Time) bool {
	return e.state == ledger.Accepted && e.named && e.until.time().After(now)
}

// overtime is how often the time has passed that the request was given, from
// its acceptance to its deadline.
func (e *entry) overtime(now time.Time) int {
	given := e.deadline.time().Sub(e.accepted.time())
	if e.deadline == 0 || given <= 0 || !now.After(e.deadline.time()) {
		return 0
	}
	return int(now.Sub(e.accepted.time()) / given)
}

// use tells of all budgets that were used: of a bucket that creating calls and
// questions share, both halves together.
func (a *account) use(now time.Time) (all []Budget) {
	for operation, s := range a.slots {
		if s != nil && s.Limit() > 0 {
			all = append(all, Budget{Cloud: a.name, Bucket: slotOf(operation), Limit: s.Limit(), Used: s.Held()})
		}
	}
	limits, used := map[string]int{}, map[string]int{}
	for bucket, w := range a.windows {
		limits[bucket], used[bucket] = w.Limit().Count, w.Used(now)
	}
	for bucket, p := range a.paced {
		limits[bucket] = max(limits[bucket], p.Limit().Count)
		used[bucket] += p.Used(now)
	}
	for bucket, limit := range limits {
		if a.conf != nil { // all of it, not what one half of it has, or what is lent
			limit = a.conf.Limits[bucket].Count
		}
		if limit > 0 {
			all = append(all, Budget{Cloud: a.name, Bucket: bucket, Limit: limit, Used: used[bucket]})
		}
	}
	return all
}
