package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// succeedCancelled ends a record whose work is done although nobody wants it
// any more: its images are left, or deleted first.
func (g *Engine) succeedCancelled(ctx context.Context, t task, r *ledger.Record) result {
	if !r.Cancel.Delete {
		return g.endCancelled(ctx, r, true, leftOrNone(r.Images), "it had been done already; what it has made is left")
	}
	own := ownImages(r)
	if len(own) == 0 {
		return g.endCancelled(ctx, r, true, leftOrNone(r.Images), "it had been done already, and has made no image of its own that could be deleted")
	}
	work, err := open(r)
	if err != nil {
		return g.end(ctx, r, messages.StateFailed, unreadable(err))
	}
	at, known := g.place(t.conf, work)
	if !known {
		return g.endCancelled(ctx, r, true, messages.CancelLeft, "the image is in a place that is no configured cloud, and is left")
	}
	for _, image := range own {
		gone, err := g.discard(ctx, at, image)
		switch {
		case err != nil && ims.VerdictOf(err) == ims.Refused:
			return g.endCancelled(ctx, r, true, messages.CancelLeft, "the cloud refuses to delete its image, which is left: "+err.Error())
		case err != nil:
			return g.unanswered(t, nil, err) // what is noted in the record is not stored
		case !gone:
			return g.askAgain(t)
		}
	}
	return g.endCancelled(ctx, r, true, messages.CancelDeleted, "it was followed to its end; then its image was deleted: "+strings.Join(own, ", "))
}

func leftOrNone(images []messages.Image) string {
	if len(images) == 0 {
		return messages.CancelNone
	}
	return messages.CancelLeft
}

// ownImages are those that the request itself has made: not what it was
// about, nor what a person has named as its result.
func ownImages(r *ledger.Record) (ids []string) {
	op, known := handlers.Lookup(r.Operation)
	if r.As == messages.AsDone || !known || !op.Makes { // a job that was adopted is somebody else's
		return nil
	}
	others := handlers.Named(r.Data)
	for _, image := range r.Images {
		if !slices.Contains(others, image.ID) && !slices.Contains(ids, image.ID) {
			ids = append(ids, image.ID)
		}
	}
	return ids
}

// discard deletes an image and looks whether it is gone. The cloud confirms
// also what it does not do at once, so only the look counts.
func (g *Engine) discard(ctx context.Context, at *Account, image string) (gone bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, at.patience())
	defer cancel()
	if err := at.Client.DeleteImage(ctx, image, false); err != nil && !errors.Is(err, ims.ErrNotFound) {
		return false, fmt.Errorf("delete image %s: %w", image, err)
	}
	crash.At(crash.Discarded)
	there, err := at.Client.Image(ctx, image)
	switch {
	case errors.Is(err, ims.ErrNotFound), err == nil && there.Status == ims.ImageDeleted:
		return true, nil
	case err != nil:
		return false, fmt.Errorf("look whether image %s is gone: %w", image, err)
	}
	return false, nil
}

// discardHalf deletes the image of the first of several calls.
func (g *Engine) discardHalf(ctx context.Context, t task) result {
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: fmt.Errorf("delete what was begun: %w", err)}
	}
	r.Images = []messages.Image{{ID: r.ImageID, Cloud: r.Cloud}}
	return g.succeedCancelled(ctx, t, r)
}
