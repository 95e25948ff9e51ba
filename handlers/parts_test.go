package handlers

import (
	"errors"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/internal/ims"
)

// TestFindParts: the images of one request are found together, each part once
// and in order; the finding is as far as the last of them.
func TestFindParts(t *testing.T) {
	t.Parallel()
	of := func(id, origin, status string) ims.Image {
		return row(id, func(i *ims.Image) { i.DataOrigin, i.Status = origin, status })
	}
	for name, tt := range map[string]struct {
		images  []ims.Image
		want    string // of parts; the followed image stands before them
		status  string
		missing int
	}{
		"both":        {[]ims.Image{of("b", "volume,2", "active"), of("a", "volume,1", "active")}, "a: a b", "active", 0},
		"one saving":  {[]ims.Image{of("b", "volume,2", "saving"), of("a", "volume,1", "active")}, "b: a b", "saving", 0},
		"one missing": {[]ims.Image{of("b", "volume,2", "active")}, "b: b", "queued", 1},
		"a twin":      {[]ims.Image{of("b", "volume,2", "active"), of("a", "volume,1", "active"), of("c", "volume,1", "saving")}, "a: a b", "active", 0},
		"one untold":  {[]ims.Image{of("b", "", "active"), of("a", "volume,1", "active")}, "a: a b", "active", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := findParts(tt.images, []string{"volume,1", "volume,2"})
			var ids []string
			for _, p := range found.Parts {
				ids = append(ids, p.ImageID)
			}
			if got := found.ImageID + ": " + strings.Join(ids, " "); err != nil || got != tt.want || found.Status != tt.status || found.Missing != tt.missing {
				t.Errorf("found %s, %s, %d missing, %v, want %+v", got, found.Status, found.Missing, err, tt)
			}
		})
	}
	if found, err := findParts([]ims.Image{of("a", "volume,1", "saving")}, []string{"volume,1"}); err != nil || found.Parts != nil || found.Status != ims.ImageSaving {
		t.Errorf("of one part: %+v, %v", found, err)
	}
	if _, err := findParts(nil, []string{"volume,1"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("of nothing: %v", err)
	}
}
