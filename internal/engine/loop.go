package engine

import (
	"context"
	"time"

	"github.com/imsworker/imsworker/internal/ledger"
)

// learn takes over a version of a record that somebody, perhaps a step of
// this engine, has written.
func (g *Engine) learn(r *ledger.Record) {
	e := g.entries[r.Key]
	switch {
	case r.Version > ledger.Version:
		g.Log.Warn("record of a newer version; it is left alone", "key", r.Key, "version", r.Version)
		return
	case e != nil && r.Sequence <= e.sequence:
		return
	case e == nil:
		e = g.admit(r)
	}
	if r.Buried {
		g.bury(e, r)
		return
	}
	e.take(r)
	if g.loaded {
		g.settle(e)
	}
}

// admit makes the entry of a record that was not known. Calls made for it by
// an earlier owner take their slots.
func (g *Engine) admit(r *ledger.Record) *entry {
	a := g.accounts[r.Cloud]
	if a == nil {
		conf, _ := g.Clouds.Account(r.Cloud)
		a = newAccount(r.Cloud, conf)
		g.accounts[r.Cloud] = a
	}
	e := &entry{key: r.Key, account: a, operation: r.Operation, index: -1}
	g.entries[r.Key] = e
	if w := a.window(bucketOf(r.Operation)); w.Limited() {
		for _, at := range r.Posts {
			w.Restore(at)
		}
	}
	return e
}

// bury forgets an entry whose record is a tombstone.
func (g *Engine) bury(e *entry, r *ledger.Record) {
	g.timers.drop(e)
	delete(g.entries, e.key)
	g.Metrics.ended(r)
}

// refresh reads the configuration of every account again.
func (g *Engine) refresh() {
	for name, a := range g.accounts {
		conf, _ := g.Clouds.Account(name)
		a.configure(conf)
	}
	for _, e := range g.entries {
		g.settle(e)
	}
}

// settle decides what comes next for an entry and arranges it.
func (g *Engine) settle(e *entry) {
	if e.busy || e.inQ || g.stopping {
		return
	}
	now := time.Now()
	s, at := g.next(e, now)
	switch {
	case at.After(now):
		e.record = nil
		g.timers.set(e, at)
	case s == submitStep:
		e.record = nil
		e.account.push(bucketOf(e.operation), e)
		g.timers.set(e, g.deadlineTimer(e, now))
	default:
		g.timers.drop(e)
		g.enqueue(e, s)
	}
}

// unconfigured is how often a record of a cloud that is not configured is
// looked at; a changed configuration wakes it at once.
const unconfigured = time.Minute

// next says which step an entry needs, and when.
func (g *Engine) next(e *entry, now time.Time) (step, time.Time) {
	switch e.state {
	case ledger.Finished:
		return finishStep, later(e.again, now)
	case ledger.Submitting:
		return doubtStep, later(e.again, now)
	}
	if !e.announced && (e.state == ledger.Accepted || e.state == ledger.Parked) {
		return announceStep, later(e.again, now)
	}
	if e.account.conf == nil {
		return idleStep, now.Add(unconfigured)
	}
	if g.isLate(e, now) {
		return lateStep, now
	}
	switch e.state {
	case ledger.Submitted:
		if !e.told {
			return tellStep, now
		}
		return pollStep, g.before(e, g.pollAt(e, now), now)
	case ledger.Uncertain:
		return findStep, g.before(e, later(e.until, later(e.again, now)), now)
	default:
		if e.decided {
			return resolveStep, later(e.again, now)
		}
		return submitStep, g.before(e, later(e.until, later(e.again, now)), now)
	}
}

// before brings a wait forward to the entry's deadline.
func (g *Engine) before(e *entry, at, now time.Time) time.Time {
	if !e.late && !e.deadline.IsZero() && e.deadline.Before(at) {
		return later(e.deadline, now)
	}
	return at
}

// isLate reports whether a deadline has passed that nobody was told of. A
// record that the cloud has put off ends there; others go on.
func (g *Engine) isLate(e *entry, now time.Time) bool {
	return !e.late && !e.deadline.IsZero() && !now.Before(e.deadline)
}

// deadlineTimer is when an entry in a queue is looked at again.
func (g *Engine) deadlineTimer(e *entry, now time.Time) time.Time {
	if e.late || e.deadline.IsZero() {
		return now.Add(time.Hour)
	}
	return later(e.deadline, now)
}

// pollAt is when a submitted record's job is asked for next.
func (g *Engine) pollAt(e *entry, now time.Time) time.Time {
	if e.again.IsZero() {
		e.again = now.Add(g.pollWait(e.account.conf, e.submitted, now))
	}
	return later(e.again, now)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// pump starts whatever is due and has a place: timers, then the accounts'
// queues, then what waits for a place in a pool.
func (g *Engine) pump(ctx context.Context) {
	if g.stopping || !g.loaded {
		return
	}
	now := time.Now()
	for e := g.timers.popDue(now); e != nil; e = g.timers.popDue(now) {
		if e.inQ {
			g.overdueInQueue(e, now)
			continue
		}
		g.settle(e)
	}
	for _, a := range g.accounts {
		g.submitFrom(a, now)
		g.askFrom(a, now)
	}
	for kind := range g.pools {
		g.startWaiting(ctx, &g.pools[kind])
	}
}

// overdueInQueue tells that an entry is late while it waits for its budget.
func (g *Engine) overdueInQueue(e *entry, now time.Time) {
	if g.isLate(e, now) && !e.busy {
		g.enqueue(e, lateStep)
		return
	}
	g.timers.set(e, now.Add(time.Hour))
}

// submitFrom takes entries from an account's queue as long as there are slots
// and places for the call.
func (g *Engine) submitFrom(a *account, now time.Time) {
	for g.pools[createPool].room() {
		e, bucket := a.pop(now)
		if e == nil {
			return
		}
		if e.busy { // told to be late right now; it keeps its turn
			a.window(bucket).Cancel()
			a.probing = false
			a.push(bucket, e)
			return
		}
		g.timers.drop(e)
		g.enqueue(e, submitStep)
	}
}

// askFrom takes queries from an account's lines as long as there are tokens
// and places.
func (g *Engine) askFrom(a *account, now time.Time) {
	for g.pools[queryPool].room() {
		t, ok := a.popAsk(now)
		if !ok {
			return
		}
		g.pools[queryPool].waiting = append(g.pools[queryPool].waiting, t)
	}
}

// conclude takes over what a step has done.
func (g *Engine) conclude(res result) {
	e := res.entry
	g.running--
	g.pools[res.step.pool()].free++
	e.busy = false
	g.charge(e, res)
	if res.err != nil {
		g.Log.Warn("step is repeated", "step", res.step.String(), "key", e.key, "cloud", e.account.name, "operation", e.operation, "error", res.err)
	}
	if g.entries[e.key] != e {
		return
	}
	if r := res.record; r != nil && r.Sequence > e.sequence {
		if r.Buried {
			g.bury(e, r)
			return
		}
		e.take(r)
	}
	if res.effect != nil {
		res.effect(e)
	}
	if !res.again.IsZero() {
		e.again = res.again
	}
	g.settle(e)
}

// charge settles what the step did to the account's budgets.
func (g *Engine) charge(e *entry, res result) {
	a, now := e.account, time.Now()
	if res.step == submitStep {
		w := a.window(bucketOf(e.operation))
		if res.sent {
			w.Answered(now)
		} else {
			w.Cancel()
		}
		a.probing = false
		if !res.closed.IsZero() {
			w.Close(res.closed)
		}
	}
	if res.step == pollStep && !res.closed.IsZero() {
		a.query(a.queryBucket()).Close(res.closed)
	}
	switch {
	case res.refused:
		wait := a.pause(now)
		g.Metrics.paused(a.name, true)
		g.Log.Warn("cloud paused: it refuses the credentials; look at the cloud's entry in clouds.yaml", "cloud", a.name, "wait", wait.String(), "error", res.cause)
	case res.answered && a.pauses > 0:
		a.accepted()
		g.Metrics.paused(a.name, false)
		g.Log.Info("cloud goes on: its credentials are accepted again", "cloud", a.name)
	}
}
