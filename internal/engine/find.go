package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/mutation"
	"github.com/imsworker/imsworker/internal/pace"
	"github.com/imsworker/imsworker/messages"
)

const (
	// fence is added to a claim's time limit before anybody looks for what
	// became of it.
	fence = 2 * time.Second
	// skew is the uncertainty of the cloud's clock in look-ups (ims-api.md
	// 4.10).
	skew = 5 * time.Minute
	// Waits between look-ups, in the cloud's time.
	lookAgain, lookMost = 5 * time.Second, time.Minute
)

// doubt makes a claim without an answer uncertain. Its call may still be on
// its way; the look-up begins when it has surely ended, counted from the
// broker's time of the claim.
func (g *Engine) doubt(ctx context.Context, t task) result {
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: fmt.Errorf("doubt: %w", err)}
	}
	if r.State != ledger.Submitting {
		return result{record: r}
	}
	claimed := g.ours(r.Stored)
	ended := claimed.Add(g.SubmitTimeout).UTC()
	r.State, r.EverUncertain, r.Doubted, r.Until = ledger.Uncertain, true, claimed.UTC(), ended.Add(fence)
	r.Posts = append(r.Posts, ended)
	if err := g.Ledger.Update(ctx, r); err != nil {
		return result{err: fmt.Errorf("doubt: %w", err)}
	}
	g.Metrics.uncertain(r)
	g.changed(r, string(r.State))
	return result{record: r}
}

// find looks for what an uncertain submission has made. Absence proves
// nothing before the horizon: rows may appear late.
func (g *Engine) find(ctx context.Context, t task) result {
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: fmt.Errorf("look up: %w", err)}
	}
	if r.State != ledger.Uncertain {
		return result{record: r}
	}
	work, err := open(r)
	if err != nil {
		return g.end(ctx, r, messages.StateUnresolved, unresolved(r, answerLost))
	}
	found, err := g.seek(ctx, t.conf, work, r)
	switch {
	case err == nil && found.Done:
		return g.done(ctx, t, r, found)
	case err == nil && found.More:
		return g.more(ctx, r, found.ImageID, t.conf.longestWindow())
	case err == nil:
		return g.adopt(ctx, r, found, "the answer to the submission was lost; the image was found by its marker, or by name and origin where it has none; its job is not known")
	case errors.Is(err, handlers.ErrUnderWay), errors.Is(err, errUnclear):
		return result{record: r, answered: true, again: time.Now().Add(lookWait(t.conf, r))}
	case !errors.Is(err, handlers.ErrNotFound):
		t.submitted = r.Doubted // its age is counted from the claim
		return g.unanswered(t, r, err)
	case time.Since(r.Doubted) < g.horizon(t.conf, work) && !mutation.On(mutation.Impatient):
		return result{record: r, answered: true, again: time.Now().Add(lookWait(t.conf, r))}
	case r.Contested || !resubmits(t.conf, work) || !g.sees(t.conf, work):
		return g.end(ctx, r, messages.StateUnresolved, unresolved(r, answerLost))
	}
	return g.submitAgain(ctx, r)
}

// seekTimeout bounds one look-up with all its pages.
const seekTimeout = 2 * time.Minute

// seek makes one look-up for a record's own work. Images of earlier attempts
// and of other requests are not taken.
func (g *Engine) seek(ctx context.Context, conf *Account, work handlers.Work, r *ledger.Record) (handlers.Found, error) {
	at, known := g.place(conf, work)
	if !known {
		return handlers.Found{}, handlers.ErrNotFound
	}
	ctx, cancel := context.WithTimeout(ctx, seekTimeout)
	defer cancel()
	search, _, err := g.search(ctx, r)
	if err != nil {
		return handlers.Found{}, err
	}
	found, err := work.Find(ctx, at.Client, search)
	if err != nil || found.Done {
		return found, err
	}
	return found, g.claim(ctx, r, found.ImageID)
}

// search is lookup with what others hold excluded, and whether others may have
// made what is found all the same.
func (g *Engine) search(ctx context.Context, r *ledger.Record) (handlers.Search, bool, error) {
	others, unclear, err := g.others(ctx, r)
	s := lookup(r)
	s.Exclude = append(others, s.Exclude...)
	return s, unclear, err
}

// lookup says what a look-up of the record searches for.
func lookup(r *ledger.Record) handlers.Search {
	return handlers.Search{Key: r.Key, ImageID: r.ImageID, Since: r.Since.Add(-skew), Exclude: r.Made}
}

// adopt goes on with an image that carries the request's evidence, or that a
// person has named.
func (g *Engine) adopt(ctx context.Context, r *ledger.Record, found handlers.Found, why string) result {
	now, sending := time.Now().UTC(), g.sending(ctx, r)
	r, merged, err := g.merge(ctx, r, func(r *ledger.Record) {
		r.Sending = sending
		r.State, r.Submitted, r.ImageID, r.Until = ledger.Submitted, now, found.ImageID, time.Time{}
		r.Failure, r.Refusals = nil, 0
		r.Warnings = []string{why}
	})
	if err != nil {
		return result{err: fmt.Errorf("adopt image %s: %w", found.ImageID, err)}
	}
	if !merged {
		return result{record: r, answered: true}
	}
	g.Metrics.adopted(r)
	g.changed(r, "adopted")
	return result{record: r, answered: true}
}

// submitAgain puts a record back into the queue: beyond the horizon nothing
// was found, and the operation may be sent again.
func (g *Engine) submitAgain(ctx context.Context, r *ledger.Record) result {
	if r.Cancel != nil {
		r.LookAgain = time.Now().Add(recheckAfter).UTC()
		return g.endCancelled(ctx, r, true, messages.CancelUnknown, "the answer to the submission was lost, and nothing of it was found")
	}
	r.State, r.Until = ledger.Accepted, time.Time{}
	if err := g.Ledger.Update(ctx, r); err != nil {
		return result{err: fmt.Errorf("submit again: %w", err)}
	}
	g.changed(r, "submitted again")
	return result{record: r, answered: true}
}

// horizon is how long after the claim something of it may still appear.
func (g *Engine) horizon(conf *Account, work handlers.Work) time.Duration {
	if conf.Horizon > 0 {
		return conf.Scale(conf.Horizon)
	}
	return conf.Scale(work.Policy().Horizon)
}

// resubmits reports whether the request is sent again beyond the horizon.
func resubmits(conf *Account, work handlers.Work) bool {
	switch {
	case conf.Hold:
		return false
	case conf.Resubmit:
		return true
	}
	return work.Policy().Resubmit
}

// lookWait grows with the time since the claim.
func lookWait(conf *Account, r *ledger.Record) time.Duration {
	wait := max(time.Since(r.Doubted)/4, conf.Scale(lookAgain))
	return pace.Backoff(1, min(wait, conf.Scale(lookMost)), lookMost)
}

// answerLost is what is known of a submission that nothing shows.
const answerLost = "the answer to the submission was lost and nothing that it has made or done could be found"

// whatToLookFor is what a person can do about a request of which nothing could
// be found.
func whatToLookFor(r *ledger.Record) string {
	if op, known := handlers.Lookup(r.Operation); known && !op.Makes && op.Takes != "" {
		return "look in the cloud's console whether it was done; " + ownRetry + " does it if it was not, and succeeds if it was"
	}
	return "look in the cloud's console for an image with " + messages.MarkerKey + "=" + r.Key +
		" as a tag or in its description (an image of a volume has only its name), then say what you found with `imsworker requests resolve`"
}

// unresolved is the failure of a request of which nothing could be found.
func unresolved(r *ledger.Record, what string) *messages.Failure {
	f := &messages.Failure{Reason: messages.ReasonUnresolved, Message: what, Remedy: whatToLookFor(r)}
	if r.Failure != nil {
		f.Code, f.HTTPStatus, f.CloudRequestID = r.Failure.Code, r.Failure.HTTPStatus, r.Failure.CloudRequestID
		f.Message += "; the last thing the cloud said: " + r.Failure.Message
	}
	return f
}
