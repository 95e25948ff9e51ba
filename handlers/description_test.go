package handlers

import (
	"testing"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// TestUnmarkDescription takes off the marker and nothing else, once.
func TestUnmarkDescription(t *testing.T) {
	t.Parallel()
	marker := messages.MarkerKey + "=" + key
	for before, after := range map[string]string{
		"for staging " + marker: "for staging",
		marker:                  "",
		"for staging":           "for staging",
		marker + " is not last": marker + " is not last",
		"":                      "",
	} {
		description := before
		changes := 0
		cloud := fakeCloud{
			image: func(id string) (ims.Image, error) { return ims.Image{ID: id, Description: description}, nil },
			updateImage: func(_ string, patches []ims.ImagePatch) error {
				changes++
				description = patches[0].Value
				return nil
			},
		}
		for range 2 {
			if err := unmarkDescription(t.Context(), cloud, sourceID); err != nil {
				t.Fatal(err)
			}
		}
		if description != after || changes > 1 {
			t.Errorf("%q becomes %q in %d changes, want %q", before, description, changes, after)
		}
	}
}
