package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/pace"
	"github.com/imsworker/imsworker/messages"
)

// A bulk is a record like any other, and legs are requests like any others.
// Expanded, it stays `submitted` until every leg has ended: legsStep begins
// them, hears of their ends and writes both into pages beside the record. What
// the loop holds of it is in batch; all of it can be read again from the pages
// and from the legs' own events.

const (
	// legsPause is the least wait between two rounds of a bulk: what is heard
	// meanwhile changes a page once.
	legsPause = 100 * time.Millisecond
	// legsLook is how often a leg of which nothing was heard is asked for: news
	// may be lost.
	legsLook = 2 * time.Minute
	// progressEvery is the least wait between two events of a bulk's progress.
	progressEvery = 5 * time.Second
)

// badRounds is after how many failed rounds in a row news are not asked for
// again: messages about many legs that come back and back take the places of
// all others of the shard. The next good round reads all pages, and looks at
// each leg that is under way.
const badRounds = 3

// badRoundsMost is the longest wait between two rounds that fail.
const badRoundsMost = time.Minute

// batch is what the loop holds of a bulk. The legs belong to the step that
// runs.
type batch struct {
	news  []*news
	began time.Time // the latest round
	legs  *legs
	look  handlers.BulkLook // of tries to expand it; the step's

	missing time.Time // since when a page is; the step's
	fails   int       // failed rounds in a row; the loop's
	woken   bool      // a round is wanted now, as the bulk is not paused any more
}

// news is that a leg may have ended. Nothing else is believed: its own event
// tells how.
type news struct {
	key   string
	index int
	done  chan error // with room for one: that it is written down
}

// batched reports whether an operation's requests cause legs.
func batched(operation string) bool {
	op, known := handlers.Lookup(operation)
	return known && op.Batch
}

// errStopped says that the engine has ended before it took note of something.
var errStopped = errors.New("the shard is not worked on any more")

// Hear takes note that a leg of the bulk with that key may have ended. It
// blocks until that is written down, or was found to be no news; an error means
// that it has to be told again.
func (g *Engine) Hear(ctx context.Context, key string, index int) error {
	n := &news{key: key, index: index, done: make(chan error, 1)}
	select {
	case g.heard <- n:
	case <-g.over:
		return errStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-n.done:
		return err
	case <-g.over:
		return errStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// hear puts news to the bulk that they are about; only the loop calls it. What
// is about no bulk that waits is no news.
func (g *Engine) hear(n *news) {
	e := g.entries[n.key]
	if e == nil || e.batch == nil || e.state != ledger.Submitted || e.buried {
		n.done <- nil
		return
	}
	if e.batch.fails >= badRounds || e.account.conf == nil { // no round comes soon
		n.done <- nil
		return
	}
	e.batch.news = append(e.batch.news, n)
	g.settle(e)
}

// rounded notes how a round of a bulk has ended. Those that fail one after the
// other come more and more seldom.
func (e *entry) rounded(res result) {
	switch {
	case res.step != legsStep || e.batch != res.batch:
	case res.err == nil:
		e.batch.fails = 0
	default:
		e.batch.fails++
		e.again = later(e.again, time.Now().Add(pace.Backoff(e.batch.fails, stepRetry, badRoundsMost)))
	}
}

// unheard gives back news of an entry that is forgotten, or of an attempt that
// is over.
func (b *batch) unheard() {
	if b == nil {
		return
	}
	for _, n := range b.news {
		n.done <- nil
	}
	b.news = nil
}

// takeBatch brings what the loop holds of a bulk up to a version of its record.
func (e *entry) takeBatch(r *ledger.Record) {
	if e.batch != nil && r.Attempt == e.attempt || !batched(r.Operation) {
		return
	}
	e.batch.unheard()
	e.batch = &batch{}
}

// round is when a bulk's next round is due.
func (e *entry) round(now time.Time) time.Time {
	at := later(e.again, now)
	if len(e.batch.news) > 0 || e.batch.woken {
		if soon := later(e.batch.began.Add(legsPause), now); soon.Before(at) {
			return soon
		}
	}
	return at
}

// legParent is the leg that a record is of, by its own word and by that of the
// intake, which has asked the bulk.
func legParent(r *ledger.Record) (messages.LegOf, bool) {
	if r.Parent == nil || r.Parent.Operation != messages.OperationBulkCopy {
		return messages.LegOf{}, false
	}
	return messages.LegParent(messages.Identity{Source: r.Source, ID: r.ID})
}

// tellBulk tells a bulk that a leg of it has ended. It may be told again.
func (g *Engine) tellBulk(ctx context.Context, r *ledger.Record) error {
	leg, is := legParent(r)
	if !is || r.Duplicate {
		return nil
	}
	data, err := json.Marshal(messages.ChildFinished{Key: leg.Key, Leg: leg.Index, Child: r.Key, Attempt: r.Attempt, State: r.Outcome})
	if err == nil {
		err = g.Control(ctx, leg.Cloud, messages.VerbChildFinished, data)
	}
	if err != nil {
		return fmt.Errorf("tell the bulk %s: %w", leg.Key, err)
	}
	crash.At(crash.Parented)
	return nil
}
