package handlers_test

import (
	"strings"

	"github.com/imsworker/imsworker/internal/fakecloud"
)

// Things of the cases that the demo does not have.
const (
	itsImage  = "11111111-1111-4111-8111-111111111111"
	itsBackup = "22222222-2222-4222-8222-222222222222"
	itsOther  = "33333333-3333-4333-8333-333333333333"
	owner     = "44444444444444444444444444444444"
)

// uses are the columns of the matrix in 2.13: what is asked of an image. All
// but copies to other regions are asked of both profiles' rules alike.
var uses = map[string]struct {
	operation, data string
	huawei          bool
}{
	"copy":   {"copy-image", `{"image_id":"ID","name":"n"}`, false},
	"across": {"copy-image-cross-region", toFar(`,"vault_id":"` + farVault + `"`), true},
	"export": {"export-image", `{"image_id":"ID","bucket_url":"images:new","file_format":"qcow2"}`, false},
	"quick":  {"export-image", `{"image_id":"ID","bucket_url":"images:new","is_quick_export":true}`, false},
	"share":  {"share-image", `{"images":["ID"],"projects":["` + fakecloud.DemoNeighbour + `"]}`, false},
	"update": {"update-image", `{"image_id":"ID","name":"m"}`, false},
}

// toFar is a copy of the image to the other region.
func toFar(more string) string {
	return `{"image_id":"ID","name":"n","region":"` + farRegion + `","project_name":"` + farRegion + `","agency_name":"a"` + more + `}`
}

// kinds are the rows: an image, the backup that it is made of if any, and with
// which code each use is refused.
var kinds = map[string]struct {
	image  fakecloud.Image
	backup fakecloud.Backup
	codes  map[string]string
}{
	"system of a server": {image: fakecloud.Image{DataOrigin: "instance," + fakecloud.DemoServer}},
	"system of a file":   {image: fakecloud.Image{DataOrigin: "file,images:base.qcow2"}},
	"data":               {image: fakecloud.Image{Env: "DataImage", DataOrigin: "volume," + fakecloud.DemoVolume}},
	"whole of CBR": {fakecloud.Image{Whole: true, BackupID: itsBackup}, fakecloud.Backup{ID: itsBackup},
		map[string]string{"copy": "IMG.0130", "export": "IMG.0128", "quick": "IMG.0128"}},
	"whole of a shared CBR backup": {fakecloud.Image{Whole: true, BackupID: itsBackup}, fakecloud.Backup{ID: itsBackup, Shared: true},
		map[string]string{"copy": "IMG.0130", "across": "IMG.0105", "export": "IMG.0128", "quick": "IMG.0128", "share": "IMG.0135"}},
	"whole of CSBS": {fakecloud.Image{Whole: true, BackupID: itsBackup}, fakecloud.Backup{ID: itsBackup, Service: "CSBS"},
		map[string]string{"copy": "IMG.0130", "across": "IMG.0105", "export": "IMG.0128", "quick": "IMG.0128", "share": "IMG.0135"}},
	"ISO": {image: fakecloud.Image{Env: "IsoImage", DiskFormat: "iso"},
		codes: map[string]string{"copy": "IMG.0167", "across": "IMG.0167", "export": "IMG.0167", "quick": "IMG.0167"}},
	"encrypted, key granted": {image: fakecloud.Image{CMK: fakecloud.DemoKey, KeyGranted: true},
		codes: map[string]string{"across": "IMG.0143", "quick": "IMG.0071"}},
	"encrypted, default key": {image: fakecloud.Image{CMK: fakecloud.DemoKey},
		codes: map[string]string{"across": "IMG.0143", "quick": "IMG.0071", "share": "IMG.0098"}},
	"shared to me": {image: fakecloud.Image{Type: "shared", Owner: owner, MemberStatus: "accepted"},
		codes: ofOthers("")},
	"shared to me, not accepted": {image: fakecloud.Image{Type: "shared", Owner: owner, MemberStatus: "pending"},
		codes: ofOthers("IMG.0196")},
	"shared to me, encrypted": {image: fakecloud.Image{Type: "shared", Owner: owner, MemberStatus: "accepted", CMK: fakecloud.DemoKey},
		codes: ofOthers("IMG.0197")},
	"public": {image: fakecloud.Image{Type: "gold", Owner: owner},
		codes: map[string]string{"copy": "IMG.0083", "across": "IMG.0083", "export": "IMG.0077", "quick": "IMG.0077", "share": "IMG.0089", "update": "IMG.0047"}},
	"of a charged public image": {image: fakecloud.Image{OriginalID: fakecloud.DemoPublicImage},
		codes: map[string]string{"export": "IMG.0079", "quick": "IMG.0079"}},
}

// ofOthers are the codes for an image that another project has shared.
func ofOthers(copied string) map[string]string {
	return map[string]string{"copy": copied, "across": "IMG.0106", "export": "IMG.0047", "quick": "IMG.0047", "share": "IMG.0047", "update": "IMG.0047"}
}

// matrixCases are the cells.
func matrixCases() map[string]cloudCase {
	cases := map[string]cloudCase{}
	for kind, k := range kinds {
		for column, use := range uses {
			k.image.ID = itsImage
			c := cloudCase{data: of(use.data, itsImage), huawei: use.huawei, code: k.codes[column], world: fakecloud.World{Images: []fakecloud.Image{k.image}}}
			if k.backup.ID != "" {
				c.world.Backups = []fakecloud.Backup{k.backup}
			}
			cases[use.operation+" | "+kind+": "+column] = c
		}
	}
	return cases
}

// of puts an image into data.
func of(data, image string) string { return strings.ReplaceAll(data, "ID", image) }
