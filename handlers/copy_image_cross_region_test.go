package handlers

import (
	"context"
	"testing"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// crosser is the demo of both regions.
type crosser struct {
	fakeCloud
	source ims.Image
	sent   ims.CrossRegionCopy
}

func (f *crosser) CopyImageCrossRegion(_ context.Context, _ string, r ims.CrossRegionCopy) (string, error) {
	f.sent = r
	return "job-1", nil
}

func (f *crosser) Image(_ context.Context, id string) (ims.Image, error) {
	if f.source.ID != id {
		return ims.Image{}, notFound(id)
	}
	return f.source, nil
}

func (f *crosser) AddImageTags(context.Context, string, ...ims.Tag) error { return nil }

func toRegion() messages.CopyImageCrossRegion {
	return messages.CopyImageCrossRegion{ImageID: sourceID, Name: "n", Description: "d", Region: "r", ProjectName: "p", AgencyName: "a"}
}

func TestSubmitCrossRegion(t *testing.T) {
	t.Parallel()
	cloud := &crosser{}
	data := toRegion()
	data.VaultID = "v"
	done, err := submitCrossRegion(t.Context(), cloud, data, Call{Key: key})
	want := ims.CrossRegionCopy{Name: "n", Description: "d ims-request=" + key, Region: "r", ProjectName: "p", AgencyName: "a", VaultID: "v"}
	if done != (Submission{JobID: "job-1"}) || err != nil || cloud.sent != want {
		t.Errorf("%+v, %v; sent %+v", done, err, cloud.sent)
	}
}

func TestAllReplicas(t *testing.T) {
	t.Parallel()
	ours := func(i *ims.Image) { i.Description, i.OriginalImage = "d ims-request="+key, sourceID }
	cloud := &crosser{fakeCloud: fakeCloud{listed: []ims.Image{row("a", nil), row("b", ours), row("held", ours),
		row("c", func(i *ims.Image) { ours(i); i.OriginalImage = "other" }), row("d", func(i *ims.Image) { ours(i); i.Registered, i.Status = false, ims.ImageSaving })}}}
	images, err := allReplicas(t.Context(), cloud, toRegion(), Search{Key: key, Since: sent, Exclude: []string{"held"}})
	expectFound(t, images, err, "b d")
}

func TestCrossRegionByProfile(t *testing.T) {
	t.Parallel()
	operation, _ := Lookup("copy-image-cross-region")
	data := []byte(`{"image_id":"` + sourceID + `","name":"镜像","region":"cn-south-1","project_name":"cn-south-1_x","agency_name":"ims_admin","image_tags":[{"key":"a","value":"b"}]}`)
	work, problems := operation.Decode(data, ims.ProfileHuawei)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if to, abroad := work.Destination(); !abroad || to != (Destination{Region: "cn-south-1", Project: "cn-south-1_x"}) {
		t.Errorf("destination %+v, %t", to, abroad)
	}
	if _, problems := operation.Decode(data, ims.ProfileOTC); len(problems) != 2 {
		t.Errorf("profile otc: %v", problems)
	}
}

func TestCrossRegionChecks(t *testing.T) {
	t.Parallel()
	image := func(change func(*ims.Image)) ims.Image {
		i := ims.Image{ID: sourceID, Status: ims.ImageActive, Type: "private"}
		change(&i)
		return i
	}
	for code, source := range map[string]ims.Image{
		"":         image(func(*ims.Image) {}),
		"IMG.0027": {},
		"IMG.0106": image(func(i *ims.Image) { i.Type = typeShared }),
		"IMG.0083": image(func(i *ims.Image) { i.Type = typePublic }),
		"IMG.0167": image(func(i *ims.Image) { i.VirtualEnv = envISO }),
		"IMG.0143": image(func(i *ims.Image) { i.Encrypted = true }),
		"IMG.0046": image(func(i *ims.Image) { i.Status = ims.ImageQueued }),
		"IMG.0184": image(func(i *ims.Image) { i.Whole = true }),
	} {
		expectCode(t, ask(t.Context(), crossRegionChecks(), regionCopier(&crosser{source: source}), toRegion()), code)
	}
	whole := toRegion()
	whole.VaultID = "v"
	expectCode(t, ask(t.Context(), crossRegionChecks(), regionCopier(&crosser{source: image(func(i *ims.Image) { i.Whole = true })}), whole), "")
}
