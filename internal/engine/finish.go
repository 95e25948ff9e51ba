package engine

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/mutation"
	"github.com/imsworker/imsworker/messages"
)

// end decides how an attempt ends. The decision is the conditional write;
// the event only tells of it.
func (g *Engine) end(ctx context.Context, r *ledger.Record, outcome messages.State, f *messages.Failure) result {
	return g.endWith(ctx, r, outcome, f, result{answered: outcome == messages.StateSucceeded || outcome == messages.StateFailed})
}

// endWith is end for a step that has more to report.
func (g *Engine) endWith(ctx context.Context, r *ledger.Record, outcome messages.State, f *messages.Failure, res result) result {
	outcome, f = instead(r, begun(r, outcome), f)
	f = ofLeg(r, f)
	r.State, r.Outcome, r.Failure, r.Finished, r.Until = ledger.Finished, outcome, f, time.Now().UTC(), time.Time{}
	if err := g.Ledger.Update(ctx, r); err != nil {
		res.err = fmt.Errorf("end as %s: %w", outcome, err)
		return res
	}
	g.changed(r, string(outcome))
	res.record = r
	return res
}

// begun tells a failure from a rejection, which is of what was never submitted.
// Where a later one of several calls is refused, the image of the first one is
// left.
func begun(r *ledger.Record, outcome messages.State) messages.State {
	if outcome != messages.StateRejected || r.ImageID == "" && r.Submitted.IsZero() {
		return outcome
	}
	if r.Submitted.IsZero() {
		r.Warnings = append(r.Warnings, "image "+r.ImageID+" was made by the first of several calls, and is left as it is: delete it, or go on with it")
	}
	return messages.StateFailed
}

// finish tells the end of a record once and leaves a tombstone. A record that
// ended unresolved keeps its data: a person will want to go on with it.
func (g *Engine) finish(ctx context.Context, t task) result {
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: fmt.Errorf("finish: %w", err)}
	}
	if r.State != ledger.Finished || r.Buried || r.Told {
		return result{record: r, again: time.Now().Add(resting)}
	}
	crash.At(crash.Finished)
	if mutation.On(mutation.EarlyTombstone) {
		if err := g.Ledger.Bury(ctx, r, g.TombstoneTTL); err != nil {
			return result{err: err}
		}
	}
	if err := g.tellEnd(ctx, r); err != nil {
		return result{err: err}
	}
	crash.At(crash.Told)
	if err := g.cause(ctx, r); err != nil {
		return result{err: err}
	}
	if err := g.tellBulk(ctx, r); err != nil {
		return result{err: err}
	}
	if err := g.buryPages(ctx, r, g.TombstoneTTL); err != nil {
		return result{err: err}
	}
	if r.Outcome == messages.StateUnresolved && !r.Duplicate {
		return g.rest(ctx, r)
	}
	if r.Trails && !r.Duplicate {
		return g.keepTrailing(ctx, r)
	}
	if err := g.Ledger.Bury(ctx, r, g.TombstoneTTL); err != nil {
		return result{err: fmt.Errorf("finish: %w", err)}
	}
	crash.At(crash.Buried)
	return result{record: r.Tombstone()}
}

// tellEnd tells how the attempt ended, unless it was a repetition.
func (g *Engine) tellEnd(ctx context.Context, r *ledger.Record) error {
	if r.Duplicate {
		return nil
	}
	e, err := g.endEvent(ctx, r)
	if err != nil {
		return fmt.Errorf("tell %s: %w", r.Outcome, err)
	}
	m, span := meta(r, r.Outcome, r.Finished), g.endSpan(r)
	m.Hop = cmp.Or(span.TraceParent(), m.Hop)
	telling, err := g.Events.Tell(ctx, m, e, r.Token, r.Unannounced)
	if err != nil {
		return fmt.Errorf("tell %s: %w", r.Outcome, err)
	}
	if telling != Foreign {
		span.Told(r.Finished)
	}
	switch telling {
	case Told:
		g.Metrics.finished(r, span.TraceParent())
	case Foreign:
		if !r.Unannounced {
			g.Log.Error("the attempt has a final event of another writer already; this one is not told", "key", r.Key, "attempt", r.Attempt, "state", string(r.Outcome))
		}
		r.Duplicate = true
	}
	return nil
}

// resting is how often an unresolved record is looked at while it waits for a
// person.
const resting = 24 * time.Hour

// rest keeps an unresolved record with the note that its end is told: its
// event may be forgotten before a person comes.
func (g *Engine) rest(ctx context.Context, r *ledger.Record) result {
	r.Told = true
	if err := g.Ledger.Update(ctx, r); err != nil {
		return result{err: fmt.Errorf("keep for a person: %w", err)}
	}
	return result{record: r, again: time.Now().Add(resting)}
}
