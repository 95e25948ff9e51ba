package simulate

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// work says how requests of one operation are made. A new operation joins by
// one function here and its row in works.
type work struct {
	call  string // the call that does it, as the fake cloud names it
	makes bool   // an image, which carries the name
	// data is valid data of a request for an image of that name; the world is
	// what the cloud must have for it.
	data func(r *rand.Rand, name string, o messages.Options) (data any, needs fakecloud.World)
}

// works is the list of operations that take part.
var works = map[string]work{
	"copy-image":              {"CopyImage", true, copyImage},
	"create-whole-image":      {"CreateWholeImage", true, wholeImage},
	"export-volume":           {"ExportVolume", true, exportVolume},
	"create-system-image":     {"CreateImage", true, systemImage},
	"create-data-image":       {"CreateDataImage", true, dataImage},
	"import-image":            {"ImportImage", true, importImage},
	"register-image":          {"RegisterImage", true, registerImage},
	"export-image":            {"ExportImage", false, exportImage},
	"copy-image-cross-region": {"CopyImageCrossRegion", false, copyAcross},
	"adopt-job":               {"ShowJob", false, adoptJob},
	"share-image":             {"AddMembers", false, shareImage},
	"unshare-image":           {"DeleteMembers", false, unshareImage},
	"answer-share":            {"AnswerMembers", false, answerShare},
	"tag-image":               {"BatchImageTags", false, tagImage},
	"update-image":            {"UpdateImage", false, updateImage},
	"delete-image":            {"DeleteImage", false, deleteImage},
	"bulk-copy":               {"ListImages", false, nil}, // see bulks
}

func copyImage(_ *rand.Rand, name string, o messages.Options) (any, fakecloud.World) {
	return messages.CopyImage{ImageID: fakecloud.DemoImage, Name: name, Options: o}, fakecloud.World{}
}

// wholeImage asks for an image of a backup of its own, or of a server, which
// others may want too.
func wholeImage(r *rand.Rand, name string, o messages.Options) (any, fakecloud.World) {
	if r.IntN(4) == 0 {
		return messages.CreateWholeImage{Name: name, InstanceID: fakecloud.DemoVaultServer, VaultID: fakecloud.DemoVault, Options: o}, fakecloud.World{}
	}
	id := uuid(r)
	return messages.CreateWholeImage{Name: name, BackupID: id, WholeImageType: "CBR", Options: o},
		fakecloud.World{Backups: []fakecloud.Backup{{ID: id, Name: "backup_" + id[:4], ResourceID: fakecloud.DemoVaultServer, ResourceName: "db-01", SizeGB: 80, VaultID: fakecloud.DemoVault}}}
}

// exportVolume asks for an image of a volume that others may want too.
func exportVolume(r *rand.Rand, name string, o messages.Options) (any, fakecloud.World) {
	if r.IntN(2) == 0 {
		return messages.ExportVolume{VolumeID: fakecloud.DemoVolume, ImageName: name, Options: o}, fakecloud.World{}
	}
	id := uuid(r)
	return messages.ExportVolume{VolumeID: id, ImageName: name, Options: o},
		fakecloud.World{Volumes: []fakecloud.Volume{{ID: id, Name: "data-" + id[:4], SizeGB: 40}}}
}

// systemImage asks for an image of a file, or of a server, which others may
// want too.
func systemImage(r *rand.Rand, name string, o messages.Options) (any, fakecloud.World) {
	d := messages.CreateSystemImage{Name: name, ImageURL: "images:base.qcow2", MinDisk: new(int64(40)), Options: o}
	if r.IntN(3) == 0 {
		d = messages.CreateSystemImage{Name: name, InstanceID: fakecloud.DemoServer, Options: o}
	}
	return d, fakecloud.World{}
}

func dataImage(_ *rand.Rand, name string, o messages.Options) (any, fakecloud.World) {
	return messages.CreateDataImage{Name: name, ImageURL: "images:data.qcow2", MinDisk: new(int64(40)), OSType: "Linux", Options: o}, fakecloud.World{}
}

func importImage(_ *rand.Rand, name string, o messages.Options) (any, fakecloud.World) {
	return messages.ImportImage{Name: name, ImageURL: "images:base.zvhd2", MinDisk: new(int64(250)), OSVersion: ubuntu, Options: o}, fakecloud.World{}
}

func registerImage(_ *rand.Rand, name string, o messages.Options) (any, fakecloud.World) {
	return messages.RegisterImage{Name: name, ImageURL: "images:base.qcow2", OSVersion: ubuntu, MinDisk: new(int64(40)), Options: o}, fakecloud.World{}
}

const ubuntu = "Ubuntu 22.04 server 64bit"

// exportImage asks for a file of its own.
func exportImage(_ *rand.Rand, name string, o messages.Options) (any, fakecloud.World) {
	return messages.ExportImage{ImageID: fakecloud.DemoImage, BucketURL: "images:" + name + ".qcow2", FileFormat: "qcow2", Options: o}, fakecloud.World{}
}

// copyAcross asks for a copy in the other cloud; one of the two has no such
// call and rejects it.
func copyAcross(_ *rand.Rand, name string, o messages.Options) (any, fakecloud.World) {
	return messages.CopyImageCrossRegion{
		ImageID: fakecloud.DemoImage, Name: name, Region: regions[clouds[0]], ProjectName: regions[clouds[0]], AgencyName: "ims_admin_agency", Options: o,
	}, fakecloud.World{}
}

// adoptJob names a job that the cloud knows nothing of.
func adoptJob(r *rand.Rand, _ string, o messages.Options) (any, fakecloud.World) {
	return messages.AdoptJob{JobID: fmt.Sprintf("9a175ac%025x", r.Int64()), Options: o}, fakecloud.World{}
}

// partner is a project that images are shared with, or come from.
const partner = "edc89b490d7d4392898e19b2deb34797"

func shareImage(r *rand.Rand, name string, o messages.Options) (any, fakecloud.World) {
	id, needs := target(r, name)
	return messages.ShareImage{Images: []string{id}, Projects: []string{partner}, Options: o}, needs
}

func unshareImage(r *rand.Rand, name string, o messages.Options) (any, fakecloud.World) {
	id, needs := target(r, name)
	return messages.ShareImage{Images: []string{id}, Projects: []string{partner}, Options: o}, needs
}

func answerShare(r *rand.Rand, name string, o messages.Options) (any, fakecloud.World) {
	id, needs := target(r, name)
	needs.Images[0].Type, needs.Images[0].Owner, needs.Images[0].MemberStatus = "shared", partner, "pending"
	return messages.AnswerShare{Images: []string{id}, Status: "accepted", Options: o}, needs
}

// target is an image of its own that something is done to.
func target(r *rand.Rand, name string) (id string, needs fakecloud.World) {
	id = uuid(r)
	return id, fakecloud.World{Images: []fakecloud.Image{{ID: id, Name: "target-of-" + name, MinDisk: 40, Size: 1 << 30, DataSize: 1 << 30}}}
}

func tagImage(r *rand.Rand, name string, o messages.Options) (any, fakecloud.World) {
	id, needs := target(r, name)
	return messages.TagImage{ImageID: id, Tags: []messages.Tag{{Key: "of", Value: name}}, Options: o}, needs
}

func updateImage(r *rand.Rand, name string, o messages.Options) (any, fakecloud.World) {
	id, needs := target(r, name)
	words := "changed for " + name
	return messages.UpdateImage{ImageID: id, Description: &words, Options: o}, needs
}

func deleteImage(r *rand.Rand, name string, o messages.Options) (any, fakecloud.World) {
	id, needs := target(r, name)
	return messages.DeleteImage{ImageID: id, Options: o}, needs
}

func uuid(r *rand.Rand) string {
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Int64N(1<<48))
}

// encoded is data as it is published.
func encoded(data any) json.RawMessage {
	text, err := json.Marshal(data)
	if err != nil {
		panic(err) // plain structs
	}
	return text
}
