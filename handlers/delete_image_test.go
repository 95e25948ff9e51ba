package handlers

import (
	"context"
	"errors"
	"testing"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// deleter is an image that may be deleted; nil is none.
type deleter struct {
	image      *ims.Image
	err        error
	withBackup bool
}

func (f *deleter) DeleteImage(_ context.Context, _ string, withBackup bool) error {
	f.withBackup = withBackup
	return f.err
}

func (f *deleter) Image(_ context.Context, id string) (ims.Image, error) {
	if f.image == nil {
		return ims.Image{}, notFound(id)
	}
	return *f.image, nil
}

func TestSubmitDelete(t *testing.T) {
	t.Parallel()
	for _, withBackup := range []bool{false, true} {
		cloud := &deleter{}
		done, err := submitDelete(t.Context(), cloud, messages.DeleteImage{ImageID: sourceID, DeleteBackup: withBackup}, Call{Key: key})
		if done != (Submission{}) || err != nil || cloud.withBackup != withBackup {
			t.Errorf("with backup %t: %+v, %v, sent %t", withBackup, done, err, cloud.withBackup)
		}
	}
	gone := &deleter{err: &ims.Error{Call: "DeleteImage", Status: 404, Code: "HTTP.404"}}
	for again, want := range map[bool]ims.Verdict{false: ims.Refused, true: ims.Accepted} {
		_, err := submitDelete(t.Context(), gone, messages.DeleteImage{ImageID: sourceID}, Call{Again: again})
		if got := ims.VerdictOf(err); got != want {
			t.Errorf("image that is not there, again %t: %v, want %v", again, got, want)
		}
	}
	cloud := &deleter{err: &ims.Error{Call: "DeleteImage", Status: 400, Code: "IMG.0090"}}
	if _, err := submitDelete(t.Context(), cloud, messages.DeleteImage{ImageID: sourceID}, Call{}); ims.VerdictOf(err) != ims.Park {
		t.Errorf("an image being made: %v", err)
	}
}

func TestFindDeleted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		image *ims.Image
		done  bool
	}{
		"gone":    {nil, true},
		"deleted": {&ims.Image{ID: sourceID, Status: ims.ImageDeleted}, true},
		"there":   {&ims.Image{ID: sourceID, Status: ims.ImageActive}, false},
		"killed":  {&ims.Image{ID: sourceID, Status: ims.ImageKilled}, false},
	} {
		found, err := findDeleted(t.Context(), &deleter{image: c.image}, messages.DeleteImage{ImageID: sourceID}, Search{})
		if found.Done != c.done || errors.Is(err, ErrNotFound) == c.done {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
}

func TestCheckDeletable(t *testing.T) {
	t.Parallel()
	for want, image := range map[string]*ims.Image{
		"":         {ID: sourceID, Status: ims.ImageActive, Type: "private"},
		"IMG.0094": {ID: sourceID, Status: ims.ImageActive, Type: typePublic},
		"IMG.0092": {ID: sourceID, Status: ims.ImageActive, Type: typeShared},
		"IMG.0091": {ID: sourceID, Status: ims.ImageActive, Protected: true},
		"IMG.0090": {ID: sourceID, Status: ims.ImageSaving},
	} {
		expectCode(t, checkDeletable(t.Context(), &deleter{image: image}, messages.DeleteImage{ImageID: sourceID}), want)
	}
	expectCode(t, checkDeletable(t.Context(), &deleter{}, messages.DeleteImage{ImageID: sourceID}), "")
}

// expectCode compares the code of a refusal; "" is none.
func expectCode(t *testing.T, err error, want string) {
	t.Helper()
	got := ""
	if e, ok := errors.AsType[*ims.Error](err); ok {
		got = e.Code
	}
	if got != want || (err == nil) != (want == "") {
		t.Errorf("refused with %v, want code %q", err, want)
	}
}
