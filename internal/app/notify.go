package app

import (
	"context"
	"time"

	"github.com/imsworker/imsworker/internal/notify"
)

// startNotifier makes what tells of the requests that did not succeed, where
// somebody wants to be told.
func (w *worker) startNotifier() (err error) {
	if w.cfg.NotifyURL == "" {
		return nil
	}
	w.notifier, err = notify.New(notify.Options{
		URL: string(w.cfg.NotifyURL), UserAgent: "imsworker/" + w.deps.Build.Version, Drain: w.cfg.Drain, Log: w.log,
	}, w.registry)
	if err != nil {
		return err
	}
	w.onStop("notifier", func(context.Context) error { w.notifier.Close(); return nil })
	w.log.Info("what does not succeed is posted", "receiver", w.notifier.Receiver())
	return nil
}

// notify tells until ctx ends. A consumer that somebody has taken away is made
// anew.
func (w *worker) notify(ctx context.Context) {
	for w.notifier != nil && ctx.Err() == nil {
		err := w.notifier.Run(ctx, w.conn)
		if ctx.Err() != nil {
			return
		}
		w.log.Error("nobody is told of what does not succeed; trying again", "error", err)
		w.mend(ctx)
		select {
		case <-time.After(notifyRetry):
		case <-ctx.Done():
		}
	}
}

// notifyRetry is the wait before the notifier's consumer is read again.
const notifyRetry = 5 * time.Second
