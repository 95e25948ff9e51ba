package handlers

import (
	"context"
	"errors"
	"fmt"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// imageDeleter is what delete-image needs of the cloud.
type imageDeleter interface {
	DeleteImage(ctx context.Context, imageID string, withBackup bool) error
	Image(ctx context.Context, id string) (ims.Image, error)
}

// deleteImage deletes an image, with the backup of a whole image if that is
// asked for (API reference 4.8). There is no job: the cloud confirms at once,
// also what it did not do, so the request succeeds only when no list shows the
// image any more.
//
// It is safe to run twice: an image that is gone after an earlier call was
// deleted by it. An image that was never there is refused.
func deleteImage() Operation {
	return define(plan[messages.DeleteImage, imageDeleter]{
		name:    "delete-image",
		bucket:  "update",
		policy:  byState,
		options: func(d messages.DeleteImage) messages.Options { return d.Options },
		takes:   "image_id",
		rules:   []rule[messages.DeleteImage]{optionsRule(func(d messages.DeleteImage) messages.Options { return d.Options })},
		checks: []check[messages.DeleteImage, imageDeleter]{
			{"image-deletable", "the image is private, not protected and not being made (4.8)", checkDeletable},
		},
		submit: submitDelete,
		find:   findDeleted,
		check:  findDeleted,
	})
}

func submitDelete(ctx context.Context, c imageDeleter, d messages.DeleteImage, call Call) (Submission, error) {
	err := c.DeleteImage(ctx, d.ImageID, d.DeleteBackup)
	if call.Again && errors.Is(err, ims.ErrNotFound) {
		return Submission{}, nil
	}
	if err != nil {
		return Submission{}, fmt.Errorf("delete image %s: %w", d.ImageID, err)
	}
	return Submission{}, nil
}

// findDeleted looks whether the image is gone.
func findDeleted(ctx context.Context, c imageDeleter, d messages.DeleteImage, _ Search) (Found, error) {
	image, err := c.Image(ctx, d.ImageID)
	switch {
	case errors.Is(err, ims.ErrNotFound), err == nil && image.Status == ims.ImageDeleted:
		return Found{Done: true}, nil
	case err != nil:
		return Found{}, fmt.Errorf("look whether image %s is gone: %w", d.ImageID, err)
	}
	return Found{}, ErrNotFound
}

func checkDeletable(ctx context.Context, c imageDeleter, d messages.DeleteImage) error {
	image, err := c.Image(ctx, d.ImageID)
	switch {
	case errors.Is(err, ims.ErrNotFound):
		return nil // an earlier call may have deleted it: the call itself will tell
	case err != nil:
		return fmt.Errorf("read image %s: %w", d.ImageID, err)
	case image.Type == typePublic:
		return refusal("IMG.0094", "image %s is public", image.ID)
	case image.Type == typeShared:
		return refusal("IMG.0092", "image %s is shared by another project, %s", image.ID, image.Owner)
	case image.Protected:
		return refusal("IMG.0091", "image %s is protected", image.ID)
	case image.Status == ims.ImageQueued || image.Status == ims.ImageSaving:
		return refusal("IMG.0090", "image %s is %s, it is still being made", image.ID, image.Status)
	}
	return nil
}
