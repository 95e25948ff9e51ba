package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/ledger"
)

// keepTrailing keeps a cancelled record whose job still runs, with the note
// that its end is told.
func (g *Engine) keepTrailing(ctx context.Context, r *ledger.Record) result {
	r.Told = true
	if err := g.Ledger.Update(ctx, r); err != nil {
		return result{err: fmt.Errorf("keep until the job has ended: %w", err)}
	}
	return result{record: r}
}

// trail asks whether the job of a cancelled record has ended; then only a
// tombstone is left of it.
func (g *Engine) trail(ctx context.Context, t task) result {
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: fmt.Errorf("follow what was cancelled: %w", err)}
	}
	if r.State != ledger.Finished || !r.Trails || !r.Told || r.Buried {
		return result{record: r}
	}
	ceased, err := g.ceased(ctx, t, r)
	if err != nil {
		return g.unanswered(t, nil, fmt.Errorf("follow what was cancelled: %w", err))
	}
	if !ceased {
		return g.askAgain(t)
	}
	if err := g.Ledger.Bury(ctx, r, g.TombstoneTTL); err != nil {
		return result{err: fmt.Errorf("follow what was cancelled: %w", err)}
	}
	return result{record: r.Tombstone(), answered: true}
}

// ceased reports whether nothing of a record runs at the cloud any more.
func (g *Engine) ceased(ctx context.Context, t task, r *ledger.Record) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, t.conf.patience())
	defer cancel()
	work, err := open(r)
	if err != nil {
		return true, nil //nolint:nilerr // nobody could look
	}
	late := time.Since(r.Submitted) >= g.horizon(t.conf, work)
	if r.JobID != "" {
		job, err := t.conf.Client.Job(ctx, r.JobID)
		if unknown(err) {
			return late, nil
		}
		return err == nil && job.Status.Final(), err
	}
	at, known := g.place(t.conf, work)
	if op, found := handlers.Lookup(r.Operation); !known || r.ImageID == "" || found && op.Checked {
		return true, nil
	}
	image, err := at.Client.Image(ctx, r.ImageID)
	if errors.Is(err, ims.ErrNotFound) {
		return late, nil
	}
	return err == nil && image.Status != ims.ImageQueued && image.Status != ims.ImageSaving, err
}
