package handlers

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

func TestSubmitCopy(t *testing.T) {
	t.Parallel()
	for description, want := range map[string]string{
		"":          "ims-request=" + key,
		"base 2026": "base 2026 ims-request=" + key,
	} {
		cloud := fakeCloud{copyImage: func(id string, got ims.ImageCopy) (string, error) {
			wanted := ims.ImageCopy{Name: "n", Description: want, CMKID: "k", EnterpriseProjectID: "0"}
			if id != sourceID || !reflect.DeepEqual(got, wanted) {
				t.Errorf("asked for %s %+v, want %+v", id, got, wanted)
			}
			return "job-1", nil
		}}
		data := messages.CopyImage{ImageID: sourceID, Name: "n", Description: description, CmkID: "k", EnterpriseProjectID: "0"}
		done, err := submitCopy(t.Context(), cloud, data, Call{Key: key})
		if done != (Submission{JobID: "job-1"}) || err != nil {
			t.Errorf("submission %+v, %v", done, err)
		}
	}
}

func TestSubmitCopyRefused(t *testing.T) {
	t.Parallel()
	cloud := fakeCloud{copyImage: func(string, ims.ImageCopy) (string, error) {
		return "", &ims.Error{Call: "CopyImage", Status: 400, Code: "IMG.0130"}
	}}
	_, err := submitCopy(t.Context(), cloud, messages.CopyImage{ImageID: sourceID, Name: "n"}, Call{Key: key})
	if ims.VerdictOf(err) != ims.Refused {
		t.Errorf("error %v has verdict %v", err, ims.VerdictOf(err))
	}
}

func TestAllCopies(t *testing.T) {
	t.Parallel()
	ours := func(i *ims.Image) { i.Description, i.OriginalImage = "base ims-request="+key, sourceID }
	with := func(f func(*ims.Image)) func(*ims.Image) { return func(i *ims.Image) { ours(i); f(i) } }
	const none = ""
	tests := map[string]struct {
		cloud fakeCloud
		want  string
	}{
		"second_page":    {fakeCloud{listed: []ims.Image{row("a", nil), row("b", ours)}}, "b"},
		"two_copies":     {fakeCloud{listed: []ims.Image{row("a", with(func(i *ims.Image) { i.Registered, i.Status = false, ims.ImageSaving })), row("b", ours)}}, "b a"},
		"only_marker":    {fakeCloud{listed: []ims.Image{row("a", func(i *ims.Image) { i.Description = "ims-request=" + key })}}, "a"},
		"renamed":        {fakeCloud{listed: []ims.Image{row("a", with(func(i *ims.Image) { i.Name = "m" }))}}, "a"},
		"not_registered": {fakeCloud{listed: []ims.Image{row("a", with(func(i *ims.Image) { i.Registered, i.Status = false, ims.ImageQueued }))}}, "a"},
		"killed":         {fakeCloud{listed: []ims.Image{row("a", with(func(i *ims.Image) { i.Status = ims.ImageKilled }))}}, none},
		"too_old":        {fakeCloud{listed: []ims.Image{row("a", with(func(i *ims.Image) { i.CreatedAt = sent.Add(-time.Second) }))}}, none},
		"other_key":      {fakeCloud{listed: []ims.Image{row("a", with(func(i *ims.Image) { i.Description = "ims-request=" + otherKey }))}}, none},
		"not_at_the_end": {fakeCloud{listed: []ims.Image{row("a", with(func(i *ims.Image) { i.Description = "ims-request=" + key + " x" }))}}, none},
		"part_of_a_word": {fakeCloud{listed: []ims.Image{row("a", with(func(i *ims.Image) { i.Description = "my-ims-request=" + key }))}}, none},
		"copy_of_copy":   {fakeCloud{listed: []ims.Image{row("a", with(func(i *ims.Image) { i.OriginalImage = "first-copy" }))}}, none},
		"excluded":       {fakeCloud{listed: []ims.Image{row("held", ours)}}, none},
		"list_fails":     {fakeCloud{listErr: errors.New("reset")}, "list images: reset"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := messages.CopyImage{ImageID: sourceID, Name: "n", Description: "base"}
			found, err := allCopies(t.Context(), test.cloud, data, Search{Key: key, Since: sent, Exclude: []string{"held"}})
			expectFound(t, found, err, test.want)
		})
	}
}
