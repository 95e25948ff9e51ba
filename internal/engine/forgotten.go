package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// unknown reports whether the cloud says definitely that it has no such job or
// cannot tell of it: by 400 or 404 (ims-api.md 3.6), or by telling of another.
func unknown(err error) bool {
	e, answered := errors.AsType[*ims.Error](err)
	return errors.Is(err, ims.ErrOtherJob) || answered && (e.Status == 400 || e.Status == 404) && e.Verdict() != ims.Throttled
}

// unheard is how long at least a cloud must not tell about a job, in its time:
// of work whose state can be compared at once, one answer is no reason to give
// up what may still run.
const unheard = 5 * time.Minute

// forgotten looks for the image of a job that the cloud does not tell about:
// that is no proof that the job failed. When nothing has shown up for a whole
// horizon, a person must look.
func (g *Engine) forgotten(ctx context.Context, t task, cause error) result {
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: err}
	}
	work, err := open(r)
	if err != nil {
		return g.unanswered(t, r, cause)
	}
	since := t.forgotten
	if since.IsZero() {
		since = time.Now()
	}
	found, err := g.seek(ctx, t.conf, work, r)
	switch {
	case err == nil && found.Done:
		return g.done(ctx, t, r, found)
	case err == nil && found.Status == ims.ImageActive:
		r.Images = g.imagesOf(t.conf, work, found)
		r.Warnings = append(r.Warnings, "the cloud no longer tells about the job; the image was found by its marker")
		return g.succeed(ctx, t, r)
	case errors.Is(err, handlers.ErrNotFound) && time.Since(since) >= max(g.horizon(t.conf, work), t.conf.Scale(unheard)):
		r.Failure = failure(cause)
		return g.end(ctx, r, messages.StateUnresolved, unresolved(r, "the cloud no longer tells about the job, and nothing that it has made or done could be found"))
	}
	res := g.unanswered(t, r, cause)
	res.effect = also(res.effect, func(e *entry) { e.forgotten = instantOf(since) })
	return res
}

// stuckChecks is how many queries of a late job pass between two looks at its
// image, stuckAfter how long that must have been active.
const (
	stuckChecks = 10
	stuckAfter  = 10 * time.Minute
)

// stuck looks at the image of a job that still runs when it is late: jobs were
// suspected to run for ever though their image is there (ims-api.md 7). False:
// nothing of the kind, the job is asked again.
func (g *Engine) stuck(ctx context.Context, t task, res *result) bool {
	if !t.late || t.polls%stuckChecks != 0 {
		return false
	}
	r, err := g.current(ctx, t)
	if err != nil {
		return false
	}
	work, err := open(r)
	if err != nil {
		return false
	}
	found, err := g.seek(ctx, t.conf, work, r)
	if err != nil || found.Status != ims.ImageActive {
		return false
	}
	if t.active.IsZero() {
		seen := time.Now()
		res.effect = also(res.effect, func(e *entry) { e.active = instantOf(seen) })
		return false
	}
	if time.Since(t.active) < t.conf.Scale(stuckAfter) {
		return false
	}
	r.Images = g.imagesOf(t.conf, work, found)
	r.Warnings = append(r.Warnings, "the cloud says that the job still runs; its image has been active for a while")
	*res = g.succeed(ctx, t, r)
	return true
}

// also does two effects, either of which may be missing.
func also(first, second func(*entry)) func(*entry) {
	return func(e *entry) {
		if first != nil {
			first(e)
		}
		second(e)
	}
}

// patrolled is how many entries one patrol looks at, patrolPause the time
// between two.
const (
	patrolled   = 200
	patrolPause = 10 * time.Second
)

// patrol looks at some entries, others each time, and arms those that nothing
// would ever wake. There are none; if there are, it says so.
func (g *Engine) patrol(now time.Time) {
	if now.Before(g.patrolAt) {
		return
	}
	g.patrolAt = now.Add(patrolPause)
	for name, a := range g.accounts {
		g.keepLimits(a, now)
		if a.forget(now); a.idle(now) {
			delete(g.accounts, name)
		}
	}
	left := patrolled
	for _, e := range g.entries {
		if g.asleep(e) {
			g.Log.Error("a record had no timer; it is armed again", "key", e.key, "cloud", e.account.name, "state", string(e.state))
			g.settle(e)
		}
		if left--; left == 0 {
			return
		}
	}
}

// asleep reports whether nothing would ever wake the entry.
func (g *Engine) asleep(e *entry) bool {
	return g.loaded && !g.stopping && e.index < 0 && !e.busy && e.place < 0 && !(e.buried && e.recheck == 0)
}

// recheckAfter is how long after the end of an attempt whose answer was once
// lost its duplicates are looked for again.
const recheckAfter = 5 * time.Minute

// recheck looks once more, some minutes after the end, for images that carry
// the request's evidence beside its result. They are counted and logged.
func (g *Engine) recheck(ctx context.Context, t task) result {
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: fmt.Errorf("look for duplicates: %w", err)}
	}
	if !r.Buried || r.LookAgain.IsZero() {
		return result{record: r}
	}
	accepted, found, err := g.Events.Accepted(ctx, r.Cloud, r.Key, r.Attempt)
	if err != nil {
		return result{err: fmt.Errorf("look for duplicates: %w", err)}
	}
	if found {
		r.Data = accepted.Request.Data
		twins, err := g.twins(ctx, t.conf, r)
		if errors.Is(err, errUnclear) {
			return result{record: r, again: time.Now().Add(t.conf.Scale(recheckAfter))}
		}
		if err != nil {
			return g.unanswered(t, nil, fmt.Errorf("look for duplicates: %w", err))
		}
		for _, twin := range twins {
			r.Made = append(r.Made, twin.ID)
		}
	}
	r.LookAgain = time.Time{}
	if err := g.Ledger.Bury(ctx, r, g.TombstoneTTL); err != nil {
		return result{err: fmt.Errorf("look for duplicates: %w", err)}
	}
	return result{record: r.Tombstone(), answered: true}
}

// twins are the images that carry the record's evidence and are not its
// result. Each is counted and logged: somebody pays for it. errUnclear: they
// may be somebody else's.
func (g *Engine) twins(ctx context.Context, conf *Account, r *ledger.Record) ([]messages.Image, error) {
	work, err := open(r)
	if err != nil {
		return nil, nil
	}
	at, known := g.place(conf, work)
	if !known {
		return nil, nil
	}
	ask, cancel := context.WithTimeout(ctx, seekTimeout)
	defer cancel()
	search, unclear, err := g.search(ctx, r)
	if err != nil || unclear {
		return nil, errors.Join(err, errUnclear)
	}
	search.Exclude = append(search.Exclude, r.MadeSoFar()...)
	all, err := work.All(ask, at.Client, search)
	if errors.Is(err, handlers.ErrUnderWay) {
		return nil, errUnclear
	}
	if err != nil {
		return nil, err
	}
	var twins []messages.Image
	for _, f := range all {
		twins = append(twins, messages.Image{ID: f.ImageID, Name: f.Name, Cloud: at.Name})
		g.Metrics.duplicated(r)
		g.Log.Warn("a duplicate image was found", "key", r.Key, "cloud", r.Cloud, "operation", r.Operation, "image", f.ImageID)
	}
	return twins, nil
}
