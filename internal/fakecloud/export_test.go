package fakecloud

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const exportPath = "/v1/cloudimages/" + DemoImage + "/file"

func exportOf(id string) string { return "/v1/cloudimages/" + id + "/file" }

func exporting(address string) string {
	return `{"bucket_url":"` + address + `","file_format":"qcow2"}`
}

const quickly = `{"bucket_url":"images:new.zvhd2","is_quick_export":true}`

// exports are the rules of 2.9 and 2.13.
var exports = []attempt{
	{name: "usual", path: exportPath, body: exporting("images:new.qcow2")},
	{name: "quick", path: exportPath, body: quickly},
	{name: "quick with a format", path: exportPath, body: `{"bucket_url":"images:new","file_format":"vhd","is_quick_export":true}`, code: "IMG.0072"},
	{name: "no format", path: exportPath, body: `{"bucket_url":"images:new"}`, code: "IMG.0072"},
	{name: "unknown format", path: exportPath, body: `{"bucket_url":"images:new","file_format":"raw"}`, code: "IMG.0072"},
	{name: "no address", path: exportPath, body: `{"file_format":"vhd"}`, code: "IMG.0017"},
	{name: "no file", path: exportPath, body: exporting("images:"), code: "IMG.0073"},
	{name: "long file name", path: exportPath, body: exporting("images:" + strings.Repeat("f", 1025)), code: "IMG.0074"},
	{name: "file name with a star", path: exportPath, body: exporting("images:a*b"), code: "IMG.0075"},
	{name: "file name with a space", path: exportPath, body: exporting("images:a b"), code: "IMG.0175"},
	{name: "no bucket", path: exportPath, body: exporting(":a"), code: "IMG.0068"},
	{name: "unknown bucket", path: exportPath, body: exporting("nowhere:a"), code: "IMG.0069"},
	{name: "bucket of another region", path: exportPath, body: exporting("far:a"), code: "IMG.0058"},
	{name: "file that exists", path: exportPath, body: exporting("images:base.qcow2"), code: "IMG.0070"},
	{name: "unknown image", path: exportOf("no"), body: exporting("images:n"), code: "IMG.0027"},
	{name: "public image", path: exportOf(DemoPublicImage), body: exporting("images:n"), code: "IMG.0077"},
	{name: "shared image", path: exportOf("shared"), body: exporting("images:n"), code: "IMG.0047"},
	{name: "whole image", path: exportOf(DemoWholeImage), body: exporting("images:n"), code: "IMG.0128"},
	{name: "image of a backup", path: exportOf("of-backup"), body: exporting("images:n"), code: "IMG.0080"},
	{name: "ISO image", path: exportOf(DemoISOImage), body: exporting("images:n"), code: "IMG.0167"},
	{name: "derived from a public image", path: exportOf("derived"), body: exporting("images:n"), code: "IMG.0079"},
	{name: "made from a file of others", path: exportOf("file-only"), body: exporting("images:n"), code: "IMG.0081"},
	{name: "encrypted image", path: exportOf(DemoEncryptedImage), body: exporting("images:n")},
	{name: "encrypted image, quick", path: exportOf(DemoEncryptedImage), body: quickly, code: "IMG.0071"},
	{name: "1 TB", path: exportOf("huge"), body: quickly, code: "IMG.0071"},
	{name: "above 128 GB", path: exportOf("large"), body: exporting("images:n"), code: "IMG.0160"},
	{name: "above 128 GB, quick", path: exportOf("large"), body: quickly},
	{name: "image being made", path: exportOf("saving"), body: exporting("images:n"), code: "IMG.0046"},
	{name: "path of the other cloud", path: "/v2.1/cloudimages/" + DemoImage + "/file", body: exporting("images:n"), status: 404, code: "APIGW.0101"},
}

func exportWorld() World {
	w := oddWorld()
	w.Buckets = []Bucket{{Name: "far", Region: "eu-nl"}, {Name: "images"}}
	w.Objects = []Object{{Bucket: "images", Key: "base.qcow2"}}
	w.Images = append(w.Images, Image{ID: "of-backup", BackupID: "b"}, Image{ID: "derived", OriginalID: DemoPublicImage}, Image{ID: "file-only", FileOnly: true},
		Image{ID: "large", DataSize: 129 << 30}, Image{ID: "huge", DataSize: 1 << 40})
	return w
}

func TestExportRules(t *testing.T) {
	t.Parallel()
	for _, a := range exports {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			d := newDemo(t)
			if _, err := d.fake.Add(DemoCloud, exportWorld()); err != nil {
				t.Fatal(err)
			}
			a.run(d)
		})
	}
}

// TestExport: one export of an image at a time, and one file at an address.
// The job names the image that was exported, not a new one.
func TestExport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDemo(t, huawei, fixed(0, 10*time.Second))
		if _, err := d.fake.Add(DemoCloud, exportWorld()); err != nil {
			t.Fatal(err)
		}
		job := d.post("/v2.1/cloudimages/"+DemoImage+"/file", exporting("images:new.qcow2")).ok().text("job_id")
		time.Sleep(5 * time.Second)
		d.post(exportPath, exporting("images:other.qcow2")).want(400, "IMG.0148")
		d.post(exportOf(DemoEncryptedImage), exporting("images:new.qcow2")).want(400, "IMG.0070")
		time.Sleep(6 * time.Second)
		done := d.job(job)
		if done.text("job_type") != jobNativeExport || done.text("status") != "SUCCESS" || done.text("entities", "image_id") != DemoImage || done.at("entities", "image_name") != nil {
			t.Errorf("job %s", done.raw)
		}
		d.post(exportPath, exporting("images:new.qcow2")).want(400, "IMG.0070")
		d.post(exportPath, exporting("images:other.qcow2")).ok()
	})
}

// TestFailedExportLeavesNothing: it can be asked for again.
func TestFailedExportLeavesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDemo(t, fixed(0, time.Second))
		if _, err := d.fake.Add(DemoCloud, exportWorld()); err != nil {
			t.Fatal(err)
		}
		if err := d.fake.Decide(DemoCloud, Outcome{Call: "ExportImage", Code: "IMG.0061"}); err != nil {
			t.Fatal(err)
		}
		job := d.post(exportPath, exporting("images:new")).ok().text("job_id")
		time.Sleep(2 * time.Second)
		if got := d.job(job).text("error_code"); got != "IMG.0061" {
			t.Errorf("failed with %q", got)
		}
		d.post(exportPath, exporting("images:new")).ok()
	})
}
