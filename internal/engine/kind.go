package engine

import (
	"time"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/pace"
)

// kind is what is known of one operation's jobs in an account.
type kind struct {
	model   pace.Model
	plan    pace.Plan
	outlook *pace.Outlook // what the model expects; nil since it has learned
	listed  bool          // the image list shows when such a job is done
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
func (k *kind) expects() pace.Outlook {
	if k.outlook == nil {
		o := k.model.Outlook()
		k.outlook = &o
	}
	return *k.outlook
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
	for _, a := range g.accounts {
		for operation, k := range a.kinds {
			g.save(a.name, operation, k)
		}
	}
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
	k := g.kind(a, e.operation)
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
	k := g.kind(e.account, e.operation)
	k.model.Learn(res.took)
	if e.shown != 0 && !res.ended.IsZero() {
		k.model.Lagged(res.ended.Sub(e.shown.time()), res.took)
	}
	k.plan, k.outlook, k.fresh = k.model.Plan(g.Bound), nil, true
	if now := time.Now(); now.Sub(k.kept) >= keepPause {
		g.save(e.account.name, e.operation, k)
		k.kept = now
	}
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
