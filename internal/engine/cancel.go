package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// wishful is a ledger in which somebody may put a wish for the end on a
// record at any time. An answer in hand is stored beside the wish; a claim and
// an end are not: they are decided again, with the wish.
type wishful struct{ Ledger }

// Update implements Ledger.
func (w wishful) Update(ctx context.Context, r *ledger.Record) error {
	had := r.Cancel
	r.Cancel = had.Settled()
	err := w.Ledger.Update(ctx, r)
	if !errors.Is(err, ledger.ErrChanged) || !beside(r) {
		return err
	}
	there, lost := w.Get(ctx, r.Key)
	if lost != nil || !there.Follows(r.Sequence) {
		return err
	}
	r.Cancel, r.Sequence = there.Cancel.Settled(), there.Sequence
	return w.Ledger.Update(ctx, r)
}

// beside reports whether what is to be stored holds also with a wish for the
// end beside it.
func beside(r *ledger.Record) bool {
	switch r.State {
	case ledger.Submitting:
		return false
	case ledger.Finished:
		return r.Outcome == messages.StateRejected
	}
	return true
}

// stops reports whether the entry's attempt is to be ended by itself: nothing
// of it runs, or what runs is to be left alone.
func (e *entry) stops() bool {
	switch e.state {
	case ledger.Accepted, ledger.Parked:
		return e.wish != nil
	case ledger.Submitted:
		return e.wish != nil && !e.wish.Delete && e.batch == nil
	}
	return false
}

// cancel ends an attempt of which nothing runs, or whose job is left alone.
func (g *Engine) cancel(ctx context.Context, t task) result {
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: fmt.Errorf("cancel: %w", err)}
	}
	switch {
	case r.Cancel == nil:
		return result{record: r}
	case r.State == ledger.Submitted && !r.Cancel.Delete && !batched(r.Operation):
		return g.endLeft(ctx, r)
	case r.State != ledger.Accepted && r.State != ledger.Parked:
		return result{record: r}
	case r.ImageID != "" && r.Cancel.Delete:
		return g.halfway(ctx, r)
	case r.ImageID != "":
		return g.endCancelled(ctx, r, true, messages.CancelLeft, "the first of several calls had been made; its image is left")
	case r.EverUncertain:
		r.LookAgain = time.Now().Add(recheckAfter).UTC()
		return g.endCancelled(ctx, r, true, messages.CancelUnknown, "nothing runs; the answer to an earlier submission was lost, and nothing of it was found")
	}
	return g.endCancelled(ctx, r, false, messages.CancelNone, "nothing had been started")
}

// halfway has the image of the first of several calls deleted.
func (g *Engine) halfway(ctx context.Context, r *ledger.Record) result {
	wish := *r.Cancel
	wish.Half = true
	r.State, r.Submitted, r.Cancel = ledger.Submitted, time.Now().UTC(), &wish
	if err := g.Ledger.Update(ctx, r); err != nil {
		return result{err: fmt.Errorf("cancel: %w", err)}
	}
	return result{record: r}
}

// endLeft ends an attempt whose job, or image, is left alone. The record is
// kept until that has ended: it uses a place of the account till then.
func (g *Engine) endLeft(ctx context.Context, r *ledger.Record) result {
	r.Trails = true
	what := "something had been started"
	switch {
	case r.JobID != "":
		what = fmt.Sprintf("the job %s had been started", r.JobID)
	case r.ImageID != "":
		what = fmt.Sprintf("the image %s was being made", r.ImageID)
	}
	return g.endCancelled(ctx, r, true, messages.CancelLeft, what+"; it goes on at the cloud, and what it makes is left")
}

// endCancelled ends an attempt as cancelled and notes what the final event is
// to say of it.
func (g *Engine) endCancelled(ctx context.Context, r *ledger.Record, started bool, image, message string) result {
	wish := *r.Cancel
	wish.Started, wish.Image, wish.Message = started, image, message
	r.Cancel = &wish
	return g.end(ctx, r, messages.StateCancelled, nil)
}

// instead turns an end without success into a cancelled one, where that was
// wished for; what is unresolved stays so, since a person must look.
func instead(r *ledger.Record, outcome messages.State, f *messages.Failure) (messages.State, *messages.Failure) {
	if r.Cancel == nil || f == nil || outcome != messages.StateFailed && outcome != messages.StateRejected {
		return outcome, f
	}
	wish := *r.Cancel
	wish.Started, wish.Image, wish.Message = outcome == messages.StateFailed, messages.CancelNone, "it had ended without an image: "+f.Message
	r.Cancel = &wish
	return messages.StateCancelled, nil
}

// cancelled is what an event says of a wish that was fulfilled.
func cancelled(r *ledger.Record) *messages.Cancelled {
	if r.Cancel == nil || r.Outcome != messages.StateCancelled {
		return nil
	}
	return &messages.Cancelled{By: r.Cancel.By, Started: r.Cancel.Started, Image: r.Cancel.Image, Message: r.Cancel.Message}
}

// wishedLate puts the wish on a record whose deadline has passed, if its
// request wants that.
func (g *Engine) wishedLate(ctx context.Context, r *ledger.Record) (res result, wished bool) {
	if !r.CancelLate || !r.Wish(ledger.Cancel{By: messages.CancelByDeadline, At: time.Now().UTC()}) {
		return result{}, false
	}
	if err := g.Ledger.Update(ctx, r); err != nil {
		return result{err: fmt.Errorf("cancel at the deadline: %w", err)}, true
	}
	crash.At(crash.Wished)
	return result{record: r}, true
}
