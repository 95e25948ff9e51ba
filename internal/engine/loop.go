package engine

import (
	"context"
	"time"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/mutation"
)

// learn takes over a version of a record that somebody, perhaps a step of
// this engine, has written.
func (g *Engine) learn(r *ledger.Record) {
	e := g.entries[r.Key]
	switch {
	case r.Version > ledger.Version:
		g.Log.Warn("record of a newer version; it is left alone", "key", r.Key, "version", r.Version)
		if e != nil {
			g.drop(e)
		}
		return
	case e != nil && r.Sequence <= e.sequence:
		if e.buried && e.recheck == 0 && r.Sequence == e.sequence {
			g.drop(e) // the news of our own tombstone: nothing older can follow
		}
		return
	case e == nil && r.Done() && !g.loaded && mutation.On(mutation.ForgottenEnd):
		return
	case e == nil:
		e = g.admit(r)
	}
	g.take(e, r)
	if r.Buried && r.LookAgain.IsZero() {
		g.drop(e)
		return
	}
	if g.loaded {
		g.settle(e)
	}
}

// admit makes the entry of a record that was not known.
func (g *Engine) admit(r *ledger.Record) *entry {
	a := g.account(r.Cloud)
	a.entries++
	e := &entry{key: r.Key, account: a, operation: shared(r.Operation), index: -1, place: -1}
	g.entries[r.Key] = e
	return e
}

// account is that of a cloud, made where there is none yet.
func (g *Engine) account(name string) *account {
	a := g.accounts[name]
	if a == nil {
		conf, _ := g.Clouds.Account(name)
		a = g.recallLimits(newAccount(name, conf), time.Now())
		g.accounts[name] = a
	}
	return a
}

// take brings an entry up to a newer version of its record.
func (g *Engine) take(e *entry, r *ledger.Record) {
	g.restore(e, r)
	e.account.awake(e)
	was, ran := e.followed(), e.occupies()
	e.account.unlist(e)
	e.take(r)
	g.tally(e, was)
	e.account.occupy(e, ran)
	g.remember(e.account, r)
	e.settled = !g.loaded && g.began.Sub(r.Stored) > toldWithin
	if r.Buried {
		g.timers.drop(e)
	}
	if r.State != ledger.Accepted && r.State != ledger.Parked || r.Cancel != nil {
		e.account.leave(e)
	}
	if r.Buried || e.resting {
		g.Metrics.ended(r)
	}
}

// restore takes slots for the calls that others have made for a record: those
// of earlier owners while the shard is loaded, and always a claim that is not
// ours, whose call may be answered as late as its time limit.
func (g *Engine) restore(e *entry, r *ledger.Record) {
	if !g.loaded && len(r.Posts) > 0 {
		for _, bucket := range bucketsOf(r) {
			for _, at := range r.Posts {
				e.account.window(bucket).Restore(at)
			}
		}
	}
	if r.State == ledger.Submitting && !e.busy {
		e.account.window(bucketFor(r)).Restore(g.ours(r.Stored).Add(g.SubmitTimeout))
	}
}

// drop forgets an entry.
func (g *Engine) drop(e *entry) {
	g.timers.drop(e)
	e.account.leave(e)
	e.account.awake(e)
	e.batch.unheard()
	if was := e.followed(); was {
		e.buried = true
		g.tally(e, was)
	}
	ran := e.occupies()
	e.posts, e.runs = false, false
	e.account.occupy(e, ran)
	delete(g.entries, e.key)
	delete(e.account.rows, e.key)
	if a := e.account; a.left() && g.accounts[a.name] == a {
		delete(g.accounts, a.name)
	}
}

// refresh reads the configuration of every account again.
func (g *Engine) refresh() {
	for name, a := range g.accounts {
		conf, known := g.Clouds.Account(name)
		if !known && a.conf != nil {
			g.Log.Warn("the cloud is no longer configured; its requests wait", "cloud", name, "shard", g.Shard)
		}
		a.configure(conf)
		if a.pause.accepted() { // a changed entry may have better credentials
			g.resumed(a, "its entry was read again")
		}
	}
	for _, e := range g.entries {
		g.settle(e)
	}
}

// settle decides what comes next for an entry and arranges it.
func (g *Engine) settle(e *entry) {
	if e.busy || e.buried && e.recheck == 0 || e.place >= 0 || g.stopping {
		return
	}
	now := time.Now()
	s, at := g.next(e, now)
	e.account.awake(e)
	switch {
	case at.After(now):
		g.sleep(e, at, now)
		if s == submitStep {
			e.account.nap(e)
		}
	case s == pollStep && !g.asksItself(e, now):
		g.sleep(e, e.before(e.again, now), now)
	case s == submitStep:
		e.account.push(e)
		g.queued = append(g.queued, e)
		g.timers.set(e, e.deadlineTimer(now))
	default:
		g.timers.drop(e)
		g.enqueue(e, s)
	}
}

// sleep has an entry wait, its record held if that is not for long.
func (g *Engine) sleep(e *entry, at, now time.Time) {
	if at.Sub(now) > heldFor {
		e.record = nil
	}
	if mutation.On(mutation.LostTimer) && e.followed() {
		g.timers.drop(e)
		return
	}
	g.timers.set(e, at)
}

// heldFor is how long a wait may be through which the record itself is held:
// what goes on that soon would only be read from the broker again. The first
// question for a job falls within it.
const heldFor = 6 * time.Second

// unconfigured is how often a record of a cloud that is not configured is
// looked at; a changed configuration wakes it at once.
const unconfigured = time.Minute

// next says which step an entry needs, and when.
func (g *Engine) next(e *entry, now time.Time) (step, time.Time) {
	again := later(e.again, now)
	switch {
	case e.buried && e.account.conf == nil:
		return idleStep, now.Add(unconfigured)
	case e.buried:
		return recheckStep, later(e.recheck.time(), again)
	case e.trailing && e.account.conf == nil:
		return idleStep, now.Add(unconfigured)
	case e.trailing:
		if e.again.IsZero() {
			e.again = e.look(g.planOf(e, now), now)
		}
		return trailStep, later(e.again, now)
	case e.state == ledger.Finished:
		return finishStep, again
	case e.state == ledger.Submitting:
		return doubtStep, again
	case !e.announced && (e.state == ledger.Accepted || e.state == ledger.Parked):
		return announceStep, again
	case e.stops() && (e.told || e.state != ledger.Submitted):
		return cancelStep, again
	case e.account.conf == nil:
		return idleStep, now.Add(unconfigured)
	case e.overdue(now):
		return lateStep, again
	}
	switch {
	case e.batch != nil && e.state == ledger.Submitted:
		return legsStep, e.before(e.round(now), now)
	case e.batch != nil && g.heldBack(e.account.name, e.operation):
		return idleStep, e.before(now.Add(unconfigured), now)
	case e.batch != nil:
		return expandStep, e.before(later(e.until.time(), again), now)
	}
	switch e.state {
	case ledger.Submitted:
		if e.again.IsZero() {
			e.again = g.firstLook(e, now)
		}
		if !e.told && (!e.settled || e.stops() || !e.again.After(now)) {
			return tellStep, again
		}
		return pollStep, e.before(later(e.again, now), now)
	case ledger.Uncertain:
		return findStep, e.before(later(e.until.time(), again), now)
	}
	if e.decided {
		return resolveStep, again
	}
	if g.heldBack(e.account.name, e.operation) {
		return idleStep, e.before(now.Add(unconfigured), now)
	}
	return submitStep, e.before(later(e.until.time(), again), now)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// pump starts whatever is due and has a place: timers, then the accounts'
// lines, then what waits for a place in a pool.
func (g *Engine) pump(ctx context.Context) {
	if g.stopping || !g.loaded {
		return
	}
	now := time.Now()
	for e := g.timers.popDue(now); e != nil; e = g.timers.popDue(now) {
		if e.place >= 0 && e.overdue(now) && e.account.conf != nil {
			e.account.leave(e) // told to be late first; its turn goes by its age
		}
		if e.place >= 0 {
			g.timers.set(e, e.deadlineTimer(now))
			continue
		}
		g.settle(e)
	}
	g.patrol(now)
	for _, a := range g.accounts {
		g.submitFrom(a, now)
		g.askFrom(a, now)
	}
	g.letGo()
	g.foresee(now)
	for kind := range g.pools {
		g.startWaiting(ctx, &g.pools[kind])
	}
}

// letGo forgets the data of what was put into a queue just now and could not
// go on at once.
func (g *Engine) letGo() {
	for _, e := range g.queued {
		if e.place >= 0 {
			e.record = nil
		}
	}
	clear(g.queued)
	g.queued = g.queued[:0]
}

// submitFrom takes entries from an account's queues as long as there are
// slots and places for the call.
func (g *Engine) submitFrom(a *account, now time.Time) {
	for g.pools[createPool].room() {
		e := a.pop(now)
		if e == nil {
			return
		}
		a.running[createPool]++
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
		a.running[queryPool]++
		g.pools[queryPool].waiting.push(t)
	}
}

// conclude takes over what a step has done.
func (g *Engine) conclude(res result) {
	e, kind := res.entry, res.step.pool()
	g.running--
	g.pools[kind].free++
	if kind != ledgerPool {
		e.account.running[kind]--
	}
	ran := e.occupies()
	e.busy, e.posts = false, false
	e.account.occupy(e, ran)
	g.charge(e, res)
	e.account.spoke(res)
	g.learned(e, res)
	if res.err != nil {
		g.repeatsStep(res, time.Now())
	}
	if res.step == foretellStep {
		g.foresight.telling--
	}
	switch {
	case res.step == sweepStep || res.step == foreseeStep:
		if res.effect != nil { // nil where the cloud was removed before it began
			res.effect(e)
		}
		return
	case g.entries[e.key] != e:
		return
	case res.gone:
		g.drop(e)
		return
	}
	if res.step == pollStep {
		e.asked, e.seen = instantOf(res.begun), 0
	}
	switch r := res.record; {
	case r != nil && r.Sequence > e.sequence:
		g.take(e, r)
	case r != nil && r.Sequence == e.sequence:
		e.record = r
	}
	if s := e.account.slot(e.operation); s != nil && res.crowded { // it holds none any more
		s.Throttled(res.begun, time.Now(), res.calm)
	}
	if res.effect != nil {
		res.effect(e)
	}
	if !res.again.IsZero() && !e.hintedMeanwhile(res) {
		e.again = res.again
	}
	e.rounded(res)
	g.settle(e)
}

// hintedMeanwhile reports whether the image list has shown that the end is near
// while the job was asked for, or stood in line for that, and is to be looked at
// sooner than the answer would have it.
func (e *entry) hintedMeanwhile(res result) bool {
	return res.step == pollStep && res.err == nil && e.hinted && !res.hinted && e.again.Before(res.again)
}

// charge settles what the step did to the account's budgets.
func (g *Engine) charge(e *entry, res result) {
	a, now := e.account, time.Now()
	if e.probe {
		e.probe, a.pause.probing = false, false
	}
	if res.step == submitStep {
		a.settle(e.queued.Value(), res, now)
	}
	if res.shut != "" {
		g.throttled(a, res, now)
		g.keepLimits(a, now)
	}
	g.judge(a, res, now)
}

// judge learns from a step whether the account's credentials are good. What a
// client says that is not in use any more counts for nothing.
func (g *Engine) judge(a *account, res result, now time.Time) {
	if res.conf != a.conf {
		return
	}
	if res.refused {
		if wait, news := a.pause.refused(res.begun, now); news {
			g.Metrics.paused(a.name, true)
			g.Log.Warn("cloud paused: it refuses the credentials; look at the cloud's entry in clouds.yaml", "cloud", a.name, "wait", wait.String(), "error", res.cause)
		}
		return
	}
	if res.answered && a.pause.accepted() {
		g.resumed(a, "its credentials are accepted again")
	}
}

// resumed says that a paused account goes on.
func (g *Engine) resumed(a *account, why string) {
	g.Metrics.paused(a.name, false)
	g.Log.Info("cloud goes on", "cloud", a.name, "why", why)
}

// overdue reports whether the deadline has passed and that is still to be
// told. A record that the cloud has put off ends then, told or not.
func (e *entry) overdue(now time.Time) bool {
	return (!e.late || e.state == ledger.Parked) && e.deadline != 0 && !now.Before(e.deadline.time())
}

// before brings a wait forward to the entry's deadline.
func (e *entry) before(at, now time.Time) time.Time {
	if (!e.late || e.state == ledger.Parked) && e.deadline != 0 && e.deadline.time().Before(at) {
		return later(e.deadline.time(), now)
	}
	return at
}

// deadlineTimer is when an entry in a queue is looked at again.
func (e *entry) deadlineTimer(now time.Time) time.Time {
	return e.before(now.Add(time.Hour), now)
}
