package fakecloud

import (
	"testing"
	"testing/synctest"
	"time"
)

const crossPath = "/v1/cloudimages/" + DemoImage + "/cross_region_copy"

func crossOf(id string) string { return "/v1/cloudimages/" + id + "/cross_region_copy" }

func crossing(more string) string {
	return `{"name":"n","region":"eu-nl","project_name":"eu-nl","agency_name":"ims_admin"` + more + `}`
}

// crossings are the rules of 2.8 and 2.13.
var crossings = []attempt{
	{name: "usual", path: crossPath, body: crossing("")},
	{name: "same region", path: crossPath, body: `{"name":"n","region":"eu-de","project_name":"eu-de","agency_name":"a"}`, code: "IMG.0142"},
	{name: "unknown region", path: crossPath, body: `{"name":"n","region":"mars-1","project_name":"p","agency_name":"a"}`, code: "IMG.0147"},
	{name: "unknown project", path: crossPath, body: `{"name":"n","region":"eu-nl","project_name":"p","agency_name":"a"}`, code: "IMG.0145"},
	{name: "no project", path: crossPath, body: `{"name":"n","region":"eu-nl","agency_name":"a"}`, code: "IMG.0104"},
	{name: "no agency", path: crossPath, body: `{"name":"n","region":"eu-nl","project_name":"eu-nl"}`, code: "IMG.0179"},
	{name: "agency without rights", path: crossPath, body: `{"name":"n","region":"eu-nl","project_name":"eu-nl","agency_name":"other"}`, code: "IMG.0151"},
	{name: "no name", path: crossPath, body: `{"region":"eu-nl","project_name":"eu-nl","agency_name":"ims_admin"}`, code: "IMG.0013"},
	{name: "description with <", path: crossPath, body: crossing(`,"description":"<"`), code: "IMG.0054"},
	{name: "unknown image", path: crossOf("no"), body: crossing(""), code: "IMG.0027"},
	{name: "public image", path: crossOf(DemoPublicImage), body: crossing(""), code: "IMG.0083"},
	{name: "shared image", path: crossOf("shared"), body: crossing(""), code: "IMG.0106"},
	{name: "ISO image", path: crossOf(DemoISOImage), body: crossing(""), code: "IMG.0167"},
	{name: "encrypted image", path: crossOf(DemoEncryptedImage), body: crossing(""), code: "IMG.0143"},
	{name: "above 128 GB", path: crossOf("large"), body: crossing(""), code: "IMG.0146"},
	{name: "image being made", path: crossOf("saving"), body: crossing(""), code: "IMG.0046"},
	{name: "whole image", path: crossOf(DemoWholeImage), body: crossing(`,"vault_id":"` + DemoVault + `"`)},
	{name: "whole image without vault", path: crossOf(DemoWholeImage), body: crossing(""), code: "IMG.0184"},
	{name: "whole image into a vault without replicas", path: crossOf(DemoWholeImage), body: crossing(`,"vault_id":"no-replicas"`), code: "IMG.0189"},
	{name: "whole image in one zone", path: crossOf("one-zone"), body: crossing(`,"vault_id":"` + DemoVault + `"`), code: "IMG.0152"},
	{name: "whole image of CSBS", path: crossOf("whole-csbs"), body: crossing(`,"vault_id":"` + DemoVault + `"`), code: "IMG.0105"},
}

func newCross(t *testing.T) *demo {
	t.Helper()
	d := newDemo(t, withOthers, huawei, fixed(0, 10*time.Second), switched(func(s *Switches) { s.Agencies = []string{"ims_admin"} }))
	w := memberWorld()
	w.Images = append(w.Images, Image{ID: "large", DataSize: 129 << 30}, Image{ID: "one-zone", Whole: true, BackupID: DemoWholeBackup, OneZoneUntil: time.Now().Add(time.Hour)})
	if _, err := d.fake.Add(DemoCloud, w); err != nil {
		t.Fatal(err)
	}
	if _, err := d.fake.Add("far", World{Vaults: []Vault{{ID: "no-replicas", SizeGB: 1000, NoReplicas: true}}}); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestCrossRegionRules(t *testing.T) {
	t.Parallel()
	for _, a := range crossings {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			a.run(newCross(t))
		})
	}
}

func TestNoCrossRegionCopyOnOTC(t *testing.T) {
	t.Parallel()
	newDemo(t, withOthers).post(crossPath, crossing("")).want(404, "APIGW.0101")
}

// TestCrossRegion: the job lives in the source region, the image in the
// destination.
func TestCrossRegion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newCross(t)
		job := d.post(crossPath, crossing(`,"description":"ims-request=k"`)).ok().text("job_id")
		time.Sleep(11 * time.Second)
		done := d.job(job)
		id := done.text("entities", "image_id")
		if done.text("status") != "SUCCESS" || done.text("job_type") != jobCrossRegion || id == "" {
			t.Errorf("job %s", done.raw)
		}
		d.get("/v2/images/"+id).want(404, "<nil>")
		there := d.as("far", distantProjct, "GET", "/v2/images/"+id, "").ok()
		if there.text("__originalimagename") != DemoImage || there.text("__description") != "ims-request=k" || there.text("__data_origin") != "image,eu-de,"+DemoImage || there.text("owner") != distantProjct {
			t.Errorf("image %s", there.raw)
		}
		whole := crossing(`,"vault_id":"` + DemoVault + `"`)
		d.post(crossOf(DemoWholeImage), whole).ok()
		d.post(crossOf(DemoWholeImage), whole).want(400, "IMG.0150")
	})
}

func TestFiveCopiesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newCross(t)
		for range mostCrossCopies {
			d.post(crossPath, crossing("")).ok()
		}
		d.post(crossPath, crossing("")).want(429, "APIGW.0308")
		time.Sleep(6 * time.Minute)
		for range mostCrossCopies {
			d.post(crossPath, crossing("")).ok()
		}
		if err := d.fake.Switch(DemoCloud, func(s *Switches) error { s.RatesOff = true; return nil }); err != nil {
			t.Fatal(err)
		}
		d.post(crossPath, crossing("")).want(400, "IMG.0149")
	})
}
