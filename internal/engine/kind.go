package engine

import (
	"time"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/pace"
)

// kind is what is known of one operation's jobs in an account.
type kind struct {
	model  pace.Model
	plan   pace.Plan
	listed bool // the image list shows when such a job is done
}

// kind returns what is known of an operation's jobs.
func (a *account) kind(operation string, bound pace.Bound) *kind {
	k := a.kinds[operation]
	if k == nil {
		op, known := handlers.Lookup(operation)
		k = &kind{plan: pace.Plan{Bound: bound}, listed: known && op.Listed}
		a.kinds[operation] = k
	}
	return k
}

const (
	// few is how many jobs of an account are asked for one by one within the
	// bound; the image list tells about more of them for less.
	few = 2
	// sparse is the growth of the waits between two questions for one of many
	// jobs that no list tells about.
	sparse = 0.28
)

// planOf says when an entry is worth a look.
func (g *Engine) planOf(e *entry, now time.Time) pace.Plan {
	a := e.account
	k := a.kind(e.operation, g.Bound)
	plan := k.plan
	if a.following > few && !a.sweeps(k, now) {
		plan.Bound.Ratio = max(plan.Bound.Ratio, sparse)
	}
	return plan
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

// learned takes note of how long a job took.
func (g *Engine) learned(e *entry, res result) {
	if res.took <= 0 {
		return
	}
	k := e.account.kind(e.operation, g.Bound)
	k.model.Learn(res.took)
	if e.shown != 0 && !res.ended.IsZero() {
		k.model.Lagged(res.ended.Sub(e.shown.time()), res.took)
	}
	k.plan = k.model.Plan(g.Bound)
}

// followed reports whether the entry waits for the end of slow work.
func (e *entry) followed() bool { return e.state == ledger.Submitted && !e.buried }

// count keeps the number of jobs that the account follows, and finds those
// without a job by their image.
func (a *account) count(e *entry, was bool) {
	is := e.followed()
	switch {
	case is && !was:
		a.following++
	case was && !is:
		a.following--
	}
	a.unlist(e)
	a.list(e)
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
