package handlers

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// markedTags adds the marker to a request's own tags, in the form that the
// request uses; the cloud takes one form only.
func markedTags(tags []string, imageTags []messages.Tag, key string) ([]string, []ims.Tag) {
	if len(tags) > 0 {
		return append(slices.Clone(tags), messages.MarkerKey+"."+key), nil
	}
	marked := make([]ims.Tag, 0, len(imageTags)+1)
	for _, t := range imageTags {
		marked = append(marked, ims.Tag{Key: t.Key, Value: t.Value})
	}
	return nil, append(marked, ims.Tag{Key: messages.MarkerKey, Value: key})
}

// markedDescription puts the marker at the end of a description.
func markedDescription(description, key string) string {
	if description != "" {
		description += " "
	}
	return description + messages.MarkerKey + "=" + key
}

// hasMarkerText reports whether a description ends with the key's marker.
func hasMarkerText(description, key string) bool {
	before, ok := strings.CutSuffix(strings.TrimSpace(description), messages.MarkerKey+"="+key)
	return ok && (before == "" || strings.HasSuffix(before, " "))
}

// candidate reports whether an image can be the result of a request at all: it
// is not dead and belongs to nobody else.
func candidate(i ims.Image, s Search) bool {
	return i.Status != ims.ImageKilled && i.Status != ims.ImageDeleted && !slices.Contains(s.Exclude, i.ID)
}

// imagePager goes through the pages of an image list.
type imagePager interface {
	ImagePages(ctx context.Context, f ims.ImageFilter) iter.Seq2[[]ims.Image, error]
}

// firstImage goes through a list, oldest first, to the first image that is
// ours, or to the end and ErrNotFound.
func firstImage(ctx context.Context, c imagePager, f ims.ImageFilter, own func(ims.Image) (bool, error)) (Found, error) {
	for page, err := range c.ImagePages(ctx, f) {
		if err != nil {
			return Found{}, fmt.Errorf("list images: %w", err)
		}
		for _, image := range page {
			if ok, err := own(image); ok || err != nil {
				return foundImage(image), err
			}
		}
	}
	return Found{}, ErrNotFound
}

func foundImage(i ims.Image) Found {
	return Found{ImageID: i.ID, Name: i.Name, Status: i.Status}
}

// number fits a decoded number to the client's type.
func number(n *int64) *int {
	if n == nil {
		return nil
	}
	i := int(*n)
	return &i
}
