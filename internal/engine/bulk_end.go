package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imsworker/imsworker/internal/bulk"
	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// endEvent is the final event of an attempt. Of a bulk all its legs are told
// before it.
func (g *Engine) endEvent(ctx context.Context, r *ledger.Record) (messages.Event, error) {
	e := event(r, r.Outcome)
	if r.Outcome != messages.StateBatchCompleted || r.Bulk == nil || r.Bulk.Counts == nil {
		return e, nil
	}
	bad, err := g.tellLegs(ctx, r)
	e.Batch = &messages.Batch{Counts: *r.Bulk.Counts, Legs: bad}
	return e, err
}

// tellLegs tells what became of every leg and returns the first that did not
// succeed.
func (g *Engine) tellLegs(ctx context.Context, r *ledger.Record) (bad []messages.Leg, err error) {
	parent := bulk.Parent{Cloud: r.Cloud, Key: r.Key, Routes: r.Bulk.Routes}
	var some []messages.Leg
	number := 0
	tell := func() error {
		if err := g.tellLegsPage(ctx, r, number, some); err != nil {
			return err
		}
		number, some = number+1, nil
		return nil
	}
	for n := range r.Bulk.Pages {
		data, _, err := g.Ledger.Page(ctx, r.Key, n)
		if errors.Is(err, ledger.ErrNone) {
			return bad, g.lostAtEnd(ctx, r)
		}
		if err != nil {
			return nil, err
		}
		p, err := bulk.Decode(data)
		if err != nil {
			return nil, err
		}
		for i, leg := range p.Legs {
			told := parent.Tell(p.First+i, leg)
			if some = append(some, told); leg.State != bulk.Succeeded && len(bad) < messages.LegsAtEnd {
				bad = append(bad, told)
			}
			if len(some) == messages.LegsInEvent {
				if err := tell(); err != nil {
					return nil, err
				}
			}
		}
	}
	if len(some) > 0 {
		err = tell()
	}
	return bad, err
}

func (g *Engine) tellLegsPage(ctx context.Context, r *ledger.Record, number int, legs []messages.Leg) error {
	m := meta(r, messages.StateBatchLegs, r.Finished)
	m.Page = number
	e := event(r, messages.StateBatchLegs)
	e.Batch = &messages.Batch{Counts: *r.Bulk.Counts, Legs: legs, Page: number}
	if _, err := g.Events.Tell(ctx, m, e, r.Token, false); err != nil {
		return fmt.Errorf("tell legs: %w", err)
	}
	crash.At(crash.LegsTold)
	return nil
}

// buryPages gives all pages of a bulk the time to live of its tombstone, also
// those of an expansion that did not come to its end. Pages of a later attempt
// are left alone: the condition of the write sees to it.
func (g *Engine) buryPages(ctx context.Context, r *ledger.Record, ttl time.Duration) error {
	if !batched(r.Operation) || r.Duplicate {
		return nil
	}
	for n := 0; ; n++ {
		data, sequence, err := g.Ledger.Page(ctx, r.Key, n)
		if errors.Is(err, ledger.ErrNone) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("bury page: %w", err)
		}
		if p, err := bulk.Decode(data); err == nil && p.Attempt > r.Attempt {
			return nil
		}
		if _, err := g.Ledger.PutPage(ctx, r.Key, n, data, sequence, ttl); err != nil {
			return fmt.Errorf("bury page: %w", err)
		}
	}
}
