package handlers

import (
	"context"
	"fmt"
	"regexp"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// describer changes the description of an image that is there.
type describer interface {
	Image(ctx context.Context, id string) (ims.Image, error)
	UpdateImage(ctx context.Context, imageID string, patches ...ims.ImagePatch) error
}

// endMarker is a marker at the end of a description.
var endMarker = regexp.MustCompile(`\s*\b` + messages.MarkerKey + `=[a-z2-7]{26}\s*$`)

// unmarkDescription takes the marker off the end of an image's description
// (API reference 4.7). An image without one is left alone.
func unmarkDescription[C describer](ctx context.Context, c C, imageID string) error {
	image, err := c.Image(ctx, imageID)
	if err != nil {
		return fmt.Errorf("read image %s: %w", imageID, err)
	}
	plain := endMarker.ReplaceAllString(image.Description, "")
	if plain == image.Description {
		return nil
	}
	err = c.UpdateImage(ctx, imageID, ims.ImagePatch{Op: ims.PatchReplace, Path: "/__description", Value: plain})
	if err != nil {
		return fmt.Errorf("take the marker off image %s: %w", imageID, err)
	}
	return nil
}
