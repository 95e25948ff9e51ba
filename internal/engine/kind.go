package engine

import (
	"time"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/pace"
)

// kind is what is known of one operation's jobs in an account.
type kind struct {
	model   pace.Model
	plan    pace.Plan
	outlook *pace.Outlook // what the model expects; nil since it has learned
	listed  bool          // the image list shows when such a job is done
	count   int           // of such jobs that are followed
	planned time.Time     // when the plan was made
	kept    time.Time     // when the model was last kept
	fresh   bool          // it has learned since
}

// kind returns what is known of an operation's jobs.
func (g *Engine) kind(a *account, operation string) *kind {
	k := a.kinds[operation]
	if k == nil {
		op, known := handlers.Lookup(operation)
		k = &kind{listed: known && op.Listed}
		if m, kept := g.recall(a.name, operation); kept {
			k.model = *m
		}
		k.plan = k.model.Plan(g.Bound)
		a.kinds[operation] = k
	}
	return k
}

// expects is what the kind's model expects now, for others to read.
func (k *kind) expects() *pace.Outlook {
	if k.outlook == nil {
		o := k.model.Outlook()
		k.outlook = &o
	}
	return k.outlook
}

func (g *Engine) recall(cloud, operation string) (*pace.Model, bool) {
	if g.Durations == nil {
		return nil, false
	}
	return g.Durations.Recall(cloud, operation)
}

// keepPause is how often at most what is learned of a kind is kept.
const keepPause = time.Minute

// save has what is known of a kind kept for the next owner.
func (g *Engine) save(cloud, operation string, k *kind) {
	if g.Durations != nil && k.fresh {
		g.Durations.Keep(cloud, operation, &k.model)
	}
	k.fresh = false
}

// saveAll keeps what was learned since it was kept last.
func (g *Engine) saveAll() {
	now := time.Now()
	for _, a := range g.accounts {
		g.keepLimits(a, now)
		for operation, k := range a.kinds {
			g.save(a.name, operation, k)
		}
	}
}

const (
	// few is how many jobs of an account are asked for one by one within the
	// bound; the image list tells about more of them for less.
	few = 1
	// sparse is the growth of the waits between two questions for one of many
	// jobs that no list tells about.
	sparse = 0.29
	// longest is the time after which every job is due for a question that the list
	// does not tell about, whatever is believed of it.
	longest = 27 * time.Minute / 2
	// leftAlone is the time after which such a job goes before those whose ends are
	// near. Half a minute is left of a quarter of an hour for those that have to go
	// with it.
	leftAlone = 29 * time.Minute / 2
	// roomy is how long it may take to ask once for each job, so that turns are left
	// for those whose ends are near. Beyond, what is promised to end is looked at the
	// later, the fewer are left: a look that comes too early takes the turn of another,
	// and one that waits for its turn costs nothing.
	roomy = leftAlone * 5 / 6
)

// latest is when a query has waited for long enough, whatever else is in line:
// a job that the list does not tell about has been left alone for as long as may
// be then.
func (e *entry) latest(t task, now time.Time) time.Time {
	since := now
	if t.step == pollStep && t.plan.Shared == 0 && !t.hinted {
		since = later(e.asked.time(), e.submitted.time())
	}
	return since.Add(e.account.conf.Scale(leftAlone))
}

// planOf says when an entry is worth a look.
func (g *Engine) planOf(e *entry, now time.Time) pace.Plan {
	a := e.account
	k := g.kind(a, e.operation)
	plan := k.plan
	if a.sweeps(k, now) {
		plan.Shared, plan.Most = k.count, g.Bound.Max // jobs also fail, at any age
		return plan
	}
	alone := a.alone(now)
	round := a.round(e, alone)
	if alone > few {
		plan = plan.Alone(a.loose(k, round, now.Sub(e.submitted.time())))
	}
	plan.Most = max(longest-round, plan.Bound.Min)
	plan.Line = min(a.line(e, alone, round), leftAlone-plan.Most)
	plan.Grace = max(0, round-roomy)
	return plan
}

// loose is after which share of its age a job is asked for that is one of many:
// a large one to spare calls, but, where the list is only held up, the smallest
// that the budget of the questions has room for.
func (a *account) loose(k *kind, round, age time.Duration) float64 {
	if !k.listed || a.conf == nil || a.conf.NoSweep || age <= 0 {
		return sparse
	}
	return min(sparse, 2*float64(round)/float64(a.conf.Stretch(age)))
}

// alone is how many jobs are asked for one by one.
func (a *account) alone(now time.Time) int {
	if a.listable(now) {
		return a.following - a.listed
	}
	return a.following
}

// line is about how long the next question for the entry will wait for its turn,
// rather too long: a round where most of the jobs stand in line.
func (a *account) line(e *entry, alone int, round time.Duration) time.Duration {
	line := a.asks[a.bucketFor(task{step: pollStep, jobID: e.jobID})]
	switch {
	case line == nil:
		return 0
	case line.len() > alone/2:
		return round * 11 / 10
	}
	return a.round(e, line.len())
}

// round is how long it takes to ask once for each of so many jobs, in the
// cloud's time: the questions are asked in turns, none is left out.
func (a *account) round(e *entry, jobs int) time.Duration {
	rate := a.query(a.bucketFor(task{step: pollStep, jobID: e.jobID})).Rate()
	if rate == 0 || a.conf == nil {
		return 0
	}
	return a.conf.Stretch(time.Duration(float64(jobs) / rate * float64(time.Second)))
}

// look is when an entry that was looked at at some moment is due again.
func (e *entry) look(plan pace.Plan, at time.Time) time.Time {
	conf := e.account.conf
	return at.Add(conf.Scale(plan.Wait(conf.Stretch(at.Sub(e.submitted.time())))))
}

// wait is how long after now the task's job is asked for again.
func (t task) wait(now time.Time) time.Duration {
	age := t.conf.Stretch(now.Sub(t.submitted))
	due := t.plan.Wait(age)
	if t.hinted { // its end is near
		due = min(due, t.plan.Bound.Of(age)/3)
	}
	return t.conf.Scale(due)
}

// told is wait, by what the cloud tells of the job.
func (t task) told(now time.Time, job ims.Job) (wait time.Duration, near bool) {
	if t.hinted || job.Percent == nil {
		return t.wait(now), false
	}
	share := pace.Share{Now: *job.Percent, Before: t.heard}
	if share.Now == share.Before {
		share.Since = t.conf.Stretch(now.Sub(t.heardAt))
	}
	wait, near = t.plan.Told(t.conf.Stretch(now.Sub(t.submitted)), share)
	return t.conf.Scale(wait), near
}

// learned takes note of how long a job took that has ended.
func (g *Engine) learned(e *entry, res result) {
	if res.took <= 0 {
		return
	}
	k := g.kind(e.account, e.operation)
	k.model.Learn(res.took)
	if res.shown != 0 && !res.ended.IsZero() {
		k.model.Lagged(res.ended.Sub(res.shown.time()), res.took)
	}
	now := time.Now()
	g.replan(e.account, e.operation, k, now)
	k.outlook, k.fresh = nil, true
	if now.Sub(k.kept) >= keepPause {
		g.save(e.account.name, e.operation, k)
		k.kept = now
	}
}

// replanPause is how often the plan of a kind of which nothing is known is made
// anew: the jobs that still run say something, too.
const replanPause = 10 * time.Second

func (g *Engine) replan(a *account, operation string, k *kind, now time.Time) {
	k.plan, k.planned = k.model.Plan(g.Bound, g.alive(a, operation, k)...), now
}

// replanUnknown makes the plans of unknown kinds anew, now and then.
func (g *Engine) replanUnknown(a *account, now time.Time) {
	for operation, k := range a.kinds {
		if k.count > few && !k.model.Knows() && now.Sub(k.planned) >= replanPause {
			g.replan(a, operation, k, now)
		}
	}
}

// alive are the ages of the jobs of a kind that still run, as long as they
// matter.
func (g *Engine) alive(a *account, operation string, k *kind) (ages []time.Duration) {
	if !k.model.Young() || a.conf == nil {
		return nil
	}
	now := time.Now()
	for _, e := range g.entries {
		if e.account == a && e.operation == operation && e.followed() {
			ages = append(ages, a.conf.Stretch(now.Sub(e.submitted.time())))
		}
	}
	return ages
}

// followed reports whether the entry waits for the end of slow work.
func (e *entry) followed() bool { return e.state == ledger.Submitted && !e.buried && e.batch == nil }

// tally keeps the number of jobs that the account follows, and finds those
// without a job by their image.
func (g *Engine) tally(e *entry, was bool) {
	a, is := e.account, e.followed()
	if is != was {
		k, n := g.kind(a, e.operation), 1
		if was {
			n = -1
		}
		k.count, a.following = k.count+n, a.following+n
		a.quiet()
		if k.listed {
			a.listed += n
		}
		if k.listed && is && a.listed == few+1 && g.loaded {
			g.joined(e, time.Now())
		}
	}
	a.unlist(e)
	a.list(e)
}

// joined gives the few that were asked for by themselves until this entry came
// the waits of those that the list tells about.
func (g *Engine) joined(by *entry, now time.Time) {
	a := by.account
	for _, e := range g.entries {
		if e == by || e.account != a || !e.followed() || e.hinted || !a.sweeps(g.kind(a, e.operation), now) {
			continue
		}
		if at := e.look(g.planOf(e, now), later(e.asked.time(), e.submitted.time())); at.Before(e.again) {
			e.again = at
			g.settle(e)
		}
	}
}

// list has the entry found by its image, if nothing else names it.
func (a *account) list(e *entry) {
	if e.followed() && e.jobID == "" && e.imageID != "" {
		a.images[e.imageID] = e
	}
}

// unlist has the entry not found by its image any more. It is needed before the
// entry names another one, or none, as after its tombstone.
func (a *account) unlist(e *entry) {
	if a.images[e.imageID] == e {
		delete(a.images, e.imageID)
	}
}
