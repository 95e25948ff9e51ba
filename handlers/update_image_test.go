package handlers

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// updater is an image with attributes; it takes patches as the cloud does.
type updater struct {
	has   map[string]string
	err   error // of the next update
	calls [][]ims.ImagePatch
}

func (f *updater) UpdateImage(_ context.Context, _ string, patches ...ims.ImagePatch) error {
	f.calls = append(f.calls, patches)
	if err := f.err; err != nil {
		f.err = nil
		return err
	}
	for _, p := range patches {
		if _, there := f.has[p.Path[1:]]; there != (p.Op == ims.PatchReplace) {
			return &ims.Error{Call: "UpdateImage", Status: 400, Code: "IMG.0035"}
		}
	}
	for _, p := range patches {
		f.has[p.Path[1:]] = p.Value
	}
	return nil
}

func (f *updater) Image(_ context.Context, id string) (ims.Image, error) {
	return ims.Image{ID: id, Status: ims.ImageActive}, nil
}

func (f *updater) ImageAttributes(context.Context, string) (map[string]string, error) {
	if f.has == nil {
		return nil, notFound(sourceID)
	}
	return f.has, nil
}

func allAttributes() messages.UpdateImage {
	text, number, yes := "x", int64(1024), true
	return messages.UpdateImage{
		ImageID: sourceID, Name: &text, Description: &text, MinRAM: &number, MaxRAM: &number, EnterpriseProjectID: &text,
		FirmwareType: &text, SupportKVM: &yes, SupportXen: &yes, SupportFCInject: &yes, SupportARM: &yes,
	}
}

func TestSubmitUpdate(t *testing.T) {
	t.Parallel()
	name, most := "new", int64(0)
	data := messages.UpdateImage{ImageID: sourceID, Name: &name, MaxRAM: &most}
	for label, c := range map[string]struct {
		has  map[string]string
		want string
	}{
		"all there":   {map[string]string{"name": "old", "max_ram": "1024"}, "replace replace"},
		"one missing": {map[string]string{"name": "old"}, "replace replace, replace add"},
		"all missing": {map[string]string{}, "replace replace, add add"},
	} {
		cloud := &updater{has: c.has}
		done, err := submitUpdate(t.Context(), cloud, data, Call{Key: key})
		if done != (Submission{}) || err != nil {
			t.Errorf("%s: %+v, %v", label, done, err)
		}
		if want := map[string]string{"name": "new", "max_ram": "0"}; !reflect.DeepEqual(cloud.has, want) || ops(cloud.calls) != c.want {
			t.Errorf("%s: has %v after %q, want %v after %q", label, cloud.has, ops(cloud.calls), want, c.want)
		}
	}
}

func ops(calls [][]ims.ImagePatch) (text string) {
	for i, call := range calls {
		if i > 0 {
			text += ", "
		}
		for j, p := range call {
			if j > 0 {
				text += " "
			}
			text += p.Op
		}
	}
	return text
}

func TestSubmitUpdateRefused(t *testing.T) {
	t.Parallel()
	cloud := &updater{has: map[string]string{}, err: &ims.Error{Call: "UpdateImage", Status: 400, Code: "IMG.0047"}}
	if _, err := submitUpdate(t.Context(), cloud, allAttributes(), Call{}); ims.VerdictOf(err) != ims.Refused || len(cloud.calls) != 1 {
		t.Errorf("%v after %d calls", err, len(cloud.calls))
	}
	gone := &updater{err: &ims.Error{Call: "UpdateImage", Status: 400, Code: "IMG.0035"}}
	if _, err := submitUpdate(t.Context(), gone, allAttributes(), Call{}); !errors.Is(err, ims.ErrNotFound) {
		t.Errorf("an image that is gone: %v", err)
	}
}

// TestAllAttributes: each field of the data reaches the image under its own
// name, as a text.
func TestAllAttributes(t *testing.T) {
	t.Parallel()
	cloud := &updater{has: map[string]string{}}
	if _, err := submitUpdate(t.Context(), cloud, allAttributes(), Call{}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"name": "x", "__description": "x", "min_ram": "1024", "max_ram": "1024", "enterprise_project_id": "x", "hw_firmware_type": "x",
		"__support_kvm": "true", "__support_xen": "true", "__support_fc_inject": "true", "__support_arm": "true",
	}
	if !reflect.DeepEqual(cloud.has, want) {
		t.Errorf("image has %v, want %v", cloud.has, want)
	}
	if found, err := findUpdate(t.Context(), cloud, allAttributes(), Search{}); !found.Done || err != nil {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestFindUpdate(t *testing.T) {
	t.Parallel()
	empty, yes := "", true
	data := messages.UpdateImage{ImageID: sourceID, Description: &empty, SupportKVM: &yes}
	for name, c := range map[string]struct {
		has  map[string]string
		done bool
	}{
		"empty is as good as absent": {map[string]string{"__support_kvm": "True"}, true},
		"flag not set":               {map[string]string{}, false},
		"other value":                {map[string]string{"__support_kvm": "true", "__description": "d"}, false},
	} {
		found, err := findUpdate(t.Context(), &updater{has: c.has}, data, Search{})
		if found.Done != c.done || errors.Is(err, ErrNotFound) == c.done {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
}
