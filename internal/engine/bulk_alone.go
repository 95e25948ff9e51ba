package engine

import (
	"context"
	"fmt"

	"github.com/imsworker/imsworker/internal/bulk"
	"github.com/imsworker/imsworker/messages"
)

// A leg's request may be retried by itself. Its bulk hears of that before it
// makes use of how the leg had ended: when all legs have, and when the bulk is
// retried. A leg begun again beside such an attempt would make a second image.

// latestOf looks for attempts of a leg's request, from a number on.
func (g *Engine) latestOf(ctx context.Context, child messages.Relative, from int) (l bulk.Latest, err error) {
	for attempt := from; ; attempt++ {
		final, ended, err := g.Events.Final(ctx, child.Cloud, child.Key, attempt)
		if err != nil {
			return l, fmt.Errorf("read the end of attempt %d of %s: %w", attempt, child.Key, err)
		}
		if ended {
			l = bulk.Latest{Attempt: attempt, End: final.State, Left: final.Cancel.Leaves()}
			continue
		}
		_, runs, err := g.Events.Accepted(ctx, child.Cloud, child.Key, attempt)
		if err != nil {
			return l, fmt.Errorf("read whether attempt %d of %s was accepted: %w", attempt, child.Key, err)
		}
		if runs {
			l = bulk.Latest{Attempt: attempt}
		}
		return l, nil
	}
}

// legsAgain makes legs of those of an earlier attempt of the bulk. One whose
// request has succeeded since, or is under way, is followed: its first look
// tells. One whose request was cancelled when it had begun is gone on with: begun
// anew it would be copied twice.
func (g *Engine) legsAgain(ctx context.Context, parent bulk.Parent, before []messages.Leg) ([]bulk.Leg, error) {
	legs := make([]bulk.Leg, len(before))
	all := make([]int, len(before))
	for i := range all {
		all[i] = i
	}
	err := each(ctx, all, func(ctx context.Context, i int) error {
		b := before[i]
		if b.State != messages.StateSucceeded && b.Request != nil {
			now, err := g.latestOf(ctx, b.Request.Relative, max(1, b.Request.Attempt-1)) // the last may never have come
			if err != nil {
				return err
			}
			legs[i] = parent.Since(b, now)
			return nil
		}
		legs[i] = parent.Again(b)
		return nil
	})
	return legs, err
}

// followRetried puts legs under way again whose requests were retried since
// they ended. It reports whether there are some.
func (g *Engine) followRetried(ctx context.Context, l *legs) (some bool, err error) {
	for n, p := range l.pages {
		if p.counts.Unsuccessful() == 0 {
			continue
		}
		if err := g.hold(ctx, l, n); err != nil {
			return false, err
		}
		if err := g.followPage(ctx, l, p); err != nil {
			return false, err
		}
		some = some || p.changed
		p.letGo()
	}
	return some, g.writeLegs(ctx, l)
}

// followPage does that for the legs of one page.
func (g *Engine) followPage(ctx context.Context, l *legs, p *page) error {
	var all []*inquiry
	for i, leg := range p.Legs {
		if leg.Base > 0 && leg.State.Ended() && leg.State != bulk.Succeeded {
			all = append(all, &inquiry{index: p.First + i, leg: leg})
		}
	}
	err := each(ctx, all, func(ctx context.Context, a *inquiry) error {
		child, _ := l.parent.Child(a.index, a.leg, a.leg.At)
		now, err := g.latestOf(ctx, child, a.leg.Child+1)
		a.known = now.Attempt > 0
		a.leg.Child = now.Attempt
		return err
	})
	if err != nil {
		return err
	}
	for _, a := range all {
		if a.known {
			p.Legs[a.index-p.First].Follow(a.leg.Child)
			p.changed, l.open[a.index] = true, &underWay{}
		}
	}
	return nil
}
