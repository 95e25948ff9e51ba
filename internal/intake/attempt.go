package intake

import (
	"context"
	"errors"
	"fmt"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// storeAttempt stores a further attempt of a request: one that exists is a
// duplicate; one that is not the last plus one, or whose predecessor has not
// ended, is a dead letter.
func (in *Intake) storeAttempt(ctx context.Context, req *request, r *ledger.Record) error {
	there, err := in.Records.Get(ctx, r.Key)
	if errors.Is(err, ledger.ErrNone) {
		return in.afterForgotten(ctx, req, r)
	}
	if err != nil {
		return err
	}
	switch {
	case r.Attempt <= there.Attempt:
		req.result = resultDuplicate
		in.Count.Request(r.Cloud, r.Operation, resultDuplicate)
		return nil
	case there.Operation != r.Operation || there.DataHash != r.DataHash:
		return in.dead(ctx, req, ReasonIdentityReused, messages.Problems{reused(r, there)})
	case r.Attempt != there.Attempt+1:
		return in.dead(ctx, req, ReasonAttempt, messages.Problems{wrongAttempt(r, there.Attempt)})
	case !there.Done():
		return in.dead(ctx, req, ReasonAttempt, messages.Problems{{Field: messages.HeaderRequestAttempt, Message: fmt.Sprintf("attempt %d has not ended yet; wait for its final event", there.Attempt)}})
	case there.StillTrails():
		return in.dead(ctx, req, ReasonAttempt, messages.Problems{{Field: messages.HeaderRequestAttempt, Message: fmt.Sprintf("attempt %d was cancelled, but what it had started still runs at the cloud", there.Attempt)}})
	case !there.Closed():
		return errBeingFinished
	}
	inherit(r, there)
	return in.Records.Update(ctx, r)
}

// afterForgotten stores an attempt whose predecessor only the events remember.
func (in *Intake) afterForgotten(ctx context.Context, req *request, r *ledger.Record) error {
	final, ended, err := in.History.Final(ctx, r.Cloud, r.Key, r.Attempt-1)
	if err != nil {
		return err
	}
	if !ended {
		return in.dead(ctx, req, ReasonAttempt, messages.Problems{wrongAttempt(r, 0)})
	}
	accepted, known, err := in.History.Accepted(ctx, r.Cloud, r.Key, r.Attempt-1)
	if err != nil {
		return err
	}
	first := &ledger.Record{Operation: final.Request.Operation, DataHash: ledger.HashData(accepted.Request.Data)}
	if first.Operation != r.Operation || known && first.DataHash != r.DataHash {
		return in.dead(ctx, req, ReasonIdentityReused, messages.Problems{reused(r, first)})
	}
	for _, i := range final.Images {
		r.Made = append(r.Made, i.ID)
	}
	first.Outcome, first.Cancel = final.State, wishOf(final)
	r.Since, r.Look = sinceOf(final), first.LeftBehind()
	err = in.Records.Create(ctx, r)
	if errors.Is(err, ledger.ErrExists) {
		req.result = resultDuplicate
		in.Count.Request(r.Cloud, r.Operation, resultDuplicate)
		return nil
	}
	return err
}

func wrongAttempt(r *ledger.Record, last int) messages.Problem {
	return messages.Problem{Field: messages.HeaderRequestAttempt, Message: fmt.Sprintf("attempt %d is asked for, but the last one is %d; the next is the last plus one", r.Attempt, last)}
}
