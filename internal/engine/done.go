package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/pace"
	"github.com/imsworker/imsworker/messages"
)

// done ends a record whose work is found finished.
func (g *Engine) done(ctx context.Context, t task, r *ledger.Record, found handlers.Found) result {
	if r.Submitted.IsZero() {
		r.Submitted = time.Now().UTC()
		g.Metrics.adopted(r)
	}
	r.Result = &found.Result
	if found.ImageID != "" {
		r.Images = []messages.Image{{ID: found.ImageID, Name: found.Name, Cloud: r.Cloud}}
	}
	if found.Warning != "" {
		r.Warnings = append(r.Warnings, found.Warning)
	}
	return g.succeed(ctx, t, r)
}

// imagesOf are the images that were found, in the cloud in which they are.
func (g *Engine) imagesOf(conf *Account, work handlers.Work, found handlers.Found) []messages.Image {
	if len(found.Parts) == 0 {
		return g.placed(conf, work, []messages.Image{{ID: found.ImageID, Name: found.Name}})
	}
	images := make([]messages.Image, 0, len(found.Parts))
	for _, p := range found.Parts {
		images = append(images, messages.Image{ID: p.ImageID, Name: p.Name})
	}
	return g.placed(conf, work, images)
}

// placed says of images in which cloud they are, none where that is not
// configured.
func (g *Engine) placed(conf *Account, work handlers.Work, images []messages.Image) []messages.Image {
	if at, known := g.place(conf, work); known {
		for i := range images {
			images[i].Cloud = at.Name
		}
	}
	return images
}

// checkTimes is how often what a call has changed may be missing before the
// call is made again.
const checkTimes = 10

// pollCheck asks whether what an operation without a job asked for is there.
func (g *Engine) pollCheck(ctx context.Context, t task) result {
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: err}
	}
	work, err := open(r)
	if err != nil {
		return g.end(ctx, r, messages.StateFailed, unreadable(err))
	}
	ask, cancel := context.WithTimeout(ctx, t.conf.patience())
	defer cancel()
	found, err := work.Check(ask, t.conf.Client, lookup(r))
	switch {
	case err == nil:
		return g.done(ctx, t, r, found)
	case errors.Is(err, handlers.ErrUnderWay):
		return g.askAgain(t)
	case !errors.Is(err, handlers.ErrNotFound) && ims.VerdictOf(err) == ims.Refused: // what was to change is gone
		return g.end(ctx, r, messages.StateFailed, failure(err))
	case !errors.Is(err, handlers.ErrNotFound):
		return g.unanswered(t, r, fmt.Errorf("ask for the result: %w", err))
	case t.polls >= checkTimes:
		return g.submitAgain(ctx, r)
	}
	return g.askAgain(t)
}

// already goes on after a refusal as "already there" that came after a lost
// answer: what holds the place may be this request's own work.
func (g *Engine) already(ctx context.Context, t task, r *ledger.Record, was ledger.State, res result) result {
	now := time.Now().UTC()
	work, err := open(r)
	if err != nil {
		return g.endWith(ctx, r, messages.StateRejected, unreadable(err), res)
	}
	switch found, err := work.Already(res.cause); {
	case err == nil && found.Done:
		ended := g.done(ctx, t, r, found)
		ended.sent = res.sent
		return ended
	case errors.Is(err, handlers.ErrUnderWay):
		r.State, r.Refusals = ledger.Accepted, r.Refusals+1
		r.Until = now.Add(t.conf.Scale(pace.Backoff(r.Refusals, parkFirst, parkMost)))
	default: // looked for during one more horizon, then a person must decide
		r.State, r.Contested, r.Doubted = ledger.Uncertain, true, now
		r.Until = now.Add(t.conf.Scale(lookFirst))
	}
	return g.keep(ctx, r, was, res)
}

// mark puts the request's own tags and its marker on the images, where the
// creating call could not.
func (g *Engine) mark(ctx context.Context, t task, r *ledger.Record) error {
	op, known := handlers.Lookup(r.Operation)
	if !known || !op.Marks {
		return nil
	}
	work, err := open(r)
	if err != nil {
		return err
	}
	at, known := g.place(t.conf, work)
	if !known {
		return nil
	}
	key := r.Key
	if r.Unmark {
		key = ""
	}
	for _, image := range r.Images {
		if err := work.Mark(ctx, at.Client, key, image.ID); err != nil {
			return fmt.Errorf("put tags on image %s: %w", image.ID, err)
		}
	}
	return nil
}

// afterwardsWarning notes a change of a finished image that the cloud refuses
// for good; any other error means that it is tried again. An account that may
// make images and not change them is no reason to pause it.
func afterwardsWarning(r *ledger.Record, what string, err error) error {
	e, told := errors.AsType[*ims.Error](err)
	if !told || e.Verdict() != ims.Refused && !e.Forbidden() {
		return err
	}
	r.Warnings = append(r.Warnings, what+": "+err.Error())
	return nil
}
