package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imsworker/imsworker/internal/bulk"
	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

const (
	// legsInRound is how many are begun in one round, so that what is heard
	// meanwhile is not kept waiting.
	legsInRound = 100
	// legsTogether is how many of the broker's answers a round waits for at once.
	legsTogether = 16
	// legsLost is how long a leg of a bulk that is late or cancelled, or that
	// repeats a request of an earlier attempt, may be without any trace before it
	// is given up.
	legsLost = time.Hour
)

// legs is what one owner knows of a bulk's legs. Pages in which nothing is
// under way are not held.
type legs struct {
	parent   bulk.Parent
	attempt  int
	accepted time.Time
	data     messages.BulkCopy // without its images
	options  messages.Options  // of the legs
	// What requests of legs carry on of the bulk's.
	correlation string
	trace       messages.Trace
	taken       string
	pages       []*page
	open        map[int]*underWay // the legs that are under way, by index
	told        time.Time         // when progress was told last, or could not be told
	shown       messages.Counts
}

// page is one page of the ledger.
type page struct {
	*bulk.Page  // nil where it is not held
	sequence    uint64
	counts      messages.Counts
	changed     bool
	firstUnseen int // no leg before it waits
}

// underWay is what is remembered of a leg that is under way.
type underWay struct {
	look    time.Time // when it is asked for next
	sent    bool      // its request was published by this owner, or is known
	unknown time.Time // since when nothing is known of its request
	cancel  bool      // it was told to stop
}

// loadLegs reads the pages of a bulk.
func (g *Engine) loadLegs(ctx context.Context, r *ledger.Record) (*legs, error) {
	l := &legs{
		parent: bulk.Parent{Cloud: r.Cloud, Key: r.Key, Routes: r.Bulk.Routes}, attempt: r.Attempt, accepted: r.Accepted,
		correlation: r.CorrelationID, trace: r.Trace(), taken: r.Taken, open: map[int]*underWay{},
	}
	if err := json.Unmarshal(r.Data, &l.data); err != nil {
		return nil, fmt.Errorf("read the data of bulk %s: %w", r.Key, err)
	}
	l.data.Images, l.options = nil, legOptions(l.data.Options, r.Deadline)
	for n := range r.Bulk.Pages {
		data, sequence, err := g.pageThere(ctx, r.Key, n)
		if err != nil {
			return nil, err
		}
		p, err := bulk.Decode(data)
		if err != nil {
			return nil, err
		}
		if p.Expansion != r.Bulk.Expansion || p.Attempt != r.Attempt {
			return nil, fmt.Errorf("page %d of bulk %s is of another expansion", n, r.Key)
		}
		held := &page{Page: p, sequence: sequence, counts: p.Counts()}
		l.pages = append(l.pages, held)
		for i, leg := range p.Legs {
			if leg.State.Running() {
				l.open[p.First+i] = &underWay{}
			}
		}
		held.letGo()
	}
	return l, nil
}

// pageThere reads a page that has to be there. That it is missing says nothing
// about the record, and is an error like any other: the round is tried again.
func (g *Engine) pageThere(ctx context.Context, key string, n int) ([]byte, uint64, error) {
	data, sequence, err := g.Ledger.Page(ctx, key, n)
	if errors.Is(err, ledger.ErrNone) {
		err = fmt.Errorf("page %d of bulk %s is missing: %w", n, key, errPageLost)
	}
	return data, sequence, err
}

// legOptions are what legs are asked for with. Their deadline is the bulk's, so
// that one that waits for its turn is not late before the bulk is.
func legOptions(o messages.Options, deadline time.Time) messages.Options {
	legs := messages.Options{Priority: o.Priority, OnSuccess: o.OnSuccess, Preflight: o.Preflight, KeepMarker: o.KeepMarker}
	if at, err := messages.ParseDeadline(deadline.UTC().Format(time.RFC3339Nano)); err == nil && !deadline.IsZero() {
		legs.Deadline = &at
	}
	return legs
}

// letGo forgets a page of which nothing is under way.
func (p *page) letGo() {
	if p.Page != nil && p.counts.Running == 0 && !p.changed {
		p.Page, p.firstUnseen = nil, 0
	}
}

// pageOf returns the page of a leg, read again if it is not held, and the leg's
// place in it.
func (g *Engine) pageOf(ctx context.Context, l *legs, index int) (*page, *bulk.Leg, error) {
	n := index / bulk.PageLegs
	if index < 0 || n >= len(l.pages) {
		return nil, nil, nil
	}
	p := l.pages[n]
	if err := g.hold(ctx, l, n); err != nil {
		return nil, nil, err
	}
	if i := index - p.First; i < len(p.Legs) {
		return p, &p.Legs[i], nil
	}
	return nil, nil, nil
}

// hold reads a page that is not held.
func (g *Engine) hold(ctx context.Context, l *legs, n int) error {
	p := l.pages[n]
	if p.Page != nil {
		return nil
	}
	data, sequence, err := g.pageThere(ctx, l.parent.Key, n)
	if err != nil {
		return err
	}
	if sequence != p.sequence {
		return fmt.Errorf("page %d of bulk %s: %w", n, l.parent.Key, ledger.ErrChanged)
	}
	p.Page, err = bulk.Decode(data)
	return err
}

// counts says how all legs stand.
func (l *legs) counts() (c messages.Counts) {
	for _, p := range l.pages {
		c.Add(p.counts)
	}
	return c
}

// writeLegs writes every page that has changed. Whoever was first makes all that
// is held here worthless.
func (g *Engine) writeLegs(ctx context.Context, l *legs) error {
	for n, p := range l.pages {
		if !p.changed {
			continue
		}
		data, err := p.Encode()
		if err != nil {
			return err
		}
		if p.sequence, err = g.Ledger.PutPage(ctx, l.parent.Key, n, data, p.sequence, 0); err != nil {
			return err
		}
		p.changed, p.counts = false, p.Counts()
		crash.At(crash.Noted)
	}
	return nil
}

// each does something for many legs, several at a time.
func each[T any](ctx context.Context, all []T, do func(context.Context, T) error) error {
	together, ctx := errgroup.WithContext(ctx)
	together.SetLimit(legsTogether)
	for _, one := range all {
		together.Go(func() error { return do(ctx, one) })
	}
	return together.Wait()
}

// legsRound is one round of a bulk: what was heard, then what can be begun, is
// written into the pages, and only then done. It ends the bulk once all legs
// have ended.
func (g *Engine) legsRound(ctx context.Context, t task) (res result) {
	b := t.batch
	defer func() {
		if res.err != nil {
			b.legs = nil // it is read again, as others may have written it
		}
		told := res.err
		if b.fails+1 >= badRounds {
			told = nil
		}
		for _, n := range t.news {
			n.done <- told
		}
	}()
	if !g.Lease.Valid() || t.conf == nil {
		return result{again: time.Now().Add(leaseRetry), err: errors.New("the lease is not sure enough for a round of legs, or the cloud was removed")}
	}
	if b.legs == nil {
		r, err := g.current(ctx, t)
		if err != nil {
			return result{err: fmt.Errorf("round of legs: %w", err)}
		}
		if r.State != ledger.Submitted || r.Bulk == nil {
			return result{record: r}
		}
		b.legs, err = g.loadLegs(ctx, r)
		if b.missed(err, t.wish, time.Now()) {
			if err = g.restorePages(ctx, r); err == nil {
				b.legs, err = g.loadLegs(ctx, r)
			}
		}
		if err != nil {
			return result{err: fmt.Errorf("round of legs: %w", err)}
		}
	}
	again, err := g.round(ctx, t, b.legs)
	if err != nil {
		return result{err: fmt.Errorf("round of legs: %w", err)}
	}
	if b.legs.counts().Open() > 0 {
		return result{again: again}
	}
	retried, err := g.followRetried(ctx, b.legs)
	switch {
	case err != nil:
		return result{err: fmt.Errorf("look for legs that were retried: %w", err)}
	case retried:
		return result{again: time.Now().Add(legsPause)}
	}
	return g.endBulk(ctx, t, b.legs)
}

// round does the work of legsRound and says when the next one is due.
func (g *Engine) round(ctx context.Context, t task, l *legs) (again time.Time, err error) {
	now := time.Now()
	if err := g.settleLegs(ctx, t, l, now); err != nil {
		return again, err
	}
	if err := g.stopLegs(ctx, t, l); err != nil {
		return again, err
	}
	begun, err := g.beginLegs(ctx, t, l)
	if err != nil {
		return again, err
	}
	if err := g.writeLegs(ctx, l); err != nil {
		return again, err
	}
	crash.At(crash.Begun)
	refused := g.askLegs(ctx, l)
	if err := g.cancelLegs(ctx, t, l); err != nil {
		refused = true
	}
	g.tellBatchProgress(ctx, t, l, now)
	for _, p := range l.pages {
		p.letGo()
	}
	return l.next(t.conf, now, begun == legsInRound, refused), nil
}

// next is when the next round is due if nothing is heard.
func (l *legs) next(conf *Account, now time.Time, more, refused bool) time.Time {
	switch {
	case refused:
		return now.Add(stepRetry)
	case more:
		return now.Add(legsPause)
	}
	at := now.Add(conf.Scale(legsLook))
	for _, o := range l.open {
		if o.look.Before(at) { // also of one that this owner has not looked at
			at = o.look
		}
	}
	if l.shown != l.counts() {
		if told := l.told.Add(progressEvery); told.Before(at) {
			at = told
		}
	}
	return later(at, now.Add(legsPause))
}

// endBulk decides that all legs have ended.
func (g *Engine) endBulk(ctx context.Context, t task, l *legs) result {
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: fmt.Errorf("end the bulk: %w", err)}
	}
	if r.State != ledger.Submitted || r.Bulk == nil || r.Attempt != l.attempt {
		return result{record: r}
	}
	counts, ended := l.counts(), *r.Bulk
	ended.Counts = &counts
	r.Bulk = &ended
	return g.end(ctx, r, messages.StateBatchCompleted, nil)
}
