package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/pace"
)

const (
	// overlap is how far a sweep reaches back behind the one before: the
	// cloud's times are whole seconds, and a row may show a little late.
	overlap = 5 * time.Second
	// sweepPause is how long jobs are asked for one by one after a sweep that
	// got no answer, in the cloud's time.
	sweepPause = time.Minute
	// patience is how long a sweep may be held up before jobs are asked for one
	// by one, in the cloud's time.
	patience = 3 * time.Second
)

// sweep is the looking at an account's image list in place of questions for
// single jobs. What it sees are hints: nothing is finished by them.
type sweep struct {
	entry   *entry    // stands for it among the steps; in no ledger
	began   time.Time // when the last complete one began
	since   time.Time // by the cloud's clock: what had changed by then is known
	asked   time.Time // when the one that runs was decided on
	blocked time.Time // not to be used before
	counted time.Time // when the images that are being made were last looked at; at first, when the oldest of them was begun
	census  uint32    // number of that look
	pages   int       // that it took
	hints   int       // images that were found done since
	making  []*entry  // whose images were being made then
}

// sight is what one sweep has seen.
type sight struct {
	at     time.Time // when it began, by the cloud's clock
	done   []ims.Image
	making []ims.Image
	census bool // making is complete
	pages  int  // that it took to see what is being made
}

// sweeps reports whether the image list tells about jobs of a kind.
func (a *account) sweeps(k *kind, now time.Time) bool { return k.listed && a.listable(now) }

// listable reports whether looking at the image list is worth it, and not held
// up just now: by the budget, or by a cloud that does not answer.
func (a *account) listable(now time.Time) bool {
	if a.conf == nil || a.conf.NoSweep || a.listed <= few || now.Before(a.sweep.blocked) {
		return false
	}
	held := a.conf.Scale(patience)
	hangs := a.sweep.entry.busy && now.Sub(a.sweep.asked) > held
	return !hangs && a.query(listBucket).Next(now).Sub(now) <= held
}

// asksItself reports whether an entry whose look is due needs a question of
// its own. False: a sweep has looked at it meanwhile, or does so now, and it is
// set when to see about it next.
func (g *Engine) asksItself(e *entry, now time.Time) bool {
	a := e.account
	if e.hinted || !a.sweeps(g.kind(a, e.operation), now) {
		return true
	}
	plan := g.planOf(e, now)
	if e.strange(plan, now) {
		return true
	}
	if e.again = e.look(plan, later(a.sweep.began, e.submitted.time())); !e.again.After(now) {
		g.sweep(a, now)
		e.again = now.Add(a.conf.Scale(patience)) // it has looked by then, or the entry asks itself
	}
	g.foretellEnd(e, now)
	return false
}

// strange reports whether the list does not tell about the entry: its image
// was being made and is not any more, or was never seen and the entry has not
// been asked for in a while, or at all. Then its job may have failed.
func (e *entry) strange(plan pace.Plan, now time.Time) bool {
	asked, counted := later(e.asked.time(), e.submitted.time()), e.account.sweep.counted
	switch {
	case e.seen != 0:
		return e.seen != e.account.sweep.census
	case e.account.sweep.census == 0, !counted.After(asked):
		return false
	case e.asked == 0 && counted.Sub(asked) >= e.account.conf.Scale(plan.Bound.Max)/2:
		return true
	}
	alone := plan.Alone(sparse)
	alone.Most = longest
	return !e.look(alone, asked).After(now)
}

// sweep starts one unless it runs already. Now and then it also looks at what
// is being made: an image that is gone from there tells of a job that failed.
func (g *Engine) sweep(a *account, now time.Time) {
	if a.sweep.entry.busy {
		return
	}
	if a.sweep.since.IsZero() {
		oldest := g.oldest(a, now)
		a.sweep.since, a.sweep.counted = cloudTime(a.conf.Client, now).Add(-a.conf.Stretch(now.Sub(oldest))-skew), oldest
	}
	a.sweep.entry.busy, a.sweep.asked = true, now
	a.ask(task{
		entry: a.sweep.entry, step: sweepStep, bucket: listBucket, cloud: a.name,
		since: a.sweep.since, census: g.counts(a, now), latest: now.Add(a.conf.Scale(leftAlone)),
	})
}

// cheap is how many jobs have to have ended for each page that it takes to look
// at what is being made.
const cheap = 10

// counts reports whether it is time to look at what is being made: after a
// while, and where jobs end so fast that it hardly costs anything.
func (g *Engine) counts(a *account, now time.Time) bool {
	return now.Sub(a.sweep.counted) >= a.conf.Scale(g.Bound.Max) || a.sweep.hints >= cheap*max(2, a.sweep.pages)
}

// oldest is when the longest followed job was submitted: a new owner knows of no
// sweep before its own.
func (g *Engine) oldest(a *account, now time.Time) time.Time {
	at := now
	for _, e := range g.entries {
		if submitted := e.submitted.time(); e.account == a && e.followed() && submitted.Before(at) {
			at = submitted
		}
	}
	return at
}

// lookAround makes one sweep. It changes nothing.
func (g *Engine) lookAround(ctx context.Context, t task) result {
	ctx, cancel := context.WithTimeout(ctx, seekTimeout)
	defer cancel()
	seen := sight{at: cloudTime(t.conf.Client, time.Now()), census: t.census}
	lists := []ims.ImageFilter{{Type: private, Status: ims.ImageActive, UpdatedSince: t.since.Add(-overlap)}}
	if t.census {
		lists = append(lists, ims.ImageFilter{Native: true, Status: ims.ImageQueued}, ims.ImageFilter{Native: true, Status: ims.ImageSaving})
	}
	for n, list := range lists {
		for page, err := range t.conf.Client.ImagePages(ctx, list) {
			if err != nil {
				res := g.unanswered(t, nil, fmt.Errorf("look through the images: %w", err))
				res.effect = func(e *entry) { e.account.sweep.blocked = time.Now().Add(t.conf.Scale(sweepPause)) }
				return res
			}
			if n == 0 {
				seen.done = append(seen.done, page...)
			} else {
				seen.making, seen.pages = append(seen.making, page...), seen.pages+1
			}
		}
	}
	return result{answered: true, effect: func(e *entry) { g.swept(e.account, seen, t.begun) }}
}

// private is the cloud's word for images of the account.
const private = "private"

// swept wakes the entries whose images are done, and notes whose are being
// made.
func (g *Engine) swept(a *account, seen sight, began time.Time) {
	a.sweep.began, a.sweep.since = began, seen.at
	g.replanUnknown(a, began)
	for _, image := range seen.done {
		if e := g.ofImage(a, image); e != nil && !e.hinted {
			a.sweep.hints++
			g.hint(e, image, seen.at)
		}
	}
	if seen.census {
		g.counted(a, seen, began)
	}
}

// counted notes whose images are being made, and wakes those whose were and are
// not any more, although they are not done: their jobs may have failed.
func (g *Engine) counted(a *account, seen sight, began time.Time) {
	before := a.sweep.making
	a.sweep.census, a.sweep.counted, a.sweep.pages, a.sweep.hints, a.sweep.making = a.sweep.census+1, began, seen.pages, 0, nil
	for _, image := range seen.making {
		if e := g.ofImage(a, image); e != nil {
			e.seen = a.sweep.census
			a.sweep.making = append(a.sweep.making, e)
		}
	}
	for _, e := range before {
		if g.entries[e.key] == e && e.followed() && !e.hinted && e.seen != 0 && e.seen != a.sweep.census {
			e.again = began
			g.settle(e)
		}
	}
}

// ofImage is the followed entry whose work an image is; nil where it is none
// of ours.
func (g *Engine) ofImage(a *account, image ims.Image) *entry {
	e := a.images[image.ID]
	if key, marked := handlers.MarkerOf(image); marked {
		e = g.entries[key]
	}
	if e == nil || e.account != a || !e.followed() {
		return nil
	}
	return e
}

// hint has an entry asked for when its job is expected to end, a while after
// its image became usable.
func (g *Engine) hint(e *entry, image ims.Image, at time.Time) {
	k := g.kind(e.account, e.operation)
	since := max(0, at.Sub(image.UpdatedAt))
	age := e.account.conf.Stretch(time.Since(e.submitted.time())) - since
	left := max(0, k.model.Lag(age, k.plan.Bound.Of(age))-since)
	if e.jobID == "" {
		left, e.account.rows[e.key] = 0, image // the row is all that there is to look at
	}
	e.hinted, e.shown, e.again = true, instantOf(image.UpdatedAt), time.Now().Add(e.account.conf.Scale(left))
	g.settle(e)
}
