package fakecloud

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestJobEntities: what each query of each cloud tells while a job runs and
// after it (API reference 3).
func TestJobEntities(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		options func(*Options)
		path    string
		running string // keys of entities, in order of the check
		done    string
	}{
		"ShowJob otc":             {func(*Options) {}, "/v1/" + DemoProjectID + "/jobs/", "image_name", "image_name image_id"},
		"ShowJob huaweicloud":     {huawei, "/v1/" + DemoProjectID + "/jobs/", "image_name process_percent current_task", "image_name image_id process_percent current_task"},
		"ShowJobProgress":         {huawei, "/v1/cloudimages/job/", "image_name image_id process_percent current_task subJobId", "image_name image_id process_percent current_task"},
		"ShowJob with early id":   {switched(func(s *Switches) { s.ImageIDWhileRunning = true }), "/v1/" + DemoProjectID + "/jobs/", "image_name image_id", "image_name image_id"},
		"ShowJobProgress on otc":  {switched(func(s *Switches) { s.JobProgress = "on" }), "/v1/cloudimages/job/", "image_name image_id process_percent current_task subJobId", "image_name image_id process_percent current_task"},
		"job id after a space":    {switched(func(s *Switches) { s.JobIDSpace = true }), "/v1/" + DemoProjectID + "/jobs/", "image_name", "image_name image_id"},
		"job id with space, both": {func(o *Options) { huawei(o); o.Clouds[0].Switches.JobIDSpace = true }, "/v1/cloudimages/job/", "image_name image_id process_percent current_task subJobId", "image_name image_id process_percent current_task"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDemo(t, c.options, fixed(time.Second, 10*time.Second))
				path := c.path + strings.TrimSpace(d.copy(named("n")))
				d.checkEntities(path, "INIT", "")
				time.Sleep(5 * time.Second)
				d.checkEntities(path, "RUNNING", c.running)
				time.Sleep(6 * time.Second)
				d.checkEntities(path, "SUCCESS", c.done)
			})
		})
	}
}

func (d *demo) checkEntities(path, status, keys string) {
	d.t.Helper()
	got := d.get(path).ok()
	entities, _ := got.at("entities").(map[string]any)
	wanted := strings.Fields(keys)
	for _, key := range wanted {
		if _, found := entities[key]; !found {
			d.t.Errorf("%s without %s: %s", status, key, got.raw)
		}
	}
	if got.text("status") != status || len(entities) != len(wanted) || got.at("error_code") != nil || got.at("fail_reason") != nil {
		d.t.Errorf("want %s with %q: %s", status, keys, got.raw)
	}
}

func TestJobIDForms(t *testing.T) {
	t.Parallel()
	plain, spaced := newDemo(t), newDemo(t, switched(func(s *Switches) { s.JobIDSpace = true }))
	if id := plain.copy(named("n")); len(id) != 32 {
		t.Errorf("job id %q", id)
	}
	if id := spaced.copy(named("n")); len(id) != 33 || id[0] != ' ' {
		t.Errorf("job id %q", id)
	}
}

func TestDefaultDurations(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	for range 10 {
		d.copy(named("n"))
	}
	for _, job := range d.fake.clouds[DemoCloud].jobs {
		if init, run := job.Running.Sub(job.Begin), job.End.Sub(job.Running); init > 2*time.Second || run != 10*time.Second {
			t.Errorf("job of %v and %v", init, run)
		}
	}
}

func TestJobsAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDemo(t, fixed(0, time.Second), switched(func(s *Switches) { s.JobsKept = Duration(time.Hour) }))
		job := d.copy(named("n"))
		time.Sleep(time.Hour)
		d.job(job)
		time.Sleep(2 * time.Second)
		d.get("/v1/"+DemoProjectID+"/jobs/"+job).want(400, "IMG.0023")
	})
}

// TestCopyOrigin: what a copy can be found again by (API reference 4.10).
func TestCopyOrigin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDemo(t, fixed(0, time.Second))
		job := d.copy(`{"name":"n","description":"ims-request=k"}`)
		time.Sleep(time.Second)
		image := d.get("/v2/images/" + d.job(job).text("entities", "image_id")).ok()
		for key, want := range map[string]any{"__originalimagename": DemoImage, "__data_origin": "image,eu-de," + DemoImage, "__description": "ims-request=k"} {
			if got := image.json[key]; got != want {
				t.Errorf("%s: got %v, want %v", key, got, want)
			}
		}
		if image.length("tags") != 0 {
			t.Errorf("tags %v", image.at("tags"))
		}
	})
}
