package app

import (
	"context"
	"sync"
	"time"

	"github.com/imsworker/imsworker/internal/learned"
)

const (
	// learnedWait is how long a start waits for what was learned before it; the
	// worker can do without, it only asks more often.
	learnedWait = 5 * time.Second
	// learnedRetry is the wait before it is followed again.
	learnedRetry = 5 * time.Second
)

// followLearned returns when it is known what was learned about how long jobs
// take, or after a moment, and goes on following it and storing what is new
// for as long as ctx lasts. What waits to be stored is stored at the stop.
func (w *worker) followLearned(ctx context.Context) {
	w.learned = learned.New(w.conn, w.log)
	known := make(chan struct{})
	once := sync.OnceFunc(func() { close(known) })
	w.background.Go(func() { w.learned.Write(ctx) })
	w.background.Go(func() {
		for ctx.Err() == nil {
			err := w.learned.Follow(ctx, once)
			if ctx.Err() != nil {
				return
			}
			w.log.Warn("learned durations are not followed; trying again", "error", err)
			select {
			case <-time.After(learnedRetry):
			case <-ctx.Done():
			}
		}
	})
	w.onStop("learned durations", w.learned.Flush)
	select {
	case <-known:
	case <-time.After(learnedWait):
		w.log.Warn("it is not known yet what was learned about how long jobs take; going on without")
	case <-ctx.Done():
	}
}
