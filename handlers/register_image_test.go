package handlers

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// TestSubmitRegistration goes through the two calls: without an image one is
// made, marked; with one the file is named for it.
func TestSubmitRegistration(t *testing.T) {
	t.Parallel()
	size := int64(40)
	cloud := fakeCloud{
		createMetadata: func(got ims.Metadata) (string, error) {
			want := ims.Metadata{Name: "n", OSVersion: "o", Visibility: "private", Protected: true, ContainerFormat: "bare", DiskFormat: "raw",
				Tags: []string{"team=web", "ims-request=" + key}, MinRAM: new(40), MinDisk: new(40)}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("asked for\n%+v, want\n%+v", got, want)
			}
			return "image-1", nil
		},
		registerImage: func(id, url string) (string, error) { return "job of " + id + " from " + url, nil },
	}
	data := messages.RegisterImage{ImageURL: "b:f", Name: "n", OSVersion: "o", Visibility: "private", Protected: true, ContainerFormat: "bare", DiskFormat: "raw",
		Tags: []string{"team=web"}, MinRAM: &size, MinDisk: &size}
	named := messages.RegisterImage{ImageURL: "b:f", ImageID: "image-2"}
	for _, tt := range []struct {
		data messages.RegisterImage
		call Call
		want Submission
	}{
		{data, Call{Key: key}, Submission{ImageID: "image-1", More: true}},
		{data, Call{Key: key, ImageID: "image-1"}, Submission{JobID: "job of image-1 from b:f", ImageID: "image-1"}},
		{named, Call{Key: key}, Submission{JobID: "job of image-2 from b:f", ImageID: "image-2"}},
	} {
		if got, err := submitRegistration(t.Context(), cloud, tt.data, tt.call); got != tt.want || err != nil {
			t.Errorf("submission %+v, %v, want %+v", got, err, tt.want)
		}
	}
}

// isImage answers for one image.
func isImage(i ims.Image, err error) func(string) (ims.Image, error) {
	return func(string) (ims.Image, error) { return i, err }
}

// TestRegistrationRefused: a refusal of the second call is no end where an
// earlier call of the same kind was taken.
func TestRegistrationRefused(t *testing.T) {
	t.Parallel()
	saving := ims.Image{ID: "i", Status: ims.ImageSaving, DataOrigin: "file,b:f"}
	other := ims.Image{ID: "i", Status: ims.ImageActive, DataOrigin: "file,b:x"}
	untold := ims.Image{ID: "i", Status: ims.ImageActive}
	queued := ims.Image{ID: "i", Status: ims.ImageQueued}
	for name, tt := range map[string]struct {
		image ims.Image
		err   error
		given string // the image of the request
		again bool
		taken bool
		want  ims.Verdict // of what is not taken, Refused unless told
	}{
		"saving": {image: saving, taken: true}, "queued": {image: queued}, "queued since the first time": {image: queued, again: true, taken: true},
		"unread": {err: context.DeadlineExceeded}, "unread, a second time": {err: context.DeadlineExceeded, again: true, want: ims.Uncertain},
		"gone, a second time": {err: notFound("i"), again: true}, "other file": {image: other}, "other file, a second time": {image: other, again: true},
		"ours, origin untold": {image: untold, taken: true}, "theirs, origin untold": {image: untold, given: "i"},
		"theirs, same file": {image: saving, given: "i", taken: true}, "gone": {err: notFound("i")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := fakeCloud{image: isImage(tt.image, tt.err), registerImage: func(string, string) (string, error) {
				return "", &ims.Error{Call: "RegisterImage", Status: 400, Code: "IMG.0105"}
			}}
			got, err := submitRegistration(t.Context(), cloud, messages.RegisterImage{ImageURL: "b:f", ImageID: tt.given}, Call{Key: key, ImageID: "i", Again: tt.again})
			want := cmp.Or(tt.want, ims.Refused)
			if (err == nil) != tt.taken || tt.taken && got != (Submission{ImageID: "i"}) || !tt.taken && ims.VerdictOf(err) != want {
				t.Errorf("submission %+v, %v", got, err)
			}
		})
	}
}

// TestFindRegistered: what the first call made needs the second; what the
// second has begun is followed.
func TestFindRegistered(t *testing.T) {
	t.Parallel()
	made := func(status string) []ims.Image {
		return []ims.Image{row("a", func(i *ims.Image) { marked(key)(i); i.Registered, i.Status = false, status })}
	}
	in := func(status string) fakeCloud {
		return fakeCloud{image: isImage(ims.Image{ID: "i", Status: status}, nil)}
	}
	for name, tt := range map[string]struct {
		cloud fakeCloud
		data  messages.RegisterImage
		known string // the image of the first call
		want  Found
		err   error
	}{
		"first, made":      {cloud: fakeCloud{listed: made(ims.ImageQueued)}, want: Found{ImageID: "a", Name: "n", Status: ims.ImageQueued, More: true}},
		"first, and more":  {cloud: fakeCloud{listed: made(ims.ImageSaving)}, want: Found{ImageID: "a", Name: "n", Status: ims.ImageSaving}},
		"first, not made":  {err: ErrNotFound},
		"second, begun":    {cloud: in(ims.ImageSaving), known: "i", want: Found{ImageID: "i", Status: ims.ImageSaving}},
		"second, failed":   {cloud: in(ims.ImageKilled), known: "i", want: Found{ImageID: "i", Status: ims.ImageKilled}},
		"second, not yet":  {cloud: in(ims.ImageQueued), known: "i", err: ErrNotFound},
		"only second":      {cloud: in(ims.ImageActive), data: messages.RegisterImage{ImageID: "i"}, want: Found{ImageID: "i", Status: ims.ImageActive}},
		"second, row gone": {cloud: fakeCloud{image: isImage(ims.Image{}, notFound("i"))}, known: "i", err: ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := findRegistered(t.Context(), tt.cloud, tt.data, Search{Key: key, Since: sent, ImageID: tt.known})
			if !errors.Is(err, tt.err) || err == nil && !reflect.DeepEqual(got, tt.want) {
				t.Errorf("found %+v, %v, want %+v, %v", got, err, tt.want, tt.err)
			}
		})
	}
}

func TestCheckQueued(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		image   ims.Image
		err     error
		verdict ims.Verdict
	}{
		"queued": {ims.Image{Status: ims.ImageQueued}, nil, ims.Accepted}, "active": {ims.Image{Status: ims.ImageActive}, nil, ims.Refused},
		"killed": {ims.Image{Status: ims.ImageKilled}, nil, ims.Refused}, "unknown": {ims.Image{}, notFound("i"), ims.Refused},
		"being filled": {ims.Image{Status: ims.ImageSaving, DataOrigin: "file,b:f"}, nil, ims.Accepted},
	} {
		err := checkQueued(t.Context(), fakeCloud{image: isImage(tt.image, tt.err)}, messages.RegisterImage{ImageID: "i", ImageURL: "b:f"})
		if ims.VerdictOf(err) != tt.verdict {
			t.Errorf("%s: %v has verdict %v", name, err, ims.VerdictOf(err))
		}
	}
	if err := checkQueued(t.Context(), fakeCloud{}, messages.RegisterImage{ImageURL: "b:f"}); err != nil {
		t.Errorf("a new image: %v", err)
	}
}
