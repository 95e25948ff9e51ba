package engine_test

import (
	"bytes"
	"context"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/messages"
)

// withoutPages takes the pages of all bulks away, or makes something else of
// them, and returns what puts them back.
func (w *world) withoutPages(data []byte) (restore func()) {
	w.ledger.mu.Lock()
	defer w.ledger.mu.Unlock()
	kept := maps.Clone(w.ledger.pages)
	for name, p := range kept {
		delete(w.ledger.pages, name)
		if p.data = data; data != nil {
			w.ledger.pages[name] = p
		}
	}
	return func() {
		w.ledger.mu.Lock()
		defer w.ledger.mu.Unlock()
		maps.Copy(w.ledger.pages, kept)
	}
}

// TestBulkWhosePagesCannotBeRead is not forgotten, whatever is wrong with them,
// does not ask for its news again and again meanwhile, and comes to its end
// once they can be read.
func TestBulkWhosePagesCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, data := range map[string][]byte{"missing": nil, "newer": []byte(`{"v":2}`), "broken": []byte(`{`)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				l, log := newLegs(w), &bytes.Buffer{}
				w.log = slog.NewTextHandler(log, nil)
				l.loseNews = true
				w.images(300, nil)
				w.start()
				key := w.bulk("a", 300, 1, nil)
				time.Sleep(30 * time.Second) // all are under way
				w.end()
				restore := w.withoutPages(data)
				w.start()
				time.Sleep(50 * time.Minute)
				w.hearsAll(key, 300)
				synctest.Wait()
				if times := strings.Count(log.String(), "page"); times < 30 || times > 200 {
					w.t.Errorf("the log tells of it %d times in fifty minutes: %.500s", times, log)
				}
				restore()
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				if final, told, _ := w.events.Final(w.t.Context(), "demo", key, 1); !told || final.Batch.Counts.Succeeded != 300 {
					w.t.Fatalf("told %s", w.events.states(key))
				}
			})
		})
	}
}

// hearsAll tells a bulk of its legs: none is to be told again.
func (w *world) hearsAll(key string, legs int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
	defer cancel()
	for index := range legs {
		if err := w.engine.Hear(ctx, key, index); err != nil {
			w.t.Fatalf("leg %d is to be told again: %v", index, err)
		}
	}
}

// TestBulkThatFailsOnceAsksForItsNews again: nothing was written down.
func TestBulkThatFailsOnceAsksForItsNews(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		l := newLegs(w)
		l.loseNews = true
		w.images(3, nil)
		w.start()
		key := w.bulk("a", 3, 1, nil)
		time.Sleep(30 * time.Second)
		w.lease.lost.Store(true)
		if err := w.engine.Hear(w.t.Context(), key, 0); err == nil {
			w.t.Error("news are taken by a round that failed")
		}
		w.lease.lost.Store(false)
		w.ended(key, 1)
	})
}

// TestBulkGoesOnAtOnce begins legs as soon as the bulk is not paused any more.
func TestBulkGoesOnAtOnce(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		l := newLegs(w)
		l.ends = func(messages.Request) (messages.State, time.Duration) { return messages.StateSucceeded, time.Hour }
		w.images(300, nil)
		w.start()
		key := w.bulk("a", 300, 1, nil)
		for !strings.Contains(w.events.states(key), "accepted") || w.begunLegs() == 0 {
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
		}
		w.held.Store(messages.OperationBulkCopy, true)
		w.engine.Hold()
		time.Sleep(10 * time.Minute)
		paused := w.begunLegs()
		w.held.Delete(messages.OperationBulkCopy)
		w.engine.Hold()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if now := w.begunLegs(); paused == 300 || now != 300 {
			w.t.Errorf("%d legs are begun when it is paused, %d two seconds later", paused, now)
		}
		w.ended(key, 1)
	})
}

func (w *world) begunLegs() int {
	w.legs.mu.Lock()
	defer w.legs.mu.Unlock()
	return len(w.legs.begun)
}
