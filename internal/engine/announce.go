package engine

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// announce tells that a record is accepted, on condition that no event of its
// attempt exists: the ledger forgets finished requests, the events remember
// them longer.
func (g *Engine) announce(ctx context.Context, t task) result {
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: fmt.Errorf("announce: %w", err)}
	}
	telling, err := g.Events.Tell(ctx, meta(r, messages.StateAccepted, r.Accepted), event(r, messages.StateAccepted), r.Token, true)
	if err != nil {
		return result{err: fmt.Errorf("announce: %w", err)}
	}
	if telling == Foreign {
		return g.closeRepeated(ctx, r)
	}
	crash.At(crash.Announced)
	if telling == Told {
		g.Metrics.accepted(r)
		g.changed(r, "accepted")
	}
	return result{record: r, effect: func(e *entry) { e.announced = true }}
}

// closeRepeated ends a record whose request was finished long ago: nothing is
// done a second time. Where the earlier request was another one, the identity
// was reused, which is a mistake of the publisher's.
func (g *Engine) closeRepeated(ctx context.Context, r *ledger.Record) result {
	first, found, err := g.Events.Accepted(ctx, r.Cloud, r.Key, r.Attempt)
	if err != nil {
		return result{err: fmt.Errorf("read the first request's event: %w", err)}
	}
	if found && (first.Request.Operation != r.Operation || ledger.HashData(first.Request.Data) != r.DataHash) {
		if err := g.Reused(ctx, r); err != nil {
			return result{err: fmt.Errorf("store dead letter: %w", err)}
		}
	} else {
		g.Metrics.duplicate(r)
	}
	r.State, r.Duplicate, r.Finished = ledger.Finished, true, time.Now().UTC()
	if err := g.Ledger.Update(ctx, r); err != nil {
		return result{err: err}
	}
	g.changed(r, "duplicate")
	return result{record: r}
}

// tell says that a record is submitted. It is told again after a take-over,
// which the condition of the event makes harmless.
func (g *Engine) tell(ctx context.Context, t task) result {
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: fmt.Errorf("tell submitted: %w", err)}
	}
	ev := event(r, messages.StateSubmitted)
	ev.Estimate = expectEnd(r.Submitted, time.Now(), t.conf, t.outlook, hearsay{})
	if _, err := g.Events.Tell(ctx, meta(r, messages.StateSubmitted, r.Submitted), ev, r.Token, false); err != nil {
		return result{err: fmt.Errorf("tell submitted: %w", err)}
	}
	return result{record: r, effect: func(e *entry) { e.told, e.expected = true, expectation(ev.Estimate, ledger.Submitted) }}
}

// late tells that the deadline has passed. A record that the cloud has only
// put off so far ends here, with the reason of the last refusal; everything
// else goes on.
func (g *Engine) late(ctx context.Context, t task) result {
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: fmt.Errorf("tell late: %w", err)}
	}
	if r.State == ledger.Parked && r.Cancel == nil {
		return g.end(ctx, r, messages.StateRejected, r.Failure)
	}
	if res, wished := g.wishedLate(ctx, r); wished {
		return res
	}
	if _, err := g.Events.Tell(ctx, meta(r, messages.StateLate, time.Now().UTC()), event(r, messages.StateLate), r.Token, false); err != nil {
		return result{err: fmt.Errorf("tell late: %w", err)}
	}
	g.changed(r, "late")
	return result{record: r, effect: func(e *entry) { e.late = true }}
}

// changed logs one line for each change of a record's state.
func (g *Engine) changed(r *ledger.Record, state string) {
	attrs := make([]slog.Attr, 0, 11)
	attrs = append(attrs, slog.String("state", state), slog.String("key", r.Key), slog.String("cloud", r.Cloud),
		slog.String("operation", r.Operation), slog.Int("attempt", r.Attempt))
	if id := r.Trace().ID(); id != "" {
		attrs = append(attrs, slog.String("trace_id", id))
	}
	if r.JobID != "" {
		attrs = append(attrs, slog.String("job", r.JobID))
	}
	if f := r.Failure; f != nil {
		attrs = append(attrs, slog.String("reason", string(f.Reason)), slog.String("code", f.Code), slog.String("message", f.Message),
			slog.String("cloud_request_id", f.CloudRequestID))
	}
	g.Log.LogAttrs(context.Background(), slog.LevelInfo, "request changed", attrs...)
}
