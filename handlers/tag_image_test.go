package handlers

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// taggedImage is an image with tags, and what was called.
type taggedImage struct {
	has    []ims.Tag
	err    error // of changes
	gone   bool
	called string
	sent   []ims.Tag
	keys   []string
}

func (f *taggedImage) AddImageTag(_ context.Context, _ string, tag ims.Tag) error {
	f.called, f.sent = "AddImageTag", []ims.Tag{tag}
	return f.err
}

func (f *taggedImage) AddImageTags(_ context.Context, _ string, tags ...ims.Tag) error {
	f.called, f.sent = "AddImageTags", tags
	return f.err
}

func (f *taggedImage) DeleteImageTag(_ context.Context, _, key string) error {
	f.called, f.keys = "DeleteImageTag", []string{key}
	return f.err
}

func (f *taggedImage) DeleteImageTags(_ context.Context, _ string, keys ...string) error {
	f.called, f.keys = "DeleteImageTags", keys
	return f.err
}

func (f *taggedImage) ImageTags(context.Context, string) ([]ims.Tag, error) {
	if f.gone {
		return nil, &ims.Error{Call: "ImageTags", Status: 400, Code: "IMG.0027"}
	}
	return f.has, nil
}

func tagData(action string, tags ...messages.Tag) messages.TagImage {
	return messages.TagImage{ImageID: sourceID, Action: action, Tags: tags}
}

func TestSubmitTags(t *testing.T) {
	t.Parallel()
	a, b := messages.Tag{Key: "a", Value: "1"}, messages.Tag{Key: "b"}
	for _, c := range []struct {
		data   messages.TagImage
		called string
		sent   []ims.Tag
		keys   []string
	}{
		{tagData("", a), "AddImageTag", []ims.Tag{{Key: "a", Value: "1"}}, nil},
		{tagData("create", a, b), "AddImageTags", []ims.Tag{{Key: "a", Value: "1"}, {Key: "b"}}, nil},
		{tagData("delete", b), "DeleteImageTag", nil, []string{"b"}},
		{tagData("delete", a, b), "DeleteImageTags", nil, []string{"a", "b"}},
	} {
		cloud := &taggedImage{}
		done, err := submitTags(t.Context(), cloud, c.data, Call{Key: key})
		if done != (Submission{}) || err != nil || cloud.called != c.called || !reflect.DeepEqual(cloud.sent, c.sent) || !reflect.DeepEqual(cloud.keys, c.keys) {
			t.Errorf("%+v: %+v, %v; called %+v", c.data, done, err, cloud)
		}
	}
}

// TestSubmitTagsMissingKey: taking off what is not there is done; an image that
// is not there is a mistake.
func TestSubmitTagsMissingKey(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]ims.Verdict{"IMG.0121": ims.Accepted, "HTTP.404": ims.Accepted, "IMG.0027": ims.Refused, "IMG.0144": ims.Refused} {
		cloud := &taggedImage{err: &ims.Error{Call: "DeleteImageTag", Status: 404, Code: code}}
		_, err := submitTags(t.Context(), cloud, tagData("delete", messages.Tag{Key: "a"}), Call{})
		if got := ims.VerdictOf(err); got != want {
			t.Errorf("%s: %v, want %v", code, got, want)
		}
	}
}

func TestFindTags(t *testing.T) {
	t.Parallel()
	has := []ims.Tag{{Key: "a", Value: "1"}, {Key: "b"}}
	for name, c := range map[string]struct {
		data messages.TagImage
		done bool
	}{
		"there":              {tagData("", messages.Tag{Key: "a", Value: "1"}, messages.Tag{Key: "b"}), true},
		"other value":        {tagData("", messages.Tag{Key: "a", Value: "2"}), false},
		"one is missing":     {tagData("create", messages.Tag{Key: "b"}, messages.Tag{Key: "c"}), false},
		"gone":               {tagData("delete", messages.Tag{Key: "c"}), true},
		"not gone":           {tagData("delete", messages.Tag{Key: "c"}, messages.Tag{Key: "a", Value: "2"}), false},
		"value of what goes": {tagData("delete", messages.Tag{Key: "b", Value: "9"}), false},
	} {
		found, err := findTags(t.Context(), &taggedImage{has: has}, c.data, Search{})
		if found.Done != c.done || errors.Is(err, ErrNotFound) == c.done {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
	if _, err := findTags(t.Context(), &taggedImage{gone: true}, tagData("", messages.Tag{Key: "a"}), Search{}); ims.VerdictOf(err) != ims.Refused {
		t.Errorf("image that is gone: %v", err)
	}
}

func TestCheckTagRoom(t *testing.T) {
	t.Parallel()
	var nine []ims.Tag
	for _, k := range "abcdefghi" {
		nine = append(nine, ims.Tag{Key: string(k)})
	}
	tag := func(key string) messages.Tag { return messages.Tag{Key: key} }
	for name, c := range map[string]struct {
		cloud *taggedImage
		data  messages.TagImage
		want  ims.Verdict
	}{
		"tenth":        {&taggedImage{has: nine}, tagData("", tag("x")), ims.Accepted},
		"eleventh":     {&taggedImage{has: nine}, tagData("", tag("x"), tag("y")), ims.Refused},
		"known keys":   {&taggedImage{has: nine}, tagData("", tag("a"), tag("b"), tag("x")), ims.Accepted},
		"taken off":    {&taggedImage{has: nine}, tagData("delete", tag("x"), tag("y")), ims.Accepted},
		"no image":     {&taggedImage{gone: true}, tagData("", tag("x")), ims.Refused},
		"gone, delete": {&taggedImage{gone: true}, tagData("delete", tag("x")), ims.Refused},
	} {
		if got := ims.VerdictOf(checkTagRoom(t.Context(), c.cloud, c.data)); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
