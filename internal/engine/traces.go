package engine

import (
	"cmp"
	"context"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/trace"
	"github.com/imsworker/imsworker/messages"
)

// traced is submit with a span of what it did, where it came to something: a
// request that waits for the cloud may be tried hundreds of times.
func (g *Engine) traced(ctx context.Context, t task) result {
	s := g.Trace.Submit()
	if s == nil {
		return g.submit(ctx, t)
	}
	ctx = watched(ctx, s)
	res := g.submit(ctx, t)
	r := res.record
	if r == nil {
		s.Close("", "", res.err)
		return res
	}
	goesOn := r.State == ledger.Accepted || r.State == ledger.Parked
	if !goesOn || res.cause != nil && often(r.Refusals) {
		g.sending(ctx, r)
	}
	s.Close(cmp.Or(string(r.Outcome), string(r.State)), r.JobID, cmp.Or(res.cause, res.err))
	return res
}

// watched has the submission note what is called under a context.
func watched(ctx context.Context, s *trace.Submission) context.Context {
	if s == nil {
		return ctx
	}
	return ims.Watched(s.In(ctx), func(x ims.Exchange) { s.Called(trace.Exchange(x)) })
}

// inTrace has calls under a context counted as part of the request's trace.
func (g *Engine) inTrace(ctx context.Context, r *ledger.Record) context.Context {
	if id := trace.Sampled(r.Taken); g.Trace.On() && id != "" {
		return ims.InTrace(ctx, id)
	}
	return ctx
}

// sending is the span of the submission that the step makes, from now on worth
// one; else that of the last submission.
func (g *Engine) sending(ctx context.Context, r *ledger.Record) string {
	if !g.Trace.On() {
		return r.Sending
	}
	return cmp.Or(g.Trace.Submission(ctx).Open(about(r), r.Taken, r.Trace()), r.Sending)
}

// hop is the span that an event tells of.
func hop(r *ledger.Record, s messages.State) string {
	if s == messages.StateAccepted {
		return r.Taken
	}
	return cmp.Or(r.Sending, r.Taken)
}

func about(r *ledger.Record) trace.About {
	return trace.About{Key: r.Key, Cloud: r.Cloud, Operation: r.Operation, Attempt: r.Attempt}
}

// endSpan begins the span of an attempt that has ended.
func (g *Engine) endSpan(r *ledger.Record) trace.Span {
	if !g.Trace.On() {
		return trace.Span{}
	}
	e := trace.End{
		About: about(r), Seed: r.Token, Begun: r.Submitted, Taken: r.Taken, Sending: r.Sending, Trace: r.Trace(),
		State: string(r.Outcome), Failed: r.NotSucceeded(), Job: r.JobID,
	}
	if e.Begun.IsZero() {
		e.Begun = r.Accepted
	}
	if f := r.Failure; f != nil && e.Failed {
		e.Reason, e.Code, e.Message = string(f.Reason), f.Code, f.Message
	}
	if r.Job != nil {
		e.Polls = r.Job.Polls
	}
	for _, i := range r.Images {
		e.Images = append(e.Images, i.ID)
	}
	return g.Trace.End(e)
}
