package engine

import (
	"cmp"
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

// Waits before a request is submitted again, in the cloud's time.
const (
	parkFirst, parkMost     = 30 * time.Second, 2 * time.Minute
	quotaProbe              = time.Minute
	unsentFirst, unsentMost = time.Second, time.Minute
	lookFirst               = time.Second
)

// refuse turns what the cloud (or the way to it) said instead of an answer
// into a change of the record. It is the only place that does. claimed is
// when the claim was made; zero when nothing was to be sent yet.
func (g *Engine) refuse(ctx context.Context, t task, r *ledger.Record, cause error, claimed time.Time) result {
	now := time.Now().UTC()
	was := r.State
	if was == ledger.Submitting {
		was = ledger.Accepted
	}
	verdict := ims.VerdictOf(cause)
	sent := !claimed.IsZero() && !unsent(cause)
	if sent {
		r.Posts = posted(r.Posts, now, t.conf.longestWindow())
	}
	r.Failure = failure(cause)
	res := result{sent: sent, answered: answered(verdict), cause: cause}
	switch verdict {
	case ims.Park:
		r.State, r.Refusals = ledger.Parked, r.Refusals+1
		r.Until = now.Add(t.conf.Scale(parkWait(r)))
	case ims.Throttled:
		r.State, r.Refusals = ledger.Accepted, r.Refusals+1
		res.shutAt, res.shut = bucketIn(cause)
		res.calm = calmFor(t.conf, cause)
		if sent {
			res.shut = bucketFor(r)
		} else { // a question before the call: another bucket
			r.Until = now.Add(res.calm(r.Refusals))
		}
		if res.crowded = sent && crowded(r.Operation, cause); res.crowded {
			res.shut = ""
			g.Metrics.throttled(r.Cloud, slotOf(r.Operation))
			break
		}
		g.Metrics.throttled(r.Cloud, cmp.Or(res.shut, other))
	case ims.Account:
		r.State, res.refused = ledger.Accepted, true
	case ims.NotSent:
		r.State, r.Refusals = ledger.Accepted, r.Refusals+1
		r.Until = now.Add(t.conf.Scale(pace.Backoff(r.Refusals, unsentFirst, unsentMost)))
	case ims.Already:
		r.Sending = g.sending(ctx, r)
		if !r.EverUncertain && !r.Look { // nothing of it can have been sent
			return g.endWith(ctx, r, messages.StateRejected, r.Failure, res)
		}
		return g.already(ctx, t, r, was, res)
	case ims.Uncertain:
		if claimed.IsZero() { // a question before the call: nothing was begun
			r.State, r.Refusals = ledger.Accepted, r.Refusals+1
			r.Until = now.Add(t.conf.Scale(pace.Backoff(r.Refusals, unsentFirst, unsentMost)))
			break
		}
		g.Metrics.uncertain(r)
		r.Sending = g.sending(ctx, r)
		r.State, r.EverUncertain, r.Doubted = ledger.Uncertain, true, claimed.UTC()
		r.Until = now.Add(t.conf.Scale(lookFirst))
	default:
		r.Sending = g.sending(ctx, r)
		return g.endWith(ctx, r, messages.StateRejected, r.Failure, res)
	}
	return g.keep(ctx, r, was, res)
}

// keep stores a record that goes on. If another writer was first, the loop
// goes on with what that one wrote.
func (g *Engine) keep(ctx context.Context, r *ledger.Record, was ledger.State, res result) result {
	if err := g.Ledger.Update(ctx, r); err != nil {
		res.err = fmt.Errorf("store refusal: %w", err)
		return res
	}
	switch {
	case r.State != was:
		g.changed(r, string(r.State))
	case often(r.Refusals):
		g.Log.Warn("a submission did not get through; it is tried again", "key", r.Key, "cloud", r.Cloud, "operation", r.Operation, "times", r.Refusals, "error", res.cause)
	}
	res.record = r
	return res
}

// answered reports whether the verdict shows that the credentials are good.
func answered(v ims.Verdict) bool {
	return v == ims.Park || v == ims.Already || v == ims.Refused
}

func parkWait(r *ledger.Record) time.Duration {
	if r.Failure.Reason == messages.ReasonQuota {
		return quotaProbe
	}
	return pace.Backoff(r.Refusals, parkFirst, parkMost)
}

// failure puts an error of the cloud into an event's words.
func failure(cause error) *messages.Failure {
	f := &messages.Failure{Reason: messages.Reason(ims.ReasonOf(cause)), Message: cause.Error()}
	if e, ok := errors.AsType[*ims.Error](cause); ok {
		f.Code, f.HTTPStatus, f.CloudRequestID, f.Remedy = e.Code, e.Status, e.RequestID, e.Remedy()
		if e.Message != "" {
			f.Message = e.Message
		}
	}
	if broken, ok := errors.AsType[handlers.Refusals](cause); ok {
		f.Problems = broken.Problems()
	}
	return f
}
