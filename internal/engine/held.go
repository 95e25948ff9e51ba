package engine

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ledger"
)

// errUnclear says that an image without a marker may be another request's,
// whose call is on its way: look again.
var errUnclear = errors.New("the image may be another request's")

// holder is the request that an image without a marker belongs to, although
// no entry names the image any more. It is remembered for as long as the
// ledger remembers the request; the image carries a marker by then.
type holder struct {
	key   string
	until time.Time
}

// unmarked reports whether images of an operation do not tell whose they are.
func unmarked(operation string) bool {
	op, known := handlers.Lookup(operation)
	return known && op.Unmarked
}

// remember keeps the images of attempts that have ended, as far as they carry
// no marker.
func (g *Engine) remember(a *account, r *ledger.Record) {
	if len(r.Made) == 0 || !unmarked(r.Operation) {
		return
	}
	if a.past == nil {
		a.past = map[string]holder{}
	}
	for _, id := range r.Made {
		a.past[id] = holder{key: r.Key, until: time.Now().Add(g.TombstoneTTL)}
	}
}

// forget drops what is remembered of requests that the ledger has forgotten.
func (a *account) forget(now time.Time) {
	maps.DeleteFunc(a.past, func(_ string, h holder) bool { return now.After(h.until) })
}

// rivals goes through the other requests of the account whose images do not
// tell whose they are: the images that they hold, and those of them that may
// have made an image that nobody knows yet. Only the loop may call it. It is
// needed seldom, after a lost answer, so that nothing is kept for it.
func (g *Engine) rivals(r *ledger.Record, image func(id string), unknown func(*entry)) {
	a := g.accounts[r.Cloud]
	for _, e := range g.entries {
		if e.account != a || e.key == r.Key || !unmarked(e.operation) {
			continue
		}
		if e.imageID != "" {
			image(e.imageID)
		} else if e.posts || e.state == ledger.Submitting || e.state == ledger.Uncertain {
			unknown(e)
		}
	}
	for id, h := range a.past {
		if h.key != r.Key {
			image(id)
		}
	}
}

// others asks the loop for the images that other requests hold, and whether
// another may have made one that nobody knows yet. Requests whose images carry
// a marker need not ask.
func (g *Engine) others(ctx context.Context, r *ledger.Record) (ids []string, unclear bool, err error) {
	if !unmarked(r.Operation) {
		return nil, false, nil
	}
	err = g.inLoop(ctx, func() {
		g.rivals(r, func(id string) { ids = append(ids, id) }, func(*entry) { unclear = true })
	})
	return ids, unclear, err
}

// claim gives the request an image that its look-up has found. Of two that
// have found the same one, the first gets it. While the answer of another's
// call may still come, and name just this image, it fails with errUnclear.
// Requests whose answers are lost for good do not count: whoever finds the
// image first may have it.
func (g *Engine) claim(ctx context.Context, r *ledger.Record, imageID string) error {
	if !unmarked(r.Operation) {
		return nil
	}
	free := true
	err := g.inLoop(ctx, func() {
		g.rivals(r, func(id string) { free = free && id != imageID }, func(e *entry) { free = free && g.answerLost(e) })
		if e := g.entries[r.Key]; free && e != nil {
			e.account.unlist(e)
			e.imageID = imageID
			e.account.list(e)
		}
	})
	if err == nil && !free {
		err = errUnclear
	}
	return err
}

// answerLost reports whether no answer to the entry's call can come any more.
func (g *Engine) answerLost(e *entry) bool {
	return e.state == ledger.Uncertain && !e.posts && time.Since(e.doubted.time()) > g.SubmitTimeout+fence
}

// inLoop has the loop run f and waits until it has. Steps call it, and who asks
// from outside.
func (g *Engine) inLoop(ctx context.Context, f func()) error {
	done := make(chan struct{})
	select {
	case g.asked <- func() { f(); close(done) }:
		<-done
		return nil
	case <-g.over:
		return errOver
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
