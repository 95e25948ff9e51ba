package handlers

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

func TestBestFirst(t *testing.T) {
	t.Parallel()
	with := func(id, status string, age time.Duration) ims.Image {
		return row(id, func(i *ims.Image) { i.Status, i.CreatedAt = status, sent.Add(-age) })
	}
	images := []ims.Image{
		with("strange", "polishing", time.Hour), with("queued", ims.ImageQueued, 3*time.Hour), with("young", ims.ImageActive, 0),
		with("saving", ims.ImageSaving, 2*time.Hour), with("old", ims.ImageActive, time.Hour), with("also-old", ims.ImageActive, time.Hour),
	}
	expectFound(t, images, nil, "also-old old young saving queued strange")
}

func TestFirst(t *testing.T) {
	t.Parallel()
	if _, err := first(nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("nothing found: %v", err)
	}
	if got, err := first([]Found{{ImageID: "a"}, {ImageID: "b"}}); got.ImageID != "a" || err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestPutTags has own tags, the marker, both and neither.
func TestPutTags(t *testing.T) {
	t.Parallel()
	own := []messages.Tag{{Key: "team", Value: "web"}}
	for name, test := range map[string]struct {
		own  []messages.Tag
		key  string
		want []ims.Tag
	}{
		"both":    {own, key, []ims.Tag{{Key: "team", Value: "web"}, {Key: "ims-request", Value: key}}},
		"marker":  {nil, key, []ims.Tag{{Key: "ims-request", Value: key}}},
		"own":     {own, "", []ims.Tag{{Key: "team", Value: "web"}}},
		"neither": {nil, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []ims.Tag
			cloud := fakeCloud{addImageTags: func(id string, tags []ims.Tag) error {
				if id != sourceID {
					t.Errorf("image %s", id)
				}
				got = tags
				return nil
			}}
			if err := putTags(t.Context(), cloud, sourceID, test.own, test.key); err != nil || !slices.Equal(got, test.want) {
				t.Errorf("put %v, %v, want %v", got, err, test.want)
			}
		})
	}
}
