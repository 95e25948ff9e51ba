package fakecloud

import (
	"math"
	"net/http"
	"strings"
	"time"
)

// Types of jobs that this fake runs.
const (
	jobWholeByInstance = "imsCreateWholeImageByInstanceJob"
	jobWholeByBackup   = "imsCreateWholeImageByBackupJob"
	jobCopy            = "imsCopyImageInRegionJob"
)

const jobTime = "2006-01-02T15:04:05.000Z"

// start begins a job that makes the image, and lays out both lives: the row
// appears queued when the job runs, saves at half time and is active just
// before the job ends (API reference 8). It keeps job and image.
func (c *cloud) start(q *request, jobType string, image *Image) *Job {
	outcome := c.nextOutcome(q.route.call)
	job := &Job{ID: c.newJobID(), Type: jobType, Call: q.route.call, Name: image.Name, Begin: q.now}
	c.plan(job, outcome)
	image.ID, image.JobID, job.ImageID = c.newImageID(), job.ID, ""
	image.Owner, image.Type = c.ProjectID, "private"
	c.live(job, image, outcome)
	job.ImageID = image.ID
	c.addImage(image)
	c.saveJob(job)
	return job
}

// plan sets the job's moments and its end.
func (c *cloud) plan(job *Job, outcome Outcome) {
	init, run := c.duration(job.Call)
	if outcome.Run > 0 {
		run = time.Duration(outcome.Run)
	}
	job.Running = job.Begin.Add(init)
	job.End = job.Running.Add(run)
	job.Code, job.Reason = outcome.Code, outcome.Reason
	if job.Code != "" && job.Reason == "" {
		job.Reason = "the task failed with " + job.Code
	}
	if outcome.Stuck {
		job.End = never
	}
}

// live sets the image's moments along the job's.
func (c *cloud) live(job *Job, image *Image, outcome Outcome) {
	run := job.End.Sub(job.Running)
	image.Created = job.Running.Truncate(time.Second)
	image.Appears = job.Running
	image.Saving = job.Running.Add(run / 2)
	image.Active = job.End.Add(-run / 50)
	if late := max(outcome.ImageLate, c.switches.ImageLate); late > 0 {
		image.Appears = job.End.Add(time.Duration(late))
	}
	if outcome.ImageNever || c.switches.ImageNever {
		image.Appears = never
	}
	if outcome.ImageEarly || c.switches.ImageEarly {
		image.Saving, image.Active = job.Running.Add(run/8), job.Running.Add(run/4)
	}
	if outcome.Stuck {
		image.Saving, image.Active = job.Running.Add(time.Minute), never
	}
	if job.Code == "" {
		return
	}
	image.Active = never
	if outcome.Killed || c.switches.KilledOnFail {
		image.Killed = job.End
		return
	}
	image.Gone = job.End
}

// duration draws how long a job of this call stays INIT and RUNNING.
func (c *cloud) duration(call string) (init, run time.Duration) {
	span, found := c.switches.Durations[call]
	if !found {
		span, found = c.switches.Durations["*"]
	}
	if !found {
		span = Span{Init: Duration(c.random.Int64N(int64(2 * time.Second))), Run: Duration(10 * time.Second)}
	}
	run = time.Duration(span.Run)
	if span.Sigma > 0 {
		run = time.Duration(float64(run) * math.Exp(span.Sigma*c.random.NormFloat64()))
	}
	return time.Duration(span.Init), run
}

func (c *cloud) newJobID() string {
	for {
		if id := "9a175ac" + c.hexID()[7:]; c.jobs[id] == nil {
			return id
		}
	}
}

func (c *cloud) newImageID() string {
	for {
		if id := c.uuid(); c.images[id] == nil {
			return id
		}
	}
}

// jobStarted is the answer to every call that starts a job.
func (c *cloud) jobStarted(job *Job) *answer {
	id := job.ID
	if c.switches.JobIDSpace {
		id = " " + id
	}
	return ok(map[string]string{"job_id": id})
}

type jobView struct {
	ID         string   `json:"job_id"`
	Type       string   `json:"job_type"`
	Begin      string   `json:"begin_time"`
	End        string   `json:"end_time"`
	Status     string   `json:"status"`
	Code       *string  `json:"error_code"`
	FailReason *string  `json:"fail_reason"`
	Entities   entities `json:"entities"`
}

type entities struct {
	ImageName     string   `json:"image_name,omitempty"`
	ImageID       string   `json:"image_id,omitempty"`
	Percent       *float64 `json:"process_percent,omitempty"`
	CurrentTask   *string  `json:"current_task,omitempty"`
	SubJobID      string   `json:"subJobId,omitempty"`
	AdditionCode  string   `json:"addition_error_code,omitempty"`
	AdditionError string   `json:"addition_error_msg,omitempty"`
}

// showJob is GET /v1/{project_id}/jobs/{job_id} (API reference 3).
func (c *cloud) showJob(q *request) *answer {
	job := c.findJob(q)
	if job == nil {
		return c.unknownJob()
	}
	view := c.viewJob(job, q.now)
	if view.Status == "RUNNING" && c.switches.ImageIDWhileRunning {
		view.Entities.ImageID = c.shownImage(job, q.now)
	}
	if c.Profile == ProfileHuawei {
		view.addProgress(job, q.now)
		view.addFailure()
	}
	return ok(view)
}

// showJobProgress is GET /v1/cloudimages/job/{job_id}.
func (c *cloud) showJobProgress(q *request) *answer {
	job := c.findJob(q)
	if job == nil {
		return c.unknownJob()
	}
	view := c.viewJob(job, q.now)
	view.addProgress(job, q.now)
	if view.Status == "RUNNING" {
		view.Entities.SubJobID = "ff8080" + job.ID[6:]
		view.Entities.ImageID = c.shownImage(job, q.now)
	}
	return ok(view)
}

// hasProgress tells whether the cloud offers the second job query.
func hasProgress(c *cloud) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.switches.JobProgress == "" {
		return c.Profile == ProfileHuawei
	}
	return c.switches.JobProgress == "on"
}

func (c *cloud) findJob(q *request) *Job {
	job := c.jobs[strings.TrimSpace(q.vars["job"])]
	kept := time.Duration(c.switches.JobsKept)
	if job != nil && kept > 0 && q.now.After(job.End.Add(kept)) {
		return nil
	}
	return job
}

func (c *cloud) unknownJob() *answer {
	a := refuse("IMG.0023", "Failed to query the job.")
	if c.switches.UnknownJob404 {
		a.status = http.StatusNotFound
	}
	return a
}

// viewJob is what both queries say.
func (c *cloud) viewJob(job *Job, now time.Time) *jobView {
	view := &jobView{ID: job.ID, Type: job.Type, Status: job.status(now), Begin: job.Begin.Format(jobTime)}
	if view.Status != "INIT" {
		view.Entities.ImageName = job.Name
	}
	switch view.Status {
	case "SUCCESS":
		view.End, view.Entities.ImageID = job.End.Format(jobTime), job.ImageID
	case "FAIL":
		view.End, view.Code, view.FailReason = job.End.Format(jobTime), &job.Code, &job.Reason
	}
	return view
}

// shownImage is the id of the job's image once its row is there.
func (c *cloud) shownImage(job *Job, now time.Time) string {
	if image := c.images[job.ImageID]; image != nil && image.visible(now) {
		return image.ID
	}
	return ""
}

func (v *jobView) addProgress(job *Job, now time.Time) {
	if v.Status == "INIT" {
		return
	}
	percent, task := job.percent(now), ""
	if v.Status == "RUNNING" {
		task = strings.TrimSuffix(strings.TrimPrefix(job.Type, "ims"), "Job") + "Task:"
	}
	v.Entities.Percent, v.Entities.CurrentTask = &percent, &task
}

func (v *jobView) addFailure() {
	if v.Status == "FAIL" {
		v.Entities.AdditionCode, v.Entities.AdditionError = *v.Code, *v.FailReason
	}
}
