package handlers

import (
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// ExpandImages is Expand for images at hand.
func ExpandImages(images []ims.Image, d messages.BulkCopy, targets []BulkTarget, on time.Time) []Leg {
	var all []legImage
	for _, i := range images {
		all = append(all, legImage{Image: i})
	}
	return expand(all, d, targets, on)
}

// Chooses reports whether a query chooses an image.
func Chooses(q messages.BulkQuery, i ims.Image) bool { return chooses(q, i) }
