package fakecloud

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// step is what job and image look like at one moment after the POST.
type step struct {
	at         time.Duration
	job, image string // image: "" is not there
	registered bool
}

func TestLifeOfWholeImage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDemo(t, fixed(time.Second, 10*time.Second))
		job := d.whole(DemoBackup)
		start := time.Now()
		for _, s := range []step{
			{0, "INIT", "", false},
			{1 * time.Second, "RUNNING", "queued", false},
			{6 * time.Second, "RUNNING", "saving", false},
			{10900 * time.Millisecond, "RUNNING", "active", true},
			{11 * time.Second, "SUCCESS", "active", true},
		} {
			time.Sleep(time.Until(start.Add(s.at)))
			d.checkStep(s, job)
		}
	})
}

// checkStep looks at the job, at the image natively and in the list.
func (d *demo) checkStep(s step, job string) {
	d.t.Helper()
	answered := d.job(job)
	if got := answered.text("status"); got != s.job {
		d.t.Errorf("after %v: job %s, want %s", s.at, got, s.job)
	}
	if (answered.text("entities", "image_id") != "") != (s.job == "SUCCESS") {
		d.t.Errorf("after %v: entities %v", s.at, answered.at("entities"))
	}
	if (answered.text("end_time") != "") != (s.job == "SUCCESS") {
		d.t.Errorf("after %v: end_time %q", s.at, answered.text("end_time"))
	}
	image := d.fake.Truth(DemoCloud)[0].ImageID
	if got := d.get("/v2/images/" + image).text("status"); got != s.image {
		d.t.Errorf("after %v: image %q, want %q", s.at, got, s.image)
	}
	if got := d.get("/v2/cloudimages?tag=ims-request%3Dk1").length("images") == 1; got != s.registered {
		d.t.Errorf("after %v: listed %v, want %v", s.at, got, s.registered)
	}
	hidden := d.get("/v2/cloudimages?__isregistered=false&tag=ims-request%3Dk1").length("images") == 1
	if want := s.image != "" && !s.registered; hidden != want {
		d.t.Errorf("after %v: listed as unregistered %v, want %v", s.at, hidden, want)
	}
}

func TestFailedJobFreesTheBackup(t *testing.T) {
	t.Parallel()
	for name, killed := range map[string]bool{"removed": false, "killed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDemo(t, fixed(0, 10*time.Second))
				order := Outcome{Call: "CreateWholeImage", Code: "IMG.0014", Reason: "inside", Killed: killed}
				if err := d.fake.Decide(DemoCloud, order); err != nil {
					t.Fatal(err)
				}
				job := d.whole(DemoBackup)
				time.Sleep(10 * time.Second)
				d.checkFailed(job, killed)
				d.whole(DemoBackup)
			})
		})
	}
}

func (d *demo) checkFailed(job string, killed bool) {
	d.t.Helper()
	answered := d.job(job)
	if answered.text("status") != "FAIL" || answered.text("error_code") != "IMG.0014" || answered.text("fail_reason") != "inside" {
		d.t.Errorf("job %s", answered.raw)
	}
	if answered.text("entities", "image_id") != "" {
		d.t.Error("a failed job names an image")
	}
	got := d.get("/v2/images/" + d.fake.Truth(DemoCloud)[0].ImageID)
	if killed && got.text("status") != "killed" || !killed && got.status != 404 {
		d.t.Errorf("image: %s", got.raw)
	}
}

func TestAwkwardImages(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		order Outcome
		steps []step
	}{
		"late": {Outcome{ImageLate: Duration(5 * time.Second)}, []step{
			{6 * time.Second, "RUNNING", "", false}, {14 * time.Second, "SUCCESS", "", false}, {15 * time.Second, "SUCCESS", "active", true}}},
		"never": {Outcome{ImageNever: true}, []step{{6 * time.Second, "RUNNING", "", false}, {time.Hour, "SUCCESS", "", false}}},
		"early": {Outcome{ImageEarly: true}, []step{{3 * time.Second, "RUNNING", "active", true}, {10 * time.Second, "SUCCESS", "active", true}}},
		"stuck": {Outcome{Stuck: true}, []step{{time.Second, "RUNNING", "queued", false}, {1000 * time.Hour, "RUNNING", "saving", false}}},
		"long":  {Outcome{Run: Duration(time.Hour)}, []step{{20 * time.Second, "RUNNING", "queued", false}, {time.Hour, "SUCCESS", "active", true}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDemo(t, fixed(0, 10*time.Second))
				c.order.Call = "*"
				if err := d.fake.Decide(DemoCloud, c.order); err != nil {
					t.Fatal(err)
				}
				start, job := time.Now(), d.whole(DemoBackup)
				for _, s := range c.steps {
					time.Sleep(time.Until(start.Add(s.at)))
					d.checkStep(s, job)
				}
			})
		})
	}
}

// TestForgottenJob: no query knows the job, its image comes all the same.
func TestForgottenJob(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		order  Outcome
		before int // status of a query at once
	}{
		"at once": {Outcome{Forgotten: true}, 400},
		"later":   {Outcome{ForgottenAfter: Duration(5 * time.Second)}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDemo(t, huawei, fixed(0, 10*time.Second))
				c.order.Call = "*"
				if err := d.fake.Decide(DemoCloud, c.order); err != nil {
					t.Fatal(err)
				}
				job := d.whole(DemoBackup)
				if got := d.get("/v1/" + DemoProjectID + "/jobs/" + job).status; got != c.before {
					t.Errorf("at once: %d, want %d", got, c.before)
				}
				time.Sleep(10 * time.Second)
				d.get("/v1/"+DemoProjectID+"/jobs/"+job).want(400, "IMG.0023")
				d.get("/v1/cloudimages/job/"+job).want(400, "IMG.0023")
				if got := d.get("/v2/images/" + d.fake.Truth(DemoCloud)[0].ImageID).text("status"); got != "active" {
					t.Errorf("image %s", got)
				}
			})
		})
	}
}

// TestOutcomesByChance: some jobs fail, the same ones each time.
func TestOutcomesByChance(t *testing.T) {
	t.Parallel()
	pattern := func() string {
		d := newDemo(t, fixed(0, 0), switched(func(s *Switches) { s.RatesOff, s.Quota = true, -1 }))
		d.admin("POST", "outcomes", `{"call":"CopyImage","code":"IMG.0014","probability":0.2}`, nil)
		var seen strings.Builder
		for range 100 {
			seen.WriteString(d.job(d.copy(named("n"))).text("status")[:1])
		}
		return seen.String()
	}
	first := pattern()
	if n := strings.Count(first, "F"); n < 8 || n > 35 || pattern() != first {
		t.Errorf("%d of 100 jobs failed with probability 0.2: %s", n, first)
	}
}

func TestFasterClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDemo(t, fixed(0, time.Hour), func(o *Options) { o.TimeFactor = 60 })
		job := d.whole(DemoBackup)
		time.Sleep(time.Minute)
		answered := d.job(job)
		begin, errBegin := time.Parse(jobTime, answered.text("begin_time"))
		end, errEnd := time.Parse(jobTime, answered.text("end_time"))
		if errBegin != nil || errEnd != nil || end.Sub(begin) != time.Hour {
			t.Errorf("job %s", answered.raw)
		}
		date, err := time.Parse(time.RFC1123, answered.header.Get("Date"))
		if err != nil || date.Sub(begin) < time.Hour {
			t.Errorf("Date %q, job began %v", answered.header.Get("Date"), begin)
		}
	})
}

func TestWholeImageFromServer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDemo(t, fixed(0, 10*time.Second))
		body := `{"name":"n","instance_id":"` + DemoVaultServer + `","vault_id":"` + DemoVault + `"}`
		job := d.post(wholePath, body).ok().text("job_id")
		if got := d.job(job).text("job_type"); got != jobWholeByInstance {
			t.Errorf("job type %s", got)
		}
		d.post(wholePath, body).want(400, "IMG.0136")
		backup := d.fake.Truth(DemoCloud)[0].BackupID
		if got := d.get("/v3/"+DemoProjectID+"/backups/"+backup).text("backup", "status"); got != "protecting" {
			t.Errorf("backup %s", got)
		}
		time.Sleep(10 * time.Second)
		made := d.get("/v3/" + DemoProjectID + "/backups/" + backup)
		image := d.job(job).text("entities", "image_id")
		if made.text("backup", "status") != "available" || made.text("backup", "resource_id") != DemoVaultServer ||
			made.text("backup", "extend_info", "os_images_data", 0, "image_id") != image {
			t.Errorf("backup %s, image %s", made.raw, image)
		}
		if got := d.get("/v2/images/" + image).text("__backup_id"); got != backup {
			t.Errorf("__backup_id %s, want %s", got, backup)
		}
		time.Sleep(time.Nanosecond)
		d.post(wholePath, body).ok()
	})
}
