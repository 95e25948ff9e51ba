package handlers

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// BulkLook is what was read of the images of one attempt of a bulk. Who keeps
// it over tries that are cut off for want of time asks the cloud for nothing
// twice, so that the tries come to an end however small the budget is. The
// zero value has read nothing. One try at a time may use it.
type BulkLook struct {
	client bulkReader
	listed []ims.Image
	whole  bool // listed are all
	asked  map[string]legImage
}

// through begins anew where the answers were those of another client: the
// cloud's entry may name another project now.
func (l *BulkLook) through(c bulkReader) {
	if l.client != c {
		*l = BulkLook{client: c, asked: map[string]legImage{}}
	}
}

// list goes on with the list where the last try ended. Where the cloud refuses
// that, as the image may be gone after which it goes on, the next try begins
// with the first page.
func (l *BulkLook) list(ctx context.Context, f ims.ImageFilter) ([]ims.Image, error) {
	if l.whole {
		return l.listed, nil
	}
	resumed := len(l.listed) > 0
	if resumed {
		f = f.After(l.listed[len(l.listed)-1].ID)
	}
	for page, err := range l.client.ImagePages(ctx, f) {
		if err != nil && resumed && ims.VerdictOf(err) == ims.Refused {
			l.listed = nil
			return l.list(ctx, f.After(""))
		}
		if err != nil {
			return nil, fmt.Errorf("list the images of a bulk: %w", err)
		}
		l.listed = append(l.listed, page...)
	}
	l.whole = true
	return l.listed, nil
}

// image asks for one image, unless that was answered.
func (l *BulkLook) image(ctx context.Context, id string) (legImage, error) {
	if found, asked := l.asked[id]; asked {
		return found, nil
	}
	image, err := l.client.Image(ctx, id)
	if err != nil && !errors.Is(err, ims.ErrNotFound) {
		return legImage{}, fmt.Errorf("read image %s of a bulk: %w", id, err)
	}
	image.ID = id
	l.asked[id] = legImage{image, err}
	return l.asked[id], nil
}

// images finds the images that a bulk is about, each once.
func (l *BulkLook) images(ctx context.Context, d messages.BulkCopy) ([]legImage, error) {
	if d.Query != nil {
		return l.queried(ctx, *d.Query)
	}
	known := map[string]ims.Image{}
	if len(d.Images) > mostAsked {
		listed, err := l.list(ctx, ims.ImageFilter{Type: typePrivate})
		if err != nil {
			return nil, err
		}
		for _, image := range listed {
			known[image.ID] = image
		}
	}
	return l.named(ctx, d.Images, known)
}

// named finds images by their ids, those first that are known from the list.
func (l *BulkLook) named(ctx context.Context, ids []string, known map[string]ims.Image) ([]legImage, error) {
	seen, images := map[string]bool{}, make([]legImage, 0, len(ids))
	for _, id := range ids {
		if id = strings.ToLower(id); seen[id] {
			continue
		}
		seen[id] = true
		found, err := legImage{Image: known[id]}, error(nil)
		if found.ID == "" {
			found, err = l.image(ctx, id)
		}
		if err != nil {
			return nil, err
		}
		images = append(images, found)
	}
	return images, nil
}

// queried lists what a query chooses. Images that are still being made are left
// out: they are none yet.
func (l *BulkLook) queried(ctx context.Context, q messages.BulkQuery) (images []legImage, err error) {
	filter := ims.ImageFilter{Type: typePrivate, Status: ims.ImageActive}
	if q.Tag != nil {
		filter.Tag = q.Tag.Key + "=" + q.Tag.Value
	}
	if q.NewerThan != nil {
		filter.CreatedSince = *q.NewerThan
	}
	listed, err := l.list(ctx, filter)
	if err != nil {
		return nil, err
	}
	for _, image := range listed {
		if chooses(q, image) {
			images = append(images, legImage{Image: image})
		}
	}
	return images, nil
}
