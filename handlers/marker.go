package handlers

import (
	"cmp"
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

// tagger puts tags on images that are there.
type tagger interface {
	AddImageTags(ctx context.Context, imageID string, tags ...ims.Tag) error
}

// putTags puts a request's own tags on an image, and the marker where there is
// a key.
func putTags(ctx context.Context, c tagger, imageID string, own []messages.Tag, key string) error {
	tags := make([]ims.Tag, 0, len(own)+1)
	for _, t := range own {
		tags = append(tags, ims.Tag{Key: t.Key, Value: t.Value})
	}
	if key != "" {
		tags = append(tags, ims.Tag{Key: messages.MarkerKey, Value: key})
	}
	if len(tags) == 0 {
		return nil
	}
	return c.AddImageTags(ctx, imageID, tags...)
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

// gather goes through lists to their ends and keeps the candidates that fit,
// each once.
func gather(ctx context.Context, c imagePager, s Search, fits func(ims.Image) bool, lists ...ims.ImageFilter) ([]ims.Image, error) {
	var kept []ims.Image
	seen := make(map[string]bool)
	for _, filter := range lists {
		for page, err := range c.ImagePages(ctx, filter) {
			if err != nil {
				return nil, fmt.Errorf("list images: %w", err)
			}
			for _, image := range page {
				if !seen[image.ID] && candidate(image, s) && fits(image) {
					seen[image.ID], kept = true, append(kept, image)
				}
			}
		}
	}
	return kept, nil
}

// bestFirst orders images by how near they are to being usable, then by age.
func bestFirst(images []ims.Image) []Found {
	slices.SortStableFunc(images, func(a, b ims.Image) int {
		return cmp.Or(cmp.Compare(distance(a.Status), distance(b.Status)), a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	var found []Found
	for _, i := range images {
		found = append(found, Found{ImageID: i.ID, Name: i.Name, Status: i.Status})
	}
	return found
}

func first(all []Found) (Found, error) {
	if len(all) == 0 {
		return Found{}, ErrNotFound
	}
	return all[0], nil
}

// distance is how far a state is from active.
func distance(status string) int {
	order := []string{ims.ImageActive, ims.ImageSaving, ims.ImageQueued}
	if at := slices.Index(order, status); at >= 0 {
		return at
	}
	return len(order)
}

// number fits a decoded number to the client's type.
func number(n *int64) *int {
	if n == nil {
		return nil
	}
	i := int(*n)
	return &i
}

// MarkerOf returns the key that an image carries, as a tag or at the end of its
// description, and whether it carries one.
func MarkerOf(i ims.Image) (string, bool) {
	if key, tagged := i.Tag(messages.MarkerKey); tagged && messages.ValidKey(key) {
		return key, true // a tag of that name with another value is somebody else's, and says nothing of the description
	}
	at := strings.LastIndex(i.Description, messages.MarkerKey+"=")
	if at < 0 {
		return "", false
	}
	key := strings.TrimSpace(i.Description[at+len(messages.MarkerKey)+1:])
	return key, messages.ValidKey(key) && hasMarkerText(i.Description, key)
}
