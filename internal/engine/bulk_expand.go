package engine

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/bulk"
	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// expandTimeout bounds one try to look at all images of a bulk. The next one
// goes on where it ended; between the two a wish to cancel is heard.
const expandTimeout = 10 * time.Minute

// expand makes the legs of a bulk and writes them into pages before the first
// is begun. Whoever expands claims that first: of two owners that write pages
// at a time only the later one comes to the end, and with its own pages only,
// since it read what stood there after its claim.
func (g *Engine) expand(ctx context.Context, t task) result {
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: fmt.Errorf("expand: %w", err)}
	}
	if r.State != ledger.Accepted && r.State != ledger.Parked {
		return result{record: r}
	}
	if !g.Lease.Valid() {
		return result{record: r, again: time.Now().Add(leaseRetry)}
	}
	var d messages.BulkCopy
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return g.end(ctx, r, messages.StateRejected, unreadable(err))
	}
	ask, cancel := context.WithTimeout(ctx, expandTimeout)
	defer cancel()
	legs, routes, err := g.plan(ask, t, r, d)
	switch {
	case ctx.Err() != nil:
		return result{record: r}
	case putOff(err):
		return result{record: r, again: time.Now().Add(t.conf.Scale(pollTimeout))}
	case err != nil:
		return g.refuse(ctx, t, r, err, time.Time{})
	}
	res := g.expanded(ctx, r, legs, routes)
	if res.err == nil {
		t.batch.look = handlers.BulkLook{}
	}
	return res
}

// plan makes the legs of an attempt: of a first one all, of a later one those
// of the one before, of which the ones that succeeded are done.
func (g *Engine) plan(ctx context.Context, t task, r *ledger.Record, d messages.BulkCopy) ([]bulk.Leg, []messages.BulkRoute, error) {
	routes, err := g.routes(ctx, t.conf, d)
	if err != nil {
		return nil, nil, err
	}
	parent := bulk.Parent{Cloud: r.Cloud, Key: r.Key, Routes: plain(routes)}
	before, err := g.before(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	if len(before) > 0 {
		legs, err := g.repeatLegs(ctx, t, r, d, routes, parent, before)
		return legs, parent.Routes, err
	}
	made, err := handlers.Expand(ctx, t.conf.Client, &t.batch.look, d, routes, r.Accepted)
	if err != nil {
		return nil, nil, err
	}
	legs := make([]bulk.Leg, 0, len(made))
	for _, m := range made {
		legs = append(legs, newLeg(m, r.Attempt))
	}
	return legs, parent.Routes, nil
}

// newLeg is a leg that has not begun, or that was refused.
func newLeg(m handlers.Leg, attempt int) bulk.Leg {
	l := bulk.Leg{ImageID: m.ImageID, Target: m.Target, Name: m.Name}
	if m.Refusal != nil {
		l.State, l.Decided, l.Why = bulk.Rejected, attempt, bulk.WhyOf(m.Refusal)
	}
	return l
}

// repeatLegs makes the legs of an attempt of those before. The images of the ones
// that are to be begun again are looked at again.
func (g *Engine) repeatLegs(ctx context.Context, t task, r *ledger.Record, d messages.BulkCopy, routes []handlers.BulkTarget, parent bulk.Parent, before []messages.Leg) ([]bulk.Leg, error) {
	legs, err := g.legsAgain(ctx, parent, before)
	if err != nil {
		return nil, err
	}
	again := d
	again.Query, again.Images = nil, nil
	seen := map[string]bool{}
	for _, l := range legs {
		if l.State == bulk.Waiting && !seen[l.ImageID] {
			seen[l.ImageID] = true
			again.Images = append(again.Images, l.ImageID)
		}
	}
	made, err := handlers.Expand(ctx, t.conf.Client, &t.batch.look, again, routes, r.Accepted)
	if err != nil {
		return nil, err
	}
	anew := map[[2]any]handlers.Leg{}
	for _, m := range made {
		anew[[2]any{m.ImageID, m.Target}] = m
	}
	for i, l := range legs {
		if m, asked := anew[[2]any{l.ImageID, l.Target}]; asked && l.State == bulk.Waiting && l.At == bulk.Waiting {
			legs[i] = newLeg(m, r.Attempt)
		}
	}
	return legs, nil
}

// before are the legs of the latest attempt before that came so far as to have
// some; none where there is no such attempt.
func (g *Engine) before(ctx context.Context, r *ledger.Record) ([]messages.Leg, error) {
	for attempt := r.Attempt - 1; attempt > 0; attempt-- {
		var legs []messages.Leg
		for page := 0; ; page++ {
			e, found, err := g.Events.Legs(ctx, r.Cloud, r.Operation, r.Key, attempt, page)
			if err != nil {
				return nil, fmt.Errorf("read the legs of attempt %d: %w", attempt, err)
			}
			if !found {
				break
			}
			legs = append(legs, e.Batch.Legs...)
			if len(legs) >= e.Batch.Counts.Legs {
				return legs, nil
			}
		}
		if len(legs) > 0 {
			return nil, fmt.Errorf("only %d legs of attempt %d are told", len(legs), attempt)
		}
	}
	return nil, nil
}

// expanded writes the pages, then the record that says how many there are.
func (g *Engine) expanded(ctx context.Context, r *ledger.Record, legs []bulk.Leg, routes []messages.BulkRoute) result {
	r.Bulk = &ledger.Bulk{Expansion: rand.Text()}
	if err := g.Ledger.Update(ctx, r); err != nil {
		return result{err: fmt.Errorf("expand: %w", err)}
	}
	crash.At(crash.Expanding)
	pages := bulk.Split(legs, r.Attempt, r.Bulk.Expansion)
	if err := g.writePages(ctx, r, pages); err != nil {
		return result{err: fmt.Errorf("expand: %w", err)}
	}
	crash.At(crash.Paged)
	claimed := *r.Bulk
	claimed.Pages, claimed.Legs, claimed.Routes = len(pages), len(legs), routes
	r.Bulk = &claimed
	r.State, r.Submitted, r.Failure, r.Refusals, r.Until = ledger.Submitted, time.Now().UTC(), nil, 0, time.Time{}
	if len(legs) == 0 {
		r.Warnings = append(r.Warnings, "the query chose no image; nothing was copied")
	}
	if err := g.Ledger.Update(ctx, r); err != nil {
		return result{err: fmt.Errorf("expand: %w", err)}
	}
	crash.At(crash.Expanded)
	g.Metrics.submitted(r)
	g.changed(r, "expanded")
	return result{record: r, answered: true}
}

// writePages writes pages over what stands there. What that is was read while
// the claim still stood: whoever claims later reads later, so that no page of
// theirs is written over.
func (g *Engine) writePages(ctx context.Context, r *ledger.Record, pages []*bulk.Page) error {
	over, err := g.pagesThere(ctx, r.Key)
	if err != nil {
		return err
	}
	now, err := g.read(ctx, r.Key)
	if err != nil {
		return err
	}
	if now.Bulk == nil || now.Bulk.Expansion != r.Bulk.Expansion {
		return &overtaken{by: now}
	}
	for n, p := range pages {
		data, err := p.Encode()
		if err != nil {
			return err
		}
		sequence := uint64(0)
		if n < len(over) {
			sequence = over[n]
		}
		if _, err := g.Ledger.PutPage(ctx, r.Key, n, data, sequence, 0); err != nil {
			return err
		}
	}
	return nil
}

// pagesThere are the sequences of all pages of a bulk, whoever wrote them.
func (g *Engine) pagesThere(ctx context.Context, key string) (all []uint64, err error) {
	for {
		_, sequence, err := g.Ledger.Page(ctx, key, len(all))
		if errors.Is(err, ledger.ErrNone) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, sequence)
	}
}
