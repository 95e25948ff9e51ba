package handlers

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
)

const (
	key      = "mfrggzdfmztwq2lknnwg23tpob"
	otherKey = "nfrggzdfmztwq2lknnwg23tpob"
	backupID = "9b27efab-4a17-4c06-bfa2-3e0cf021d3c3"
	serverID = "94eba8b2-acc9-4d82-badc-127144cc5526"
	sourceID = "465076de-dc36-4aec-80f5-ef9d8009428f"
)

var sent = time.Date(2026, 11, 21, 22, 0, 0, 0, time.UTC)

// fakeCloud answers the calls of all operations; a call whose function is not
// set is a mistake of the test or of the operation.
type fakeCloud struct {
	createWholeImage func(ims.WholeImage) (string, error)
	copyImage        func(string, ims.ImageCopy) (string, error)
	listed           []ims.Image // shown by both lists if registered, else by the native one
	listErr          error
	image            func(string) (ims.Image, error)
	backup           func(string) (ims.Backup, error)
	deleteImageTag   func(string, string) error
	addImageTags     func(string, []ims.Tag) error
	updateImage      func(string, []ims.ImagePatch) error
	createImage      func(ims.NewImage) (string, error)
	createDataImage  func(ims.DataFile) (string, error)
	importImage      func(ims.QuickImport) (string, error)
	createMetadata   func(ims.Metadata) (string, error)
	registerImage    func(imageID, imageURL string) (string, error)
	job              func(string) (ims.Job, error)
	exportVolume     func(string, ims.VolumeUpload) (string, error)
	volume           func(string) (ims.Volume, error)
	vault            func(string) (ims.Vault, error)
	member           func(string) (ims.Member, error)
	region           string
	quotas           []ims.Quota
	quotasErr        error
	versions         []ims.OSVersion
}

func (f fakeCloud) CreateWholeImage(_ context.Context, w ims.WholeImage) (string, error) {
	return f.createWholeImage(w)
}

func (f fakeCloud) CopyImage(_ context.Context, imageID string, i ims.ImageCopy) (string, error) {
	return f.copyImage(imageID, i)
}

func (f fakeCloud) Image(_ context.Context, id string) (ims.Image, error) { return f.image(id) }

func (f fakeCloud) Backup(_ context.Context, id string) (ims.Backup, error) { return f.backup(id) }

func (f fakeCloud) DeleteImageTag(_ context.Context, imageID, tag string) error {
	return f.deleteImageTag(imageID, tag)
}

func (f fakeCloud) AddImageTags(_ context.Context, imageID string, tags ...ims.Tag) error {
	return f.addImageTags(imageID, tags)
}

func (f fakeCloud) UpdateImage(_ context.Context, imageID string, patches ...ims.ImagePatch) error {
	return f.updateImage(imageID, patches)
}

func (f fakeCloud) CreateImage(_ context.Context, i ims.NewImage) (string, error) {
	return f.createImage(i)
}

func (f fakeCloud) CreateDataImage(_ context.Context, d ims.DataFile) (string, error) {
	return f.createDataImage(d)
}

func (f fakeCloud) ImportImage(_ context.Context, q ims.QuickImport) (string, error) {
	return f.importImage(q)
}

func (f fakeCloud) CreateMetadata(_ context.Context, m ims.Metadata) (string, error) {
	return f.createMetadata(m)
}

func (f fakeCloud) RegisterImage(_ context.Context, imageID, imageURL string) (string, error) {
	return f.registerImage(imageID, imageURL)
}

func (f fakeCloud) Job(_ context.Context, id string) (ims.Job, error) { return f.job(id) }

func (f fakeCloud) ExportVolume(_ context.Context, volumeID string, u ims.VolumeUpload) (string, error) {
	return f.exportVolume(volumeID, u)
}

func (f fakeCloud) Volume(_ context.Context, id string) (ims.Volume, error) { return f.volume(id) }

func (f fakeCloud) Vault(_ context.Context, id string) (ims.Vault, error) { return f.vault(id) }

// OwnMember is that of a share that was accepted, unless the test says other.
func (f fakeCloud) OwnMember(_ context.Context, id string) (ims.Member, error) {
	if f.member == nil {
		return ims.Member{Status: ims.MemberAccepted}, nil
	}
	return f.member(id)
}

func (f fakeCloud) Region() string { return f.region }

func (f fakeCloud) Quotas(context.Context) ([]ims.Quota, error) { return f.quotas, f.quotasErr }

func (f fakeCloud) OSVersions(context.Context) ([]ims.OSVersion, error) { return f.versions, nil }

// ImagePages shows one image a page, as a small page size would.
func (f fakeCloud) ImagePages(_ context.Context, filter ims.ImageFilter) iter.Seq2[[]ims.Image, error] {
	return func(yield func([]ims.Image, error) bool) {
		for _, image := range f.listed {
			if shown(image, filter) && !yield([]ims.Image{image}, nil) {
				return
			}
		}
		if f.listErr != nil {
			yield(nil, f.listErr)
		}
	}
}

func shown(image ims.Image, filter ims.ImageFilter) bool {
	tagged := filter.Tag == "" || slices.ContainsFunc(image.Tags, func(t ims.Tag) bool {
		return t.Key+"="+t.Value == filter.Tag
	})
	named := filter.Name == "" || image.Name == filter.Name
	return tagged && named && (image.Registered || filter.Native) && !image.CreatedAt.Before(filter.CreatedSince)
}

// row is a registered, active image of the test; change alters it.
func row(id string, change func(*ims.Image)) ims.Image {
	image := ims.Image{ID: id, Name: "n", Status: ims.ImageActive, Registered: true, CreatedAt: sent.Add(time.Minute)}
	if change != nil {
		change(&image)
	}
	return image
}

func marked(value string) func(*ims.Image) {
	return func(i *ims.Image) { i.Tags = []ims.Tag{{Key: "ims-request", Value: value}} }
}

// expectFound compares the ids of what was found, best first; nothing at all
// is "".
func expectFound(t *testing.T, images []ims.Image, err error, want string) {
	t.Helper()
	var ids []string
	for _, f := range bestFirst(images) {
		ids = append(ids, f.ImageID)
	}
	text := strings.Join(ids, " ")
	if err != nil {
		text = err.Error()
	}
	if text != want {
		t.Errorf("found %q, want %q", text, want)
	}
}

func notFound(id string) error {
	return &ims.Error{Call: "Backup", Status: 404, Code: "HTTP.404", Message: fmt.Sprintf("no %s", id)}
}
