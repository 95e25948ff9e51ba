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

// pollJobless follows what has no job: an image, or what only a check of its
// operation can tell.
func (g *Engine) pollJobless(ctx context.Context, t task) result {
	op, known := handlers.Lookup(t.operation)
	switch {
	case known && op.Checked:
		return g.pollCheck(ctx, t)
	case known && op.Abroad:
		r, err := g.current(ctx, t)
		if err != nil {
			return result{err: err}
		}
		t.record = r
		at, found := g.resultIn(t.conf, r)
		if !found { // its entry was removed: nothing is decided until it is there again
			return g.askAgain(t)
		}
		return g.pollImage(ctx, t, at)
	}
	return g.pollImage(ctx, t, t.conf)
}

// pollImage follows an image that has no job, or whose job nobody knows.
func (g *Engine) pollImage(ctx context.Context, t task, at *Account) result {
	ask, cancel := context.WithTimeout(ctx, t.conf.patience())
	defer cancel()
	image, err := t.shows(ask, at)
	switch {
	case errors.Is(err, ims.ErrNotFound):
		return g.imageHidden(ctx, t)
	case err != nil:
		return g.unanswered(t, nil, fmt.Errorf("ask for image %s: %w", t.imageID, err))
	case image.Status == ims.ImageKilled:
		return g.imageLost(ctx, t, "ended as killed")
	case image.Status != ims.ImageActive:
		return g.askAgain(t)
	}
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: err}
	}
	if op, known := handlers.Lookup(r.Operation); known && op.Several && r.As != messages.AsDone {
		return g.pollParts(ctx, t, r, image)
	}
	r.Images = []messages.Image{{ID: image.ID, Name: image.Name, Cloud: at.Name}}
	res := g.succeed(ctx, t, r)
	if res.err == nil && r.Done() {
		res.took = t.made(at, r, image)
	}
	return res
}

// made is how long an image without a job was being made, from its submission on
// by the cloud's clock: what comes of register-image may have been there before.
// It is 0 where nobody knows, since the submission was found again later, or a
// person has named the image.
func (t task) made(at *Account, r *ledger.Record, image ims.Image) time.Duration {
	if r.EverUncertain || r.As != "" {
		return 0
	}
	now := time.Now()
	begun := cloudTime(at.Client, now).Add(-at.Stretch(now.Sub(t.submitted)))
	return image.UpdatedAt.Sub(begun)
}

// shows is the image that is followed: by the list's row, if that has told of it
// just now, else by a question.
func (t task) shows(ctx context.Context, at *Account) (ims.Image, error) {
	if t.row != nil && t.row.ID == t.imageID && at == t.conf {
		return *t.row, nil
	}
	return at.Client.Image(ctx, t.imageID)
}

// pollParts goes on when the image that is followed is active: the request may
// be for several, of which that one was the last when they were found. A part
// that does not show up within a horizon has failed.
func (g *Engine) pollParts(ctx context.Context, t task, r *ledger.Record, image ims.Image) result {
	work, err := open(r)
	if err != nil {
		return g.end(ctx, r, messages.StateFailed, unreadable(err))
	}
	found, err := g.seek(ctx, t.conf, work, r)
	if errors.Is(err, handlers.ErrNotFound) { // its evidence was taken off
		found, err = handlers.Found{ImageID: image.ID, Name: image.Name, Status: image.Status}, nil
	}
	switch {
	case err != nil:
		return g.unanswered(t, r, fmt.Errorf("look for the images that belong to %s: %w", image.ID, err))
	case found.Missing > 0 && time.Since(t.submitted) >= g.horizon(t.conf, work):
		r.Images = g.imagesOf(t.conf, work, found)
		return g.end(ctx, r, messages.StateFailed, partly(fmt.Sprintf("%d images that belong to it are not there", found.Missing)))
	case found.Status != ims.ImageActive:
		return g.askAgain(t)
	}
	r.Images = g.imagesOf(t.conf, work, found)
	return g.succeed(ctx, t, r)
}

// imageHidden waits for an image that the cloud does not show: its row may
// appear late. It is lost when the horizon is over and nothing else shows the
// cloud at work on it (ims-api.md 2.11).
func (g *Engine) imageHidden(ctx context.Context, t task) result {
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: err}
	}
	work, err := open(r)
	if err != nil || time.Since(t.submitted) < g.horizon(t.conf, work) {
		return g.askAgain(t)
	}
	ask, cancel := context.WithTimeout(ctx, t.conf.patience())
	defer cancel()
	ended, err := work.Ended(ask, t.conf.Client)
	switch {
	case err != nil:
		return g.unanswered(t, r, fmt.Errorf("ask what became of image %s: %w", t.imageID, err))
	case !ended:
		return g.askAgain(t)
	}
	return g.imageLost(ctx, t, "is not there, and nothing is at work on it")
}

func (g *Engine) imageLost(ctx context.Context, t task, how string) result {
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: err}
	}
	return g.end(ctx, r, messages.StateFailed, &messages.Failure{
		Reason: messages.ReasonJobFailed, Message: "the image " + t.imageID + " " + how,
		Remedy: "look at the image and its source in the cloud's console and " + sendAgain,
	})
}

// askAgain is the result of a question that was answered: not yet.
func (g *Engine) askAgain(t task) result {
	now := time.Now()
	return result{answered: true, again: now.Add(t.wait(now)), effect: func(e *entry) { e.polls++ }}
}
