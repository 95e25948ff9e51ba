package handlers

import (
	"context"
	"errors"
	"testing"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// exporter is an image that can be exported.
type exporter struct {
	image ims.Image
	sent  ims.ImageExport
	err   error
}

func (f *exporter) ExportImage(_ context.Context, _ string, e ims.ImageExport) (string, error) {
	f.sent = e
	return "job-1", f.err
}

func (f *exporter) Image(_ context.Context, id string) (ims.Image, error) {
	if f.image.ID != id {
		return ims.Image{}, notFound(id)
	}
	return f.image, nil
}

func toBucket() messages.ExportImage {
	return messages.ExportImage{ImageID: sourceID, BucketURL: "b:f", FileFormat: "qcow2"}
}

func TestSubmitImageExport(t *testing.T) {
	t.Parallel()
	cloud := &exporter{}
	done, err := submitImageExport(t.Context(), cloud, toBucket(), Call{Key: key})
	if done != (Submission{JobID: "job-1"}) || err != nil || cloud.sent != (ims.ImageExport{BucketURL: "b:f", FileFormat: "qcow2"}) {
		t.Errorf("%+v, %v; sent %+v", done, err, cloud.sent)
	}
	cloud.err = &ims.Error{Call: "ExportImage", Status: 400, Code: "IMG.0128"}
	if _, err := submitImageExport(t.Context(), cloud, toBucket(), Call{}); ims.VerdictOf(err) != ims.Refused {
		t.Error(err)
	}
}

// TestExportedAlready: after a lost answer one refusal means that it still
// runs, another that it is done; the rest tells nothing.
func TestExportedAlready(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]error{"IMG.0148": ErrUnderWay, "IMG.0070": nil, "IMG.0009": ErrNotFound} {
		found, err := exportedAlready(toBucket(), &ims.Error{Status: 400, Code: code})
		if !errors.Is(err, want) || found.Done != (want == nil) {
			t.Errorf("%s: %+v, %v", code, found, err)
		}
		if found.Done && (*found.Result.Object != "b:f" || found.Warning == "") {
			t.Errorf("%s: %+v", code, found)
		}
	}
}

func TestExportChecks(t *testing.T) {
	t.Parallel()
	image := func(change func(*ims.Image)) ims.Image {
		i := ims.Image{ID: sourceID, Status: ims.ImageActive, Type: "private"}
		change(&i)
		return i
	}
	for code, c := range map[string]struct {
		image ims.Image
		quick bool
	}{
		"":         {image(func(*ims.Image) {}), true},
		"IMG.0027": {ims.Image{}, false},
		"IMG.0047": {image(func(i *ims.Image) { i.Type = typeShared }), false},
		"IMG.0077": {image(func(i *ims.Image) { i.Type = typePublic }), false},
		"IMG.0128": {image(func(i *ims.Image) { i.Whole, i.BackupID = true, "b" }), false},
		"IMG.0080": {image(func(i *ims.Image) { i.BackupID = "b" }), false},
		"IMG.0167": {image(func(i *ims.Image) { i.VirtualEnv = envISO }), false},
		"IMG.0046": {image(func(i *ims.Image) { i.Status = ims.ImageSaving }), false},
		"IMG.0071": {image(func(i *ims.Image) { i.Encrypted = true }), true},
	} {
		d := toBucket()
		d.Quick = c.quick
		expectCode(t, ask(t.Context(), exportImageChecks(), imageExporter(&exporter{image: c.image}), d), code)
	}
	plain := image(func(i *ims.Image) { i.Encrypted = true })
	expectCode(t, ask(t.Context(), exportImageChecks(), imageExporter(&exporter{image: plain}), toBucket()), "")
}

// TestExportMakesNoImage: the job names the image that was exported.
func TestExportMakesNoImage(t *testing.T) {
	t.Parallel()
	operation, _ := Lookup("export-image")
	work, problems := operation.Decode([]byte(`{"image_id":"`+sourceID+`","bucket_url":"images:f","is_quick_export":true}`), ims.ProfileOTC)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	o := work.Read(ims.Job{ImageID: sourceID})
	if len(o.Images) != 0 || o.Unnamed || *o.Result.Object != "images:f" {
		t.Errorf("%+v", o)
	}
}
