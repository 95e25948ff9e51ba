package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/pauses"
)

// pausesRetry is the wait before the pauses are followed again.
const pausesRetry = 5 * time.Second

// followPauses returns when all pauses are known, and follows them for as long
// as ctx lasts: no shard may be worked before.
func (w *worker) followPauses(ctx context.Context) error {
	w.pauses = pauses.New(w.conn, w.paused)
	known := make(chan struct{})
	once := sync.OnceFunc(func() { close(known) })
	bad := func(subject string, err error) {
		w.log.Error("a message is no pause; it is left alone", "subject", subject, "error", err)
	}
	w.background.Go(func() {
		for ctx.Err() == nil {
			err := w.pauses.Follow(ctx, func() { once(); w.rehold() }, bad)
			if ctx.Err() != nil {
				return
			}
			if errors.Is(err, broker.ErrRewound) {
				w.rehold()
				w.log.Warn("the broker's store was set back; nothing is submitted until it is read again what is paused", "error", err)
				continue // read again at once
			}
			w.log.Error("pauses are not noticed; trying again", "error", err)
			select {
			case <-time.After(pausesRetry):
			case <-ctx.Done():
			}
		}
	})
	select {
	case <-known:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("read what is paused: %w", context.Cause(ctx))
	}
}

// paused tells the engines of a pause, or of its end.
func (w *worker) paused(p pauses.Pause) {
	w.metrics.Hold(p.Cloud, p.Operation, p.Paused)
	w.log.Info("somebody has paused or resumed a cloud", "cloud", p.Cloud, "operation", cmp.Or(p.Operation, "all"), "paused", p.Paused)
	w.rehold()
}

// rehold has every engine look again at what is held back.
func (w *worker) rehold() {
	for _, g := range w.running() {
		g.Hold()
	}
}
