package fakecloud

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	uploadKey  = "os-volume_upload_image"
	volumePath = "/v2/" + DemoProjectID + "/volumes/"
)

func uploadBody(fields string) string {
	return `{"` + uploadKey + `":{"image_name":"data"` + fields + `}}`
}

// export starts an image of the disk and returns the image's id.
func (d *demo) export(volume string) string {
	d.t.Helper()
	return d.post(volumePath+volume+"/action", uploadBody(`,"disk_format":"zvhd2"`)).want(http.StatusAccepted, "").text(uploadKey, "image_id")
}

func (d *demo) volumeStatus(volume string) string {
	d.t.Helper()
	return d.get(volumePath+volume).ok().text("volume", "status")
}

func TestLifeOfExportedVolume(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		order Outcome
		steps []exportStep
	}{
		"usual": {Outcome{}, []exportStep{
			{0, "queued", "uploading"}, {2 * time.Second, "saving", "uploading"}, {12 * time.Second, "active", "available"}}},
		"killed": {Outcome{Code: "EVS.5500"}, []exportStep{{2 * time.Second, "saving", "uploading"}, {12 * time.Second, "killed", "available"}}},
		"gone":   {Outcome{Code: "EVS.5500", Gone: true}, []exportStep{{2 * time.Second, "saving", "uploading"}, {12 * time.Second, "", "available"}}},
		"early":  {Outcome{ImageEarly: true}, []exportStep{{5 * time.Second, "active", "uploading"}, {12 * time.Second, "active", "available"}}},
		"late": {Outcome{ImageLate: Duration(time.Minute)}, []exportStep{
			{0, "", "uploading"}, {12 * time.Second, "", "available"}, {72 * time.Second, "active", "available"}}},
		"never": {Outcome{ImageNever: true}, []exportStep{{0, "", "uploading"}, {time.Hour, "", "available"}}},
		"stuck": {Outcome{Stuck: true}, []exportStep{{time.Hour, "saving", "uploading"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDemo(t, fixed(2*time.Second, 10*time.Second))
				c.order.Call = "ExportVolume"
				if err := d.fake.Decide(DemoCloud, c.order); err != nil {
					t.Fatal(err)
				}
				start, image := time.Now(), d.export(DemoVolume)
				for _, s := range c.steps {
					time.Sleep(time.Until(start.Add(s.at)))
					got := exportStep{s.at, d.get("/v2/images/" + image).text("status"), d.volumeStatus(DemoVolume)}
					if got != s {
						t.Errorf("got %+v, want %+v", got, s)
					}
				}
			})
		})
	}
}

// exportStep is what image ("" is not there) and disk look like after a while.
type exportStep struct {
	at            time.Duration
	image, volume string
}

// TestExportAnswer holds the shape that traps readers: the id is the disk's,
// times have microseconds and no zone, a description is the text "None".
func TestExportAnswer(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	answered := d.post("/v3/"+DemoProjectID+"/volumes/"+DemoVolume+"/action", uploadBody("")).want(http.StatusAccepted, "")
	for want, path := range map[string][]any{
		DemoVolume: {uploadKey, "id"}, "uploading": {uploadKey, "status"}, "None": {uploadKey, "volume_type", "description"},
		"zvhd2": {uploadKey, "disk_format"},
	} {
		if got := answered.text(path...); got != want {
			t.Errorf("%v: %q, want %q", path, got, want)
		}
	}
	if _, err := time.Parse("2006-01-02T15:04:05.000000", answered.text(uploadKey, "updated_at")); err != nil {
		t.Error(err)
	}
	image := d.get("/v2/images/" + answered.text(uploadKey, "image_id")).ok()
	if image.text("__data_origin") != "volume,"+DemoVolume || image.text("name") != "data" || image.text("virtual_env_type") != "DataImage" {
		t.Errorf("image %s", image.raw)
	}
	truth := d.fake.Truth(DemoCloud)
	if len(truth) != 1 || truth[0].VolumeID != DemoVolume || truth[0].ImageID != image.text("id") || truth[0].JobID != "" {
		t.Errorf("truth %+v", truth)
	}
}

func TestExportByProfile(t *testing.T) {
	t.Parallel()
	d := newDemo(t, huawei)
	answered := d.post(volumePath+DemoVolume+"/action", uploadBody("")).want(http.StatusAccepted, "")
	if got := answered.text(uploadKey, "disk_format"); got != "vhd" {
		t.Errorf("default format %q", got)
	}
	unknown := d.post(volumePath+DemoImage+"/action", uploadBody(""))
	if unknown.status != http.StatusNotFound || unknown.text("itemNotFound", "code") != "404" {
		t.Errorf("got %d %s", unknown.status, unknown.raw)
	}
}

func TestExportRefusals(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	seed := World{Volumes: []Volume{{ID: "big", SizeGB: 2000}, {ID: "broken", Status: "error"}, {ID: "locked", Locked: true}, {ID: "attached", Status: "in-use"}}}
	if _, err := d.fake.Add(DemoCloud, seed); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		volume, body string
		status       int
		words        string
	}{
		"no body":         {DemoVolume, "", 400, `"badRequest"`},
		"other action":    {DemoVolume, `{"os-extend":{"new_size":100}}`, 400, "no such action"},
		"no name":         {DemoVolume, `{"` + uploadKey + `":{}}`, 400, "image_name"},
		"bad name":        {DemoVolume, `{"` + uploadKey + `":{"image_name":"a/b"}}`, 400, "image_name"},
		"bad format":      {DemoVolume, uploadBody(`,"disk_format":"vmdk"`), 400, "disk_format"},
		"bad container":   {DemoVolume, uploadBody(`,"container_format":"box"`), 400, "container_format"},
		"bad system":      {DemoVolume, uploadBody(`,"__os_type":"Linux"`), 400, "__os_type"},
		"force as a text": {DemoVolume, uploadBody(`,"force":"yes"`), 400, "Malformed"},
		"unknown volume":  {"nobody", uploadBody(""), 404, `{"itemNotFound":{"message":"Volume nobody could not be found.","code":404}}`},
		"in use":          {DemoInUseVolume, uploadBody(""), 400, "status must be available, but current status is: in-use."},
		"broken, forced":  {"broken", uploadBody(`,"force":true`), 400, "status must be available or in-use, but current status is: error."},
		"locked":          {"locked", uploadBody(""), 400, `"code":"EVS.2068"`},
		"in use, forced":  {"attached", uploadBody(`,"force":true`), 202, `"uploading"`},
		"large":           {"big", uploadBody(""), 202, `"uploading"`},
	} {
		got := d.post(volumePath+c.volume+"/action", c.body)
		if got.status != c.status || !strings.Contains(got.raw, c.words) {
			t.Errorf("%s: got %d %s, want %d %s", name, got.status, got.raw, c.status, c.words)
		}
	}
	if unknown := d.get(volumePath + "nobody"); unknown.status != 404 {
		t.Errorf("unknown volume shown: %s", unknown.raw)
	}
	other := newDemo(t, huawei, func(o *Options) { o.Clouds[0].World = seed })
	if got := other.post(volumePath+"big/action", uploadBody("")); got.status != 400 || !strings.Contains(got.raw, "larger") {
		t.Errorf("large: %d %s", got.status, got.raw)
	}
}

func TestExportQuota(t *testing.T) {
	t.Parallel()
	d := newDemo(t, switched(func(s *Switches) { s.Quota = 1 }))
	if got := d.post(volumePath+DemoVolume+"/action", uploadBody("")); got.status != 413 || !strings.Contains(got.raw, `"overLimit"`) {
		t.Errorf("got %d %s", got.status, got.raw)
	}
}

// TestVolumeOutlivesRestart: a disk stays busy, its image goes on.
func TestVolumeOutlivesRestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "fake.state")
	keep := func(o *Options) { o.StateFile = file }
	first := newDemo(t, keep, fixed(0, time.Hour))
	image := first.export(DemoVolume)
	second := newDemo(t, keep)
	if got := second.volumeStatus(DemoVolume); got != "uploading" {
		t.Errorf("volume %s", got)
	}
	if got := second.get("/v2/images/" + image).text("status"); got != "saving" {
		t.Errorf("image %s", got)
	}
	busy := second.post(volumePath+DemoVolume+"/action", uploadBody(`,"force":true`))
	if busy.status != 400 || !strings.Contains(busy.raw, "current status is: uploading.") {
		t.Errorf("busy: %d %s", busy.status, busy.raw)
	}
	if got := second.fake.Truth(DemoCloud); len(got) != 1 || got[0].VolumeID != DemoVolume {
		t.Errorf("truth %+v", got)
	}
}

// TestNativeList shows what the extended list hides, in pages of its own.
func TestNativeList(t *testing.T) {
	t.Parallel()
	d := newDemo(t, fixed(0, time.Hour))
	image := d.export(DemoVolume)
	if got := d.get("/v2/cloudimages?name=data").length("images"); got != 0 {
		t.Error("the extended list shows an image that is not registered")
	}
	shown := d.get("/v2/images?name=data&created_at=gte:2026-01-02T03:04:05Z").ok()
	if shown.text("images", 0, "id") != image || shown.at("next") != nil {
		t.Errorf("native list: %s", shown.raw)
	}
	if _, err := d.fake.Add(DemoCloud, World{Images: make([]Image, 30)}); err != nil {
		t.Fatal(err)
	}
	page := d.get("/v2/images?sort_key=created_at&sort_dir=asc").ok()
	if page.length("images") != nativePage {
		t.Fatalf("a page has %d images", page.length("images"))
	}
	rest := d.get(page.text("next") + "&sort_key=created_at&sort_dir=asc").ok()
	if got := rest.length("images"); got != 37-nativePage {
		t.Errorf("the rest has %d images", got)
	}
}
