package handlers

import (
	"errors"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
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
