package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/bulk"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// A page that the ledger has lost does not come back, and a bulk must not wait
// for it for ever. Its legs are made again from what their requests have told:
// those are named by the bulk, so that they can be found without the page. A
// leg that has left no trace is unresolved, and a person looks.

// pagesLost is how long a page has to be missing until it is given up, and
// pagesCancelled where the bulk is to end anyway. A leader that was just elected
// may not have all it will have.
const pagesLost, pagesCancelled = time.Hour, time.Minute

// errPageLost says that a page is not in the ledger.
var errPageLost = errors.New("its legs are not known until it is restored; it is made again from their events after " + pagesLost.String() + ", or soon if the bulk is cancelled")

// missed notes whether a round has failed for want of a page, and reports
// whether that page is to be given up.
func (b *batch) missed(err error, wish *ledger.Cancel, now time.Time) bool {
	switch {
	case !errors.Is(err, errPageLost):
		b.missing = time.Time{}
		return false
	case b.missing.IsZero():
		b.missing = now
	}
	missing := now.Sub(b.missing)
	return missing >= pagesLost || wish != nil && missing >= pagesCancelled
}

// restorePages makes the pages again that are not there.
func (g *Engine) restorePages(ctx context.Context, r *ledger.Record) error {
	l := &legs{parent: bulk.Parent{Cloud: r.Cloud, Key: r.Key, Routes: r.Bulk.Routes}, attempt: r.Attempt}
	images := imagesOf(r)
	for n := range r.Bulk.Pages {
		if _, _, err := g.Ledger.Page(ctx, r.Key, n); err == nil || !errors.Is(err, ledger.ErrNone) {
			if err != nil {
				return err
			}
			continue
		}
		if err := g.restorePage(ctx, r, l, images, n); err != nil {
			return fmt.Errorf("restore page %d: %w", n, err)
		}
	}
	return nil
}

// imagesOf are the images of a bulk that names them, as many as its legs need;
// none where they were chosen by a query.
func imagesOf(r *ledger.Record) (images []string) {
	var d messages.BulkCopy
	if json.Unmarshal(r.Data, &d) != nil {
		return nil
	}
	seen := map[string]bool{}
	for _, id := range d.Images {
		if id = strings.ToLower(id); !seen[id] {
			images = append(images, id)
		}
		seen[id] = true
	}
	if len(images)*len(r.Bulk.Routes) != r.Bulk.Legs {
		return nil
	}
	return images
}

func (g *Engine) restorePage(ctx context.Context, r *ledger.Record, l *legs, images []string, n int) error {
	first := n * bulk.PageLegs
	p := bulk.NewPage(make([]bulk.Leg, min(bulk.PageLegs, r.Bulk.Legs-first)), first, r.Attempt, r.Bulk.Expansion)
	all := make([]*inquiry, len(p.Legs))
	for i := range all {
		leg := bulk.Leg{Target: (first + i) % len(r.Bulk.Routes)}
		if images != nil {
			leg.ImageID = images[(first+i)/len(r.Bulk.Routes)]
		}
		all[i] = &inquiry{index: first + i, leg: leg}
	}
	if err := each(ctx, all, func(ctx context.Context, a *inquiry) error { return g.trace(ctx, l, a) }); err != nil {
		return err
	}
	unknown := 0
	for i, a := range all {
		if p.Legs[i] = a.leg; r.State == ledger.Finished && a.leg.State.Running() { // it ended with all others; how, is not told any more
			p.Legs[i].Hear(bulk.End{State: messages.StateUnresolved, Failure: traceless(a.leg, r.Key)}, r.Attempt)
		}
		if p.Legs[i].State == bulk.Unresolved {
			unknown++
		}
	}
	data, err := p.Encode()
	if err != nil {
		return err
	}
	if _, err := g.Ledger.PutPage(ctx, r.Key, n, data, 0, 0); err != nil {
		return err
	}
	g.Log.Error("a page of a bulk was lost; it is made again from the events of its legs", "key", r.Key, "cloud", r.Cloud, "page", n, "legs", len(p.Legs), "unresolved", unknown)
	return nil
}

// trace finds the last request of a leg by what is told of it, and how that has
// ended.
func (g *Engine) trace(ctx context.Context, l *legs, a *inquiry) error {
	way := l.parent.Route(a.leg.Target).Way
	for base := l.attempt; base > 0; base-- {
		for stage := bulk.Copying; stage >= bulk.First(way); stage-- {
			leg := a.leg
			leg.Base, leg.At, leg.State = base, stage, stage
			child, _ := l.parent.Child(a.index, leg, stage)
			now, err := g.latestOf(ctx, child, 1)
			if err != nil {
				return err
			}
			if now.Attempt > 0 {
				leg.Child = now.Attempt
				a.leg = leg
				return g.retrace(ctx, l, a, child)
			}
		}
	}
	a.leg.State, a.leg.Decided, a.leg.Why = bulk.Unresolved, l.attempt, bulk.WhyOf(traceless(a.leg, l.parent.Key))
	return nil
}

// retrace takes over from a leg's request what it was about, and how it ended.
func (g *Engine) retrace(ctx context.Context, l *legs, a *inquiry, child messages.Relative) error {
	accepted, known, err := g.Events.Accepted(ctx, child.Cloud, child.Key, a.leg.Child)
	if err != nil {
		return fmt.Errorf("read the request of leg %d: %w", a.index, err)
	}
	var data struct {
		ImageID string `json:"image_id"`
		Name    string `json:"name"`
	}
	if known && json.Unmarshal(accepted.Request.Data, &data) == nil {
		a.leg.Name = data.Name
		if a.leg.ImageID == "" {
			a.leg.ImageID = data.ImageID
		}
	}
	if err := g.askFor(ctx, l, a); err != nil || a.end == nil {
		return err
	}
	a.leg.Hear(*a.end, l.attempt)
	return nil
}

// traceless is why a leg is unresolved of whose end nothing is told.
func traceless(leg bulk.Leg, key string) *messages.Failure {
	f := &messages.Failure{
		Reason: messages.ReasonUnresolved, Message: "the worker's note of this leg was lost, and no event tells what became of it",
		Remedy: "Look whether the copy is there; if not, retry the bulk to begin the leg again.",
	}
	if leg.ImageID == "" {
		f.Message += "; not even its image is known"
		f.Remedy = "Compare the copies that are there with the images that bulk " + key + " was to copy, and ask for what is missing in a request of its own."
	}
	return f
}

// lostAtEnd is for a page that is missing when the legs are to be told. Where
// they were told, by somebody who came further, that is as it should be. Else
// it is made again, and the legs are counted anew.
func (g *Engine) lostAtEnd(ctx context.Context, r *ledger.Record) error {
	_, told, err := g.Events.Final(ctx, r.Cloud, r.Key, r.Attempt)
	switch {
	case err != nil || told:
		return err
	case time.Since(r.Finished) < pagesLost:
		return errPageLost
	}
	if err := g.restorePages(ctx, r); err != nil {
		return err
	}
	var counts messages.Counts
	for n := range r.Bulk.Pages {
		data, _, err := g.pageThere(ctx, r.Key, n)
		if err != nil {
			return err
		}
		p, err := bulk.Decode(data)
		if err != nil {
			return err
		}
		counts.Add(p.Counts())
	}
	counted := *r.Bulk
	counted.Counts = &counts
	r.Bulk = &counted
	if err := g.Ledger.Update(ctx, r); err != nil {
		return err
	}
	return errRestored
}

// errRestored has the legs told from the beginning.
var errRestored = errors.New("pages were made again; their legs are told now")
