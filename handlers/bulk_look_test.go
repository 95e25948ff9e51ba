package handlers

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// cutList lists two pages of one image each, and may fail between them or
// refuse to go on.
type cutList struct {
	cut, gone bool
	asked     []string // with what it began
}

func (c *cutList) ImagePages(_ context.Context, f ims.ImageFilter) iter.Seq2[[]ims.Image, error] {
	return func(yield func([]ims.Image, error) bool) {
		resumed := f != f.After("")
		c.asked = append(c.asked, map[bool]string{true: "rest", false: "all"}[resumed])
		switch {
		case resumed && c.gone:
			yield(nil, &ims.Error{Status: 404, Code: "IMG.0027"})
			return
		case !resumed && !yield([]ims.Image{{ID: "one", Name: "a"}}, nil):
			return
		case c.cut:
			yield(nil, context.DeadlineExceeded)
			return
		}
		yield([]ims.Image{{ID: "two", Name: "b"}}, nil)
	}
}

func (*cutList) Image(context.Context, string) (ims.Image, error) {
	return ims.Image{}, ims.ErrNotFound
}

// TestBulkLookGoesOn where it was cut off, and begins anew where the image is
// gone after which it would go on.
func TestBulkLookGoesOn(t *testing.T) {
	t.Parallel()
	for _, gone := range []bool{false, true} {
		c, look := &cutList{cut: true, gone: gone}, &BulkLook{}
		d := messages.BulkCopy{Query: &messages.BulkQuery{Name: "*"}}
		look.through(c)
		if _, err := look.images(t.Context(), d); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		c.cut = false
		look.through(c)
		found, err := look.images(t.Context(), d)
		if err != nil || len(found) != 2 || found[0].ID != "one" || found[1].ID != "two" {
			t.Errorf("gone %t: found %v, %v", gone, found, err)
		}
		if want := map[bool]int{false: 2, true: 3}[gone]; len(c.asked) != want {
			t.Errorf("gone %t: asked %v", gone, c.asked)
		}
	}
}

// TestBulkLookOfAnotherClient keeps nothing of the one before.
func TestBulkLookOfAnotherClient(t *testing.T) {
	t.Parallel()
	look, d := &BulkLook{}, messages.BulkCopy{Images: []string{"one"}}
	for range 2 {
		look.through(&cutList{})
		if len(look.asked) != 0 {
			t.Errorf("kept %v", look.asked)
		}
		if found, err := look.images(t.Context(), d); err != nil || len(found) != 1 || found[0].missing == nil {
			t.Errorf("found %v, %v", found, err)
		}
	}
}
