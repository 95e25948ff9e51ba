package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// undo is the named opposite of one thing that was started.
type undo struct {
	name string
	do   func(context.Context) error
}

// onStop registers what undoes a start; undos run in reverse order.
func (w *worker) onStop(name string, do func(context.Context) error) {
	w.undos = append(w.undos, undo{name: name, do: do})
}

// flushTraces sends what spans are left. A receiver that does not take them
// holds up the stop for no longer than DRAIN, or what is left of stopRest.
func (w *worker) flushTraces(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, w.cfg.Drain)
	defer cancel()
	w.deps.FlushTraces(ctx)
	return nil
}

// stopRest is what stopping may take after the work has drained.
const stopRest = 5 * time.Second

// stop undoes everything that was started, also after a start that failed
// half-way. The metrics are served to the last.
func (w *worker) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopRest)
	defer cancel()
	w.background.Wait()
	var errs []error
	for _, u := range slices.Backward(w.undos) {
		if err := u.do(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", u.name, err))
		}
	}
	return errors.Join(errs...)
}
