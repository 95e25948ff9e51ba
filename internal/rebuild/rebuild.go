// Package rebuild finds requests again at the cloud when the broker has lost
// them: by the markers that their images carry. It asks for lists and writes
// nothing, neither at the cloud nor at a broker. What is to be done with what
// it finds is a person's decision.
package rebuild

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ims"
)

// Image is one image that carries a marker.
type Image struct {
	Key       string    `json:"key"`
	ImageID   string    `json:"image_id"`
	Name      string    `json:"name"`
	Status    string    `json:"status"` // the cloud's word: active, saving, queued, killed
	CreatedAt time.Time `json:"created_at"`
	MadeFrom  string    `json:"made_from,omitempty"` // such as "backup <id>", as far as the cloud tells
}

// Report is all that is known of a cloud's requests without a broker.
type Report struct {
	Cloud         string    `json:"cloud"`
	Images        []Image   `json:"images"` // oldest first
	Requests      []Request `json:"requests,omitempty"`
	CannotBeKnown []string  `json:"cannot_be_known"`
}

// lister is what of the cloud's client this needs.
type lister interface {
	ImagePages(ctx context.Context, f ims.ImageFilter) iter.Seq2[[]ims.Image, error]
}

// Find goes through all private images of the cloud's account, those that are
// not registered yet included, and returns the ones that carry a marker. It
// blocks for two calls per 500 images. An image whose row appears only later is
// missing (API reference 4.10).
func Find(ctx context.Context, cloud string, api lister) (Report, error) {
	found := make(map[string]Image)
	for _, native := range []bool{false, true} {
		for page, err := range api.ImagePages(ctx, ims.ImageFilter{Type: "private", Native: native}) {
			if err != nil {
				return Report{}, fmt.Errorf("list the images of cloud %s: %w", cloud, err)
			}
			gather(found, page)
		}
	}
	images := slices.AppendSeq(make([]Image, 0, len(found)), func(yield func(Image) bool) {
		for _, image := range found {
			if !yield(image) {
				return
			}
		}
	})
	slices.SortFunc(images, func(a, b Image) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ImageID, b.ImageID))
	})
	return Report{Cloud: cloud, Images: images, CannotBeKnown: unknowable()}, nil
}

// gather keeps what carries a marker; the extended list, which comes first,
// tells more of an image than the native one.
func gather(found map[string]Image, page []ims.Image) {
	for _, i := range page {
		key, marked := handlers.MarkerOf(i)
		if _, known := found[i.ID]; known || !marked || i.Status == ims.ImageDeleted {
			continue
		}
		found[i.ID] = Image{Key: key, ImageID: i.ID, Name: i.Name, Status: i.Status, CreatedAt: i.CreatedAt, MadeFrom: madeFrom(i)}
	}
}

func madeFrom(i ims.Image) string {
	switch {
	case i.BackupID != "":
		return "backup " + i.BackupID
	case i.OriginalImage != "":
		return "image " + i.OriginalImage
	}
	return strings.Replace(i.DataOrigin, ",", " ", 1)
}

// unknowable is what no list of images tells.
func unknowable() []string {
	return []string{
		"requests that were not submitted yet, and jobs whose image is not in the lists yet: an image may still come of them for as long as such a job takes",
		"jobs: the cloud has no list of them, so an image that is queued or saving has to be watched by hand until it is active",
		"exports, shares, answers to shares, tags, updates and deletions: they leave no marker. Look at the bucket, the members, the image",
		"images of requests with keep_marker false, and images made from volumes or by copying that were not marked yet when the broker was lost",
		"copies into another region lie in the destination's account: run rebuild for that cloud too, with --from",
		"whether the final event of a request was published and read",
	}
}
