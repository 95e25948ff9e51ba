package fakecloud

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	systemPath = "/v2/cloudimages/action"
	dataPath   = "/v1/cloudimages/dataimages/action"
	quickPath  = "/v2/cloudimages/quickimport/action"
)

func systemOf(server string) string { return `{"name":"n","instance_id":"` + server + `"}` }

func systemOfVolume(volume, fields string) string {
	return `{"name":"n","volume_id":"` + volume + `"` + fields + `}`
}

func systemOfFile(file, fields string) string {
	return `{"name":"n","image_url":"` + file + `","min_disk":40` + fields + `}`
}

// dataOf asks for data images of the volumes, with one tag each.
func dataOf(volumes ...string) string {
	var items []string
	for n, v := range volumes {
		items = append(items, fmt.Sprintf(`{"name":"d%d","volume_id":%q,"tags":["op.k"]}`, n, v))
	}
	return `{"data_images":[` + strings.Join(items, ",") + `]}`
}

const withUbuntu = `,"os_version":"Ubuntu 22.04 server 64bit"`

// systems are the rules of POST /v2/cloudimages/action (2.3).
var systems = []attempt{
	{name: "nothing to make an image of", path: systemPath, body: named("n"), code: "IMG.0012"},
	{name: "server and volume", path: systemPath, body: systemOfVolume(DemoVolume, `,"instance_id":"`+DemoStoppedServer+`"`), code: "IMG.0001"},
	{name: "server and data images", path: systemPath, body: `{"name":"n","instance_id":"` + DemoStoppedServer + `","data_images":[{"name":"d","volume_id":"` + DemoDataVolume + `"}]}`, code: "IMG.0001"},
	{name: "both tag forms", path: systemPath, body: `{"name":"n","instance_id":"` + DemoStoppedServer + `","tags":["a.b"],"image_tags":[{"key":"a","value":"b"}]}`, code: "IMG.0115"},

	{name: "of a stopped server", path: systemPath, body: systemOf(DemoStoppedServer)},
	{name: "of no server", path: systemPath, body: systemOf("no"), code: "IMG.0005"},
	{name: "of a running server", path: systemPath, body: systemOf(DemoServer), code: "IMG.0008"},
	{name: "of a server with a task", path: systemPath, body: systemOf("imaging"), code: "IMG.0010"},
	{name: "whole of a server with a task", path: wholePath, body: `{"name":"n","instance_id":"imaging"}`, code: "IMG.0010"},
	{name: "of a bare-metal server", path: systemPath, body: systemOf("metal"), code: "IMG.0063"},
	{name: "of a server without system disk", path: systemPath, body: systemOf("diskless"), code: "IMG.0119"},
	{name: "of a forbidden disk", path: systemPath, body: systemOf("forbidden"), code: "IMG.0006"},
	{name: "of a busy disk", path: systemPath, body: systemOf("disk-busy"), code: "IMG.0110"},
	{name: "of a huge disk", path: systemPath, body: systemOf("huge"), code: "IMG.0111"},

	{name: "system of a volume", path: systemPath, body: systemOfVolume(DemoVolume, withUbuntu)},
	{name: "system of a volume, no version", path: systemPath, body: systemOfVolume(DemoVolume, ""), code: "IMG.0056"},
	{name: "system of a volume, odd version", path: systemPath, body: systemOfVolume(DemoVolume, `,"os_version":"Plan 9"`), code: "IMG.0056"},
	{name: "system of no volume", path: systemPath, body: systemOfVolume("no", withUbuntu), code: "IMG.0120"},
	{name: "system of a busy volume", path: systemPath, body: systemOfVolume("busy-volume", withUbuntu), code: "IMG.0022"},
	{name: "system of a volume, ISO", path: systemPath, body: systemOfVolume(DemoVolume, withUbuntu+`,"type":"IsoImage"`), code: "IMG.0024"},

	{name: "data of two volumes", path: systemPath, body: dataOf(DemoDataVolume, DemoDataVolume2)},
	{name: "data of two servers' volumes", path: systemPath, body: dataOf(DemoDataVolume, DemoInUseVolume), code: "IMG.0140"},
	{name: "data of a volume twice", path: systemPath, body: dataOf(DemoDataVolume, DemoDataVolume), code: "IMG.0120"},
	{name: "data of no volume", path: systemPath, body: dataOf("no"), code: "IMG.0120"},
	{name: "data of a busy volume", path: systemPath, body: dataOf("busy-volume"), code: "IMG.0022"},
	{name: "data without name", path: systemPath, body: `{"name":"n","data_images":[{"volume_id":"` + DemoVolume + `"}]}`, code: "IMG.0013"},
	{name: "data with eleven tags", path: systemPath, body: `{"data_images":[{"name":"d","volume_id":"` + DemoVolume + `","image_tags":` + tagList(11) + `}]}`, code: "IMG.0116"},
}

// imports are the rules for files (2.3 to 2.5).
var imports = []attempt{
	{name: "system of a file", path: systemPath, body: systemOfFile(DemoFile, "")},
	{name: "system of no file", path: systemPath, body: systemOfFile("images:no", ""), code: "IMG.0057"},
	{name: "system of a text", path: systemPath, body: systemOfFile("images:text", ""), code: "IMG.0057"},
	{name: "system of a large file", path: systemPath, body: systemOfFile(DemoQuickFile, ""), code: "IMG.0059"},
	{name: "system of a large file, quick", path: systemPath, body: systemOfFile(DemoQuickFile, withUbuntu+`,"is_quick_import":true`)},
	{name: "system quick, no version", path: systemPath, body: systemOfFile(DemoQuickFile, `,"is_quick_import":true`), code: "IMG.0159"},
	{name: "system quick of qcow2", path: systemPath, body: systemOfFile(DemoFile, withUbuntu+`,"is_quick_import":true`), code: "IMG.0158"},
	{name: "system without disk size", path: systemPath, body: `{"name":"n","image_url":"` + DemoFile + `"}`, code: "IMG.0055"},
	{name: "system with a huge disk size", path: systemPath, body: `{"name":"n","min_disk":1025,"image_url":"` + DemoFile + `"}`, code: "IMG.0055"},
	{name: "odd type", path: systemPath, body: systemOfFile(DemoFile, `,"type":"DataImage"`), code: "IMG.0024"},
	{name: "odd system", path: systemPath, body: systemOfFile(DemoFile, `,"os_type":"BeOS"`), code: "IMG.0122"},
	{name: "odd architecture", path: systemPath, body: systemOfFile(DemoFile, `,"architecture":"mips"`), code: "IMG.0212"},
	{name: "odd firmware", path: systemPath, body: systemOfFile(DemoFile, `,"hw_firmware_type":"coreboot"`), code: "IMG.0141"},
	{name: "encrypted bare metal", path: systemPath, body: systemOfFile(DemoFile, `,"type":"BMS","cmk_id":"k"`), code: "IMG.0118"},
	{name: "ISO", path: systemPath, body: systemOfFile(DemoISOFile, withUbuntu+`,"type":"IsoImage"`)},
	{name: "ISO without version", path: systemPath, body: systemOfFile(DemoISOFile, `,"type":"IsoImage"`), code: "IMG.0166"},
	{name: "system and data files", path: systemPath, body: systemOfFile(DemoFile, `,"data_images":[{"image_url":"`+DemoDataFile+`","min_disk":40}]`)},
	{name: "data file without size", path: systemPath, body: systemOfFile(DemoFile, `,"data_images":[{"image_url":"`+DemoDataFile+`"}]`), code: "IMG.0055"},
	{name: "data file of another system", path: systemPath, body: systemOfFile(DemoFile, `,"data_images":[{"image_url":"images:windows","min_disk":40}]`), code: "IMG.0122"},
	{name: "the same file twice", path: systemPath, body: systemOfFile(DemoFile, `,"data_images":[{"image_url":"`+DemoFile+`","min_disk":40}]`), code: "IMG.0123"},
	{name: "a volume beside a file", path: systemPath, body: systemOfFile(DemoFile, `,"data_images":[{"name":"d","volume_id":"`+DemoVolume+`"}]`), code: "IMG.0001"},
	{name: "four data files", path: systemPath, body: systemOfFile(DemoFile, `,"data_images":[{"image_url":"a:1"},{"image_url":"a:2"},{"image_url":"a:3"},{"image_url":"a:4"}]`), code: "IMG.0194"},

	{name: "data file", path: dataPath, body: systemOfFile(DemoDataFile, "")},
	{name: "data file, small disk", path: dataPath, body: `{"name":"n","min_disk":1,"image_url":"` + DemoDataFile + `"}`},
	{name: "data file, huge disk", path: dataPath, body: `{"name":"n","min_disk":2049,"image_url":"` + DemoDataFile + `"}`, code: "IMG.0055"},
	{name: "data file, no disk size", path: dataPath, body: `{"name":"n","image_url":"` + DemoDataFile + `"}`, code: "IMG.0055"},
	{name: "data file, odd system", path: dataPath, body: systemOfFile(DemoDataFile, `,"os_type":"Other"`), code: "IMG.0122"},
	{name: "data file, no name", path: dataPath, body: `{"min_disk":40,"image_url":"` + DemoDataFile + `"}`, code: "IMG.0013"},
	{name: "data file in a bad place", path: dataPath, body: systemOfFile("https://x", ""), code: "IMG.0017"},
	{name: "data file, both tag forms", path: dataPath, body: systemOfFile(DemoDataFile, `,"tags":["a.b"],"image_tags":[]`), code: "IMG.0115"},

	{name: "quick RAW with bitmap", path: quickPath, body: systemOfFile(DemoRawFile, withUbuntu)},
	{name: "quick RAW without bitmap", path: quickPath, body: systemOfFile(DemoBareRawFile, withUbuntu), code: "IMG.0158"},
	{name: "quick qcow2", path: quickPath, body: systemOfFile(DemoFile, withUbuntu), code: "IMG.0158"},
	{name: "quick without version", path: quickPath, body: systemOfFile(DemoRawFile, ""), code: "IMG.0159"},
	{name: "quick, disk smaller than inside", path: quickPath, body: systemOfFile(DemoQuickFile, withUbuntu), code: "IMG.0055"},
	{name: "quick, too large a file", path: quickPath, body: systemOfFile("images:giant", withUbuntu), code: "IMG.0059"},
	{name: "quick data", path: quickPath, body: systemOfFile(DemoRawFile, `,"type":"DataImage","os_type":"Windows"`)},
	{name: "quick data, odd system", path: quickPath, body: systemOfFile(DemoRawFile, `,"type":"DataImage","os_type":"Other"`), code: "IMG.0122"},
	{name: "quick, odd type", path: quickPath, body: systemOfFile(DemoRawFile, `,"type":"IsoImage"`), code: "IMG.0157"},
	{name: "quick, odd architecture", path: quickPath, body: systemOfFile(DemoRawFile, withUbuntu+`,"architecture":"mips"`), code: "IMG.0212"},
	{name: "quick, odd firmware", path: quickPath, body: systemOfFile(DemoRawFile, withUbuntu+`,"hw_firmware_type":"x"`), code: "IMG.0141"},
	{name: "quick, odd license", path: quickPath, body: systemOfFile(DemoRawFile, withUbuntu+`,"license_type":"x"`), code: "IMG.0001"},
}

// registers are the rules of the two calls of 2.6.
var registers = []attempt{
	{name: "metadata", path: "/v2/images", body: `{"name":"n","tags":["a=b"]}`, status: 201},
	{name: "metadata without a name", path: "/v2/images", body: `{}`, status: 201},
	{name: "metadata of nothing", path: "/v2/images", status: 400, code: "<nil>"},
	{name: "public metadata", path: "/v2/images", body: `{"visibility":"public"}`, status: 403, code: "<nil>"},
	{name: "metadata, odd container", path: "/v2/images", body: `{"container_format":"ovf"}`, status: 400, code: "<nil>"},
	{name: "metadata, odd format", path: "/v2/images", body: `{"disk_format":"iso"}`, status: 400, code: "<nil>"},
	{name: "metadata, huge disk", path: "/v2/images", body: `{"min_disk":1025}`, status: 400, code: "<nil>"},
	{name: "metadata, long name", path: "/v2/images", body: `{"name":"` + strings.Repeat("n", 256) + `"}`, status: 400, code: "<nil>"},
	{name: "metadata, long tag", path: "/v2/images", body: `{"tags":["` + strings.Repeat("n", 256) + `"]}`, status: 400, code: "<nil>"},

	{name: "register", method: "PUT", path: "/v1/cloudimages/metadata/upload", body: `{"image_url":"` + DemoFile + `"}`},
	{name: "register for no image", method: "PUT", path: "/v1/cloudimages/no/upload", body: `{"image_url":"` + DemoFile + `"}`, code: "IMG.0027"},
	{name: "register for a finished image", method: "PUT", path: "/v1/cloudimages/" + DemoImage + "/upload", body: `{"image_url":"` + DemoFile + `"}`, code: "IMG.0105"},
	{name: "register for a foreign image", method: "PUT", path: "/v1/cloudimages/" + DemoPublicImage + "/upload", body: `{"image_url":"` + DemoFile + `"}`, code: "IMG.0047"},
	{name: "register no file", method: "PUT", path: "/v1/cloudimages/metadata/upload", body: `{"image_url":"images:no"}`, code: "IMG.0057"},
	{name: "register an ISO", method: "PUT", path: "/v1/cloudimages/metadata/upload", body: `{"image_url":"` + DemoISOFile + `"}`, code: "IMG.0057"},
	{name: "register without a file", method: "PUT", path: "/v1/cloudimages/metadata/upload", body: `{}`, code: "IMG.0017"},
	{name: "delete metadata", method: "DELETE", path: "/v2/images/metadata", status: 204},
}

// importWorld are things that the rules above name.
func importWorld() World {
	at := time.Now().Add(time.Hour)
	return World{
		Servers: []Server{
			{ID: "imaging", Status: "SHUTOFF", ImagingUntil: at}, {ID: "metal", Status: "SHUTOFF", BMS: true}, {ID: "forbidden", Status: "SHUTOFF", DiskForbidden: true},
			{ID: "diskless", Status: "SHUTOFF", NoSystemDisk: true}, {ID: "disk-busy", Status: "SHUTOFF", DiskBusy: true}, {ID: "huge", Status: "SHUTOFF", SizeGB: 2000},
		},
		Volumes: []Volume{{ID: "busy-volume", Status: "attaching"}},
		Objects: []Object{
			{Bucket: "images", Key: "text", Format: "txt"}, {Bucket: "images", Key: "windows", OSType: "Windows"},
			{Bucket: "images", Key: "giant", Format: "zvhd2", SizeGB: 1025},
		},
		Images: []Image{{ID: "metadata", Native: true, Saving: never, Active: never}},
	}
}

func TestRefusesImports(t *testing.T) {
	t.Parallel()
	for _, group := range [][]attempt{systems, imports, registers} {
		for _, a := range group {
			t.Run(a.name, func(t *testing.T) {
				t.Parallel()
				d := newDemo(t)
				if _, err := d.fake.Add(DemoCloud, importWorld()); err != nil {
					t.Fatal(err)
				}
				a.run(d)
			})
		}
	}
}

// TestHuaweiImports has the v2.1 twins, and sizes that differ.
func TestHuaweiImports(t *testing.T) {
	t.Parallel()
	d := newDemo(t, huawei)
	d.post("/v2.1"+systemPath[len("/v2"):], systemOf(DemoStoppedServer)).ok()
	d.post("/v2.1"+dataPath[len("/v1"):], systemOfFile(DemoDataFile, "")).ok()
	d.post("/v2.1"+quickPath[len("/v2"):], systemOfFile(DemoRawFile, withUbuntu)).ok()
	for _, path := range []string{systemPath, dataPath} {
		d.post(path, `{"name":"n","min_disk":39,"image_url":"`+DemoFile+`"}`).want(400, "IMG.0055")
	}
	newDemo(t).post("/v2.1"+systemPath[len("/v2"):], systemOf(DemoStoppedServer)).want(404, "APIGW.0101")
}

// TestSubJobs: the images of data volumes and of an OVA are named by sub jobs
// alone, those of a file and its data disks by both.
func TestSubJobs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body, jobType string
		top           bool
		subs          string
	}{
		"server":     {systemOf(DemoStoppedServer), "imsCreateImageByInstance", true, ""},
		"volume":     {systemOfVolume(DemoVolume, withUbuntu), "imsVolumeCreateImageJob", true, ""},
		"volumes":    {dataOf(DemoDataVolume, DemoDataVolume2), "imsVolumesToSysDataImagesJob", false, "imsCopyVolumeToImageJob imsCopyVolumeToImageJob"},
		"file":       {systemOfFile(DemoFile, ""), "imsImportImageJob", true, ""},
		"data files": {systemOfFile(DemoFile, `,"data_images":[{"image_url":"`+DemoDataFile+`","min_disk":40}]`), "imsImportImageJob", true, "imsImportDataImageJob"},
		"OVA":        {systemOfFile(DemoOVAFile, ""), "imsImportOvaImageJob", false, "imsImportImageJob imsImportDataImageJob"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDemo(t, fixed(time.Second, 10*time.Second))
				id := d.post(systemPath, c.body).ok().text("job_id")
				time.Sleep(12 * time.Second)
				job := d.job(id)
				var subs []string
				for n := range job.length("entities", "sub_jobs_result") {
					subs = append(subs, job.text("entities", "sub_jobs_result", n, "job_type"))
					d.get("/v2/images/" + job.text("entities", "sub_jobs_result", n, "entities", "image_id")).ok()
				}
				top := job.text("entities", "image_id") != "" && job.text("entities", "image_name") == "n"
				if job.text("status") != "SUCCESS" || job.text("job_type") != c.jobType || top != c.top || strings.Join(subs, " ") != c.subs {
					t.Errorf("job %s", job.raw)
				}
			})
		})
	}
}

// TestDiskIsRead: while an image is made of a disk it takes no other.
func TestDiskIsRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDemo(t, fixed(time.Second, 10*time.Second))
		d.post(systemPath, dataOf(DemoDataVolume)).ok()
		d.post(systemPath, dataOf(DemoDataVolume)).want(400, "IMG.0022")
		time.Sleep(12 * time.Second)
		d.post(systemPath, dataOf(DemoDataVolume)).ok()
	})
}

// TestRegistered: metadata stays queued and hidden until a file is registered.
func TestRegistered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDemo(t, fixed(time.Second, 10*time.Second))
		made := d.post("/v2/images", `{"name":"n","tags":["op=k"]}`).want(http.StatusCreated, "")
		id := made.text("id")
		if made.text("status") != "queued" || made.text("__isregistered") != "false" || made.text("tags", 0) != "op=k" {
			t.Errorf("made %s", made.raw)
		}
		time.Sleep(time.Hour)
		if got := d.get("/v2/images/" + id).text("status"); got != "queued" {
			t.Errorf("status %s before the file", got)
		}
		job := d.call(http.MethodPut, "/v1/cloudimages/"+id+"/upload", `{"image_url":"`+DemoFile+`"}`).ok().text("job_id")
		d.call(http.MethodPut, "/v1/cloudimages/"+id+"/upload", `{"image_url":"`+DemoFile+`"}`).want(400, "IMG.0105")
		for _, want := range []string{"queued", "saving", "active"} {
			if got := d.get("/v2/images/" + id).text("status"); got != want {
				t.Errorf("status %s, want %s", got, want)
			}
			time.Sleep(6 * time.Second)
		}
		done := d.job(job)
		if done.text("job_type") != "imsNativeImportImageJob" || done.text("entities", "image_id") != id || done.at("entities", "image_name") != nil {
			t.Errorf("job %s", done.raw)
		}
	})
}

// TestRegisterFails: the image stays, killed.
func TestRegisterFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDemo(t, fixed(0, time.Second))
		if err := d.fake.Decide(DemoCloud, Outcome{Call: "RegisterImage", Code: "IMG.1075"}); err != nil {
			t.Fatal(err)
		}
		id := d.post("/v2/images", `{}`).want(http.StatusCreated, "").text("id")
		d.call(http.MethodPut, "/v1/cloudimages/"+id+"/upload", `{"image_url":"`+DemoFile+`"}`).ok()
		time.Sleep(2 * time.Second)
		if got := d.get("/v2/images/" + id).text("status"); got != "killed" {
			t.Errorf("status %s", got)
		}
	})
}
