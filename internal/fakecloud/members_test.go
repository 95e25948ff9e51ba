package fakecloud

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	membersPath   = "/v1/cloudimages/members"
	otherProject  = "fedcba9876543210fedcba9876543210"
	distantProjct = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"
)

// withOthers adds two clouds: one in the region, one elsewhere.
func withOthers(o *Options) {
	near, far := Demo(), Demo()
	near.Name, near.ProjectID, near.ProjectName, near.World.Images = "other", otherProject, "eu-de_other", nil
	far.Name, far.ProjectID, far.ProjectName, far.Region = "far", distantProjct, "eu-nl", "eu-nl"
	far.World.Images = nil
	o.Clouds = append(o.Clouds, near, far)
}

// as calls another cloud of the fake.
func (d *demo) as(cloud, project, method, path, body string) reply {
	d.t.Helper()
	r := d.request(method, path, body)
	r.URL.Path = strings.Replace(r.URL.Path, "/"+DemoCloud+"/", "/"+cloud+"/", 1)
	k := d.keys
	k.project = project
	d.sign(r, body, k, time.Now())
	return d.send(r)
}

func (d *demo) other(method, path, body string) reply {
	d.t.Helper()
	return d.as("other", otherProject, method, path, body)
}

func sharing(images, projects string) string {
	list := func(words string) string { return `["` + strings.Join(strings.Fields(words), `","`) + `"]` }
	return `{"images":` + list(images) + `,"projects":` + list(projects) + `}`
}

func answering(image, status, more string) string {
	return `{"images":["` + image + `"],"project_id":"` + otherProject + `","status":"` + status + `"` + more + `}`
}

// shares are the rules of adding members (2.10, 2.13).
var shares = []attempt{
	{name: "system image", body: sharing(DemoImage, otherProject)},
	{name: "whole image of CBR", body: sharing(DemoWholeImage, otherProject)},
	{name: "ISO image", body: sharing(DemoISOImage, otherProject)},
	{name: "project that nobody plays", body: sharing(DemoImage, DemoNeighbour)},
	{name: "with oneself", body: sharing(DemoImage, DemoProjectID), code: "IMG.0076"},
	{name: "unknown project", body: sharing(DemoImage, "00000000000000000000000000000009"), code: "IMG.0108"},
	{name: "project of another region", body: sharing(DemoImage, distantProjct), code: "IMG.0177"},
	{name: "public image", body: sharing(DemoPublicImage, otherProject), code: "IMG.0089"},
	{name: "image of somebody else", body: sharing("shared", otherProject), code: "IMG.0047"},
	{name: "encrypted image", body: sharing(DemoEncryptedImage, otherProject), code: "IMG.0098"},
	{name: "encrypted image, key granted", body: sharing("granted", otherProject)},
	{name: "whole image of CSBS", body: sharing("whole-csbs", otherProject), code: "IMG.0135"},
	{name: "whole image of a shared backup", body: sharing("whole-shared", otherProject), code: "IMG.0135"},
	{name: "image being made", body: sharing("saving", otherProject), code: "IMG.0046"},
	{name: "unknown image", body: sharing("no", otherProject), code: "IMG.0027"},
	{name: "one image is wrong", body: sharing(DemoImage+" no", otherProject), code: "IMG.0027"},
	{name: "no images", body: `{"projects":["` + otherProject + `"]}`, code: "IMG.0001"},
	{name: "no recipients", body: `{"images":["` + DemoImage + `"]}`, code: "IMG.0041"},
	{name: "domains on this cloud", body: `{"images":["` + DemoImage + `"],"domains":["x"]}`, code: "IMG.0041"},
	{name: "eleventh of a whole image", body: sharing("whole-ten", otherProject), code: "IMG.0088"},
	{name: "known one of ten", body: sharing("whole-ten", "project-3"), code: "IMG.0108"},
	{name: "empty body", body: "", code: "IMG.0007"},
	{name: "take away what is not shared", method: "DELETE", body: sharing(DemoImage, otherProject)},
	{name: "take away from nobody", method: "DELETE", body: `{"images":["` + DemoImage + `"]}`, code: "IMG.0041"},
	{name: "answer for another project", method: "PUT", body: answering("shared", "accepted", ""), code: "IMG.0067"},
	{name: "answer with another word", method: "PUT", body: `{"images":["shared"],"project_id":"` + DemoProjectID + `","status":"yes"}`, code: "IMG.0001"},
	{name: "answer for an own image", method: "PUT", body: `{"images":["` + DemoImage + `"],"project_id":"` + DemoProjectID + `","status":"accepted"}`, code: "IMG.0027"},
	{name: "accept", method: "PUT", body: `{"images":["shared-pending"],"project_id":"` + DemoProjectID + `","status":"accepted"}`},
}

func memberWorld() World {
	w := oddWorld()
	var ten []Member
	for i := range 10 {
		ten = append(ten, Member{ID: fmt.Sprintf("project-%d", i), Kind: memberProject})
	}
	w.Backups = append(w.Backups, Backup{ID: "csbs-whole", Service: serviceCSBS}, Backup{ID: "cbr-shared", Shared: true})
	w.Images = append(w.Images, Image{ID: "granted", CMK: "k", KeyGranted: true}, Image{ID: "whole-csbs", Whole: true, BackupID: "csbs-whole"},
		Image{ID: "whole-shared", Whole: true, BackupID: "cbr-shared"}, Image{ID: "whole-ten", Whole: true, Members: ten})
	return w
}

func TestShareRules(t *testing.T) {
	t.Parallel()
	for _, a := range shares {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			a.path = membersPath
			d := newDemo(t, withOthers)
			if _, err := d.fake.Add(DemoCloud, memberWorld()); err != nil {
				t.Fatal(err)
			}
			a.run(d)
		})
	}
}

func (d *demo) members(image string) string {
	d.t.Helper()
	got := d.get("/v2/images/" + image + "/members").ok()
	var list []string
	for n := range got.length("members") {
		list = append(list, got.text("members", n, "member_id")[:4]+" "+got.text("members", n, "status"))
	}
	return strings.Join(list, ", ")
}

// TestSharing goes the way of a share: asked, pending, accepted, taken away.
func TestSharing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDemo(t, withOthers, fixed(0, 2*time.Second))
		job := d.post(membersPath, sharing(DemoImage, otherProject+" "+DemoNeighbour)).ok().text("job_id")
		if got := d.members(DemoImage); got != "" {
			t.Errorf("members before the job's end: %s", got)
		}
		time.Sleep(3 * time.Second)
		if got := d.members(DemoImage); got != "fedc pending, edc8 pending" {
			t.Errorf("members %s", got)
		}
		done := d.job(job)
		if done.text("job_type") != jobAddMembers || done.length("entities", "results") != 2 || done.text("entities", "results", 0, "status") != "success" ||
			done.text("entities", "results", 1, "project_id") != DemoNeighbour || done.text("entities", "image_id") != "" {
			t.Errorf("job %s", done.raw)
		}
		pending := d.other("GET", "/v2/cloudimages?visibility=shared&member_status=pending", "").ok()
		if pending.length("images") != 1 || pending.text("images", 0, "id") != DemoImage || pending.text("images", 0, "__imagetype") != "shared" {
			t.Errorf("the recipient sees %s", pending.raw)
		}
		d.other("POST", copyPath, named("n")).want(400, "IMG.0196")
		answer := d.other("PUT", membersPath, answering(DemoImage, "accepted", "")).ok().text("job_id")
		time.Sleep(15 * time.Second)
		if got := d.as("other", otherProject, "GET", "/v1/"+otherProject+"/jobs/"+answer, "").ok(); got.text("status") != "SUCCESS" || got.length("entities", "results") != 1 {
			t.Errorf("answer's job %s", got.raw)
		}
		if got := d.members(DemoImage); got != "fedc accepted, edc8 pending" {
			t.Errorf("members %s", got)
		}
		own := d.other("GET", "/v2/images/"+DemoImage+"/members/"+otherProject, "").ok()
		if own.text("status") != "accepted" {
			t.Errorf("the recipient's own %s", own.raw)
		}
		d.other("POST", copyPath, named("n")).ok()
		again := d.post(membersPath, sharing(DemoImage, otherProject)).ok().text("job_id")
		time.Sleep(3 * time.Second)
		if got := d.members(DemoImage); got != "fedc accepted, edc8 pending" || d.job(again).text("status") != "SUCCESS" {
			t.Errorf("members after a repetition: %s", got)
		}
		gone := d.call("DELETE", membersPath, sharing(DemoImage, otherProject)).ok().text("job_id")
		time.Sleep(3 * time.Second)
		if list, told := d.job(gone).at("entities", "results").([]any); !told || len(list) != 0 {
			t.Errorf("job %s", d.job(gone).raw)
		}
		if got := d.members(DemoImage); got != "edc8 pending" {
			t.Errorf("members %s", got)
		}
		d.other("GET", "/v2/images/"+DemoImage, "").want(404, "<nil>")
	})
}

func TestAcceptingAWholeImageNeedsAVault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDemo(t, withOthers, fixed(0, time.Second))
		if _, err := d.fake.Add("other", oddWorld()); err != nil {
			t.Fatal(err)
		}
		d.post(membersPath, sharing(DemoWholeImage, otherProject)).ok()
		time.Sleep(2 * time.Second)
		for vault, code := range map[string]string{"": "IMG.0184", "no": "IMG.0184", "disks": "IMG.0193", "frozen": "IMG.0188", "full": "IMG.0182"} {
			d.other("PUT", membersPath, answering(DemoWholeImage, "accepted", `,"vault_id":"`+vault+`"`)).want(400, code)
		}
		d.other("PUT", membersPath, answering(DemoWholeImage, "rejected", "")).ok()
		d.other("PUT", membersPath, answering(DemoWholeImage, "accepted", `,"vault_id":"`+DemoVault+`"`)).ok()
	})
}

// TestPartOfAShareFails: the job fails only where everything failed.
func TestPartOfAShareFails(t *testing.T) {
	t.Parallel()
	for failing, want := range map[int]string{1: "SUCCESS failed success", 2: "FAIL  "} {
		synctest.Test(t, func(t *testing.T) {
			d := newDemo(t, withOthers, fixed(0, time.Second), switched(func(s *Switches) { s.NoMemberProject = true }))
			if err := d.fake.Decide(DemoCloud, Outcome{Call: "AddMembers", MembersFailed: failing}); err != nil {
				t.Fatal(err)
			}
			id := d.post(membersPath, sharing(DemoImage, otherProject+" "+DemoNeighbour)).ok().text("job_id")
			time.Sleep(2 * time.Second)
			job := d.job(id)
			got := job.text("status") + " " + job.text("entities", "results", 0, "status") + " " + job.text("entities", "results", 1, "status")
			if got != want || job.at("entities", "results", 1, "project_id") != nil {
				t.Errorf("%d fail: %s, want %s", failing, job.raw, want)
			}
			if got := len(strings.Fields(d.members(DemoImage))) / 2; got != 2-failing {
				t.Errorf("%d fail: members %s", failing, d.members(DemoImage))
			}
		})
	}
}

// TestDomainsAndOrganizations are known to Huawei Cloud only, and to its newer
// members query.
func TestDomainsAndOrganizations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDemo(t, huawei, fixed(0, time.Second))
		d.post(membersPath, `{"images":["`+DemoImage+`"],"domains":["d1"],"organizations":["o:1"]}`).ok()
		time.Sleep(2 * time.Second)
		if got := d.members(DemoImage); got != "" {
			t.Errorf("native members %s", got)
		}
		all := d.get("/v1/" + DemoProjectID + "/cloudimages/" + DemoImage + "/members").ok()
		if all.length("members") != 2 || all.text("members", 1, "urn") != "o:1" || all.text("members", 0, "member_type") != "domain" || all.at("page_info", "current_count") != 2.0 {
			t.Errorf("members %s", all.raw)
		}
		d.call("DELETE", "/v2/images/"+DemoImage, "").want(400, "IMG.0105")
	})
}

// TestDeletedImageIsGoneForAll: the recipients lose what the owner deletes.
func TestDeletedImageIsGoneForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDemo(t, withOthers, fixed(0, time.Second))
		d.post(membersPath, sharing(DemoImage, otherProject)).ok()
		time.Sleep(2 * time.Second)
		d.other("GET", "/v2/images/"+DemoImage, "").ok()
		d.call("DELETE", "/v2/images/"+DemoImage, "").want(204, "")
		d.other("GET", "/v2/images/"+DemoImage, "").want(404, "<nil>")
	})
}
