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

// decided reports whether a person has said what became of the attempt
// before, so that nothing is to be submitted.
func decided(r *ledger.Record) bool {
	return r.As == messages.AsDone || r.As == messages.AsNotDone
}

// resolve ends an attempt as a person has found it: with the image that is
// the result, or with nothing.
func (g *Engine) resolve(ctx context.Context, t task) result {
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: fmt.Errorf("resolve: %w", err)}
	}
	if !decided(r) || r.State != ledger.Accepted {
		return result{record: r}
	}
	if r.As == messages.AsNotDone {
		return g.end(ctx, r, messages.StateFailed, &messages.Failure{
			Reason: messages.ReasonUnresolved, Message: "a person found that nothing was made",
			Remedy: sendAgain + " if the image is still wanted",
		})
	}
	at, known := g.resultIn(t.conf, r)
	if !known { // nobody here can look: the person's word counts
		r.Images = []messages.Image{{ID: r.ImageID}}
		r.Warnings = append(r.Warnings, "a person named this image as the result of the attempt before; it is in no configured cloud and was not looked at")
		return g.succeed(ctx, t, r)
	}
	image, err := at.Client.Image(ctx, r.ImageID)
	switch {
	case errors.Is(err, ims.ErrNotFound):
		return g.end(ctx, r, messages.StateFailed, &messages.Failure{
			Reason: messages.ReasonNotFound, Message: fmt.Sprintf("the image %s, named as the result, does not exist", r.ImageID),
			Remedy: "retry this attempt, or " + sendAgain,
		})
	case err != nil:
		return g.unanswered(t, r, fmt.Errorf("look at image %s, named as the result: %w", r.ImageID, err))
	}
	return g.adopt(ctx, r, handlers.Found{ImageID: image.ID, Name: image.Name, Status: image.Status},
		"a person named this image as the result of the attempt before")
}

// resultIn is the account in which the record's result appears.
func (g *Engine) resultIn(conf *Account, r *ledger.Record) (*Account, bool) {
	work, err := open(r)
	if err != nil {
		return conf, true
	}
	return g.place(conf, work)
}

// earlier says in words where an image comes from that was there before the
// attempt has sent anything.
func earlier(r *ledger.Record) string {
	if r.Look && !r.EverUncertain {
		return "the image was made by an earlier attempt, which was cancelled; no other is made, and its job is not known"
	}
	return "the image was made by an earlier call, whose answer was lost; its job is not known"
}

// look searches for what earlier calls have made before anything is sent.
// Done is true when the record went another way than to be submitted.
func (g *Engine) look(ctx context.Context, t task, r *ledger.Record, work handlers.Work) (res result, done bool) {
	found, err := g.seek(ctx, t.conf, work, r)
	switch {
	case err == nil && found.Done:
		return g.done(ctx, t, r, found), true
	case err == nil && found.More:
		return g.more(ctx, r, found.ImageID, t.conf.longestWindow()), true
	case err == nil:
		return g.adopt(ctx, r, found, earlier(r)), true
	case errors.Is(err, handlers.ErrNotFound):
		return result{}, false
	case errors.Is(err, handlers.ErrUnderWay), errors.Is(err, errUnclear):
		return result{record: r, answered: true, again: time.Now().Add(lookWait(t.conf, r))}, true
	}
	res = g.unanswered(t, r, fmt.Errorf("look for earlier work: %w", err))
	res.again = later(res.again, time.Now().Add(stepRetry))
	return res, true
}
