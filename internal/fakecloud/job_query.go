package fakecloud

import (
	"net/http"
	"strings"
	"time"
)

const jobTime = "2006-01-02T15:04:05.000Z"

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
	ImageName     string        `json:"image_name,omitempty"`
	ImageID       string        `json:"image_id,omitempty"`
	Percent       *float64      `json:"process_percent,omitempty"`
	CurrentTask   *string       `json:"current_task,omitempty"`
	Results       *[]resultView `json:"results,omitempty"`
	SubJobID      string        `json:"subJobId,omitempty"`
	SubJobs       []*jobView    `json:"sub_jobs_result,omitempty"`
	SubJobList    []string      `json:"sub_jobs_list,omitempty"`
	AdditionCode  string        `json:"addition_error_code,omitempty"`
	AdditionError string        `json:"addition_error_msg,omitempty"`
}

// showJob is GET /v1/{project_id}/jobs/{job_id} (API reference 3).
func (c *cloud) showJob(q *request) *answer {
	job := c.findJob(q)
	if job == nil {
		return c.unknownJob()
	}
	view := c.viewJob(job, q.now)
	c.addResults(view, job)
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
	if job != nil && job.forgotten(q.now) || job != nil && kept > 0 && q.now.After(job.End.Add(kept)) {
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

// viewJob is what both queries say. The images of sub jobs stand with these
// alone.
func (c *cloud) viewJob(job *Job, now time.Time) *jobView {
	view := c.viewOne(job, now)
	for _, p := range job.Parts {
		view.Entities.SubJobList = append(view.Entities.SubJobList, p.ID)
		sub := *job
		sub.ID, sub.Type, sub.Name, sub.ImageID = p.ID, p.Type, p.Name, p.ImageID
		if shown := c.viewOne(&sub, now); shown.End != "" {
			view.Entities.SubJobs = append(view.Entities.SubJobs, shown)
		}
	}
	return view
}

func (c *cloud) viewOne(job *Job, now time.Time) *jobView {
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
