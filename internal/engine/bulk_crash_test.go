package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/engine"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// cutter ends an engine at one of its writes and messages: with it carried out,
// or not.
type cutter struct {
	mu    sync.Mutex
	count int
	at    int
	after bool // it is carried out
	dead  bool // nothing of this engine gets through any more
	cut   chan struct{}
}

var errCut = errors.New("the process is gone")

// pass does one write.
func (c *cutter) pass(do func() error) error {
	if c == nil {
		return do()
	}
	c.mu.Lock()
	if c.dead {
		c.mu.Unlock()
		return errCut
	}
	c.count++
	mine := c.count == c.at
	c.dead = c.dead || mine
	c.mu.Unlock()
	if !mine {
		return do()
	}
	if c.after {
		_ = do()
	}
	close(c.cut)
	return errCut
}

// TestBulkKilledAtEveryPoint cuts the engine off at each of its writes and
// messages in turn, both before it was carried out and after. The next one
// brings the bulk to the same end.
func TestBulkKilledAtEveryPoint(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after_%t", after), func(t *testing.T) {
			t.Parallel()
			at := 1
			for reached := true; reached; at++ {
				synctest.Test(t, func(t *testing.T) { reached = killBulk(t, at, after, nil) })
			}
			if at < 20 {
				t.Errorf("only %d points were come to", at)
			}
		})
	}
}

// TestBulkKilledWhileItsLegIsRetried does that to a bulk of which the leg that
// failed is retried by itself while others are under way.
func TestBulkKilledWhileItsLegIsRetried(t *testing.T) {
	t.Parallel()
	for at, reached := 1, true; reached; at++ {
		for _, after := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) { reached = killBulk(t, at, after, retryAlone) })
		}
	}
}

// retryAlone retries the bad leg, once, before the last ones of killBulk end.
func retryAlone(l *legWorld) {
	first, ends := true, l.ends
	l.ends = func(r messages.Request) (messages.State, time.Duration) {
		state, after := ends(r)
		switch {
		case state == messages.StateFailed && first:
			first = false
			time.AfterFunc(30*time.Second, func() {
				data := fmt.Sprintf(`{"key":%q,"attempt":1}`, messages.Key(r.Cloud, r.Source, r.ID))
				_ = l.w.control(messages.VerbRetry, []byte(data))
			})
		case state == messages.StateFailed:
			return messages.StateSucceeded, time.Minute
		case strings.HasSuffix(r.ID, "/5/copy"):
			after = time.Minute
		}
		return state, after
	}
}

// killBulk runs a small bulk with one cut, and reports whether that was come
// to. With a retry, the leg that fails has succeeded in the end.
func killBulk(t *testing.T, at int, after bool, retry func(*legWorld)) (reached bool) {
	w := newWorld(t)
	c := &cutter{at: at, after: after, cut: make(chan struct{})}
	w.cut = c
	l := newLegs(w)
	l.ends = func(r messages.Request) (messages.State, time.Duration) {
		if strings.HasSuffix(r.ID, "/2/copy") {
			return messages.StateFailed, 20 * time.Second
		}
		return messages.StateSucceeded, 10 * time.Second
	}
	failed := 1
	if retry != nil {
		failed = 0
		retry(l)
	}
	w.images(3, nil)
	w.start()
	key := w.bulk("a", 3, 2, func(d *messages.BulkCopy) { d.Concurrency = 4 })
	select {
	case <-c.cut:
		reached = true
		w.end()
		c.mu.Lock()
		c.dead = false
		c.mu.Unlock()
		w.start()
	case <-time.After(time.Hour):
	}
	final, _ := w.ended(key, 1)
	if counts := final.Batch.Counts; counts.Succeeded != 6-failed || counts.Failed != failed || len(l.begun) != 6 {
		t.Errorf("cut at %d, after it %t: %v, %d requests", at, after, counts, len(l.begun))
	}
	finals := strings.Count(w.events.states(key), "batch-completed")
	if finals != 1 {
		t.Errorf("cut at %d, after it %t: %d final events", at, after, finals)
	}
	w.end()
	time.Sleep(10 * time.Minute) // whoever tells a bulk that is gone gives up
	return reached
}

// cutLedger and cutEvents are those of an engine that may be cut off. What it
// reads is not counted.
type cutLedger struct {
	*memory
	cut *cutter
}

func (l cutLedger) Update(ctx context.Context, r *ledger.Record) error {
	return l.cut.pass(func() error { return l.memory.Update(ctx, r) })
}

func (l cutLedger) Bury(ctx context.Context, r *ledger.Record, ttl time.Duration) error {
	return l.cut.pass(func() error { return l.memory.Bury(ctx, r, ttl) })
}

func (l cutLedger) PutPage(ctx context.Context, key string, page int, data []byte, over uint64, ttl time.Duration) (sequence uint64, err error) {
	err = l.cut.pass(func() (err error) {
		sequence, err = l.memory.PutPage(ctx, key, page, data, over, ttl)
		return err
	})
	return sequence, err
}

type cutEvents struct {
	*told
	cut *cutter
}

func (l cutEvents) Tell(ctx context.Context, m messages.EventMeta, e messages.Event, token string, alone bool) (telling engine.Telling, err error) {
	err = l.cut.pass(func() (err error) {
		telling, err = l.told.Tell(ctx, m, e, token, alone)
		return err
	})
	return telling, err
}
