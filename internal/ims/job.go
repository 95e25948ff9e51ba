package ims

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// JobStatus is the state of a job. Only Success and Fail are final.
type JobStatus string

// The states of a job (API reference 3.3).
const (
	JobInit    JobStatus = "INIT"
	JobRunning JobStatus = "RUNNING"
	JobSuccess JobStatus = "SUCCESS"
	JobFail    JobStatus = "FAIL"
)

// Final reports whether the job has ended.
func (s JobStatus) Final() bool { return s == JobSuccess || s == JobFail }

// How much of a job is kept. What the cloud writes ends up in records and
// events, which have to stay well below the largest message of the broker, also
// after the escaping of JSON.
const (
	maxName    = 255 // bytes of an image's name
	maxTask    = 200
	maxWord    = 32 // bytes of one of the API's own words, such as a state
	maxImages  = 128
	maxResults = 500
)

// Job is the cloud's own slow work as it tells of it: texts and lists are cut
// and hold no secrets.
type Job struct {
	ID, Type   string
	Status     JobStatus // case is folded, a status that is not known counts as running
	Begin, End time.Time // zero where the cloud tells none
	ErrorCode  string    // of a failed job
	FailReason string    // free text of a failed job

	Percent   *float64 // 0 to 1; nil where the cloud tells none
	Task      string   // what the cloud does now; empty where it tells nothing
	ImageID   string   // may be there while the job runs; absent for OVA and data volumes, see Images
	ImageName string
	SubJobs   []SubJob
	Results   []MemberResult // of jobs that share or unshare, by ShowJob only
}

// SubJob is one part of a job that makes several images.
type SubJob struct {
	ID, Type           string
	Status             JobStatus
	Begin, End         time.Time
	ErrorCode          string
	FailReason         string
	ImageID, ImageName string
}

// MemberResult is what became of one image and one project of a members job.
type MemberResult struct {
	ImageID, ProjectID string
	Status             string // lower case, "success" if it worked
}

// JobImage names one image that a job made.
type JobImage struct{ ID, Name string }

// Images returns the images that the job names: its own and those of its sub
// jobs, in order, each once (API reference 3.4), the first 128 of them.
func (j Job) Images() []JobImage {
	var images []JobImage
	add := func(id, name string) {
		known := slices.ContainsFunc(images, func(i JobImage) bool { return i.ID == id })
		if id != "" && !known && len(images) < maxImages {
			images = append(images, JobImage{ID: id, Name: name})
		}
	}
	add(j.ImageID, j.ImageName)
	for _, s := range j.SubJobs {
		add(s.ImageID, s.ImageName)
	}
	return images
}

// Job asks for a job by the query that is configured. Where the gateway does
// not know that query (404, APIGW.0101) the other one is used from then on,
// for a while. An answer of 400 or 404 is no proof that the job failed (API
// reference 3.6).
func (c *Client) Job(ctx context.Context, jobID string) (Job, error) {
	query := c.JobQuery()
	job, err := c.jobBy(ctx, query, jobID)
	var e *Error
	if !errors.As(err, &e) || e.Code != codeNoSuchAPI {
		return job, err
	}
	other := otherQuery(query)
	job, err = c.jobBy(ctx, other, jobID)
	if err == nil {
		c.queries.use(other)
	}
	return job, err
}

// JobQuery tells which query Job uses at the moment, ShowJob or
// ShowJobProgress, so that the caller can take it from the right budget.
func (c *Client) JobQuery() string { return c.queries.current() }

// ShowJob asks GET /v1/{project_id}/jobs/{job_id}.
func (c *Client) ShowJob(ctx context.Context, jobID string) (Job, error) {
	return c.showJob(ctx, call{name: "ShowJob", path: "/v1/{project_id}/jobs/", id: jobID})
}

// ShowJobProgress asks GET /v1/cloudimages/job/{job_id}, which tells a
// percentage but no results of members jobs.
func (c *Client) ShowJobProgress(ctx context.Context, jobID string) (Job, error) {
	return c.showJob(ctx, call{name: "ShowJobProgress", path: "/v1/cloudimages/job/", id: jobID})
}

func (c *Client) jobBy(ctx context.Context, query, jobID string) (Job, error) {
	if query == ShowJobProgress {
		return c.ShowJobProgress(ctx, jobID)
	}
	return c.ShowJob(ctx, jobID)
}

// ErrOtherJob says that the cloud answered about another job than was asked
// for.
var ErrOtherJob = errors.New("the answer is about another job")

func (c *Client) showJob(ctx context.Context, k call) (Job, error) {
	k.method, k.service = http.MethodGet, imageService
	var wire wireJob
	if err := c.get(ctx, k, &wire); err != nil {
		return Job{}, err
	}
	if wire.Status == "" {
		return Job{}, c.unreadable(k, errors.New("the answer has no job status"))
	}
	if id := wire.ID.trim(); id != "" && !strings.EqualFold(id, k.id) {
		return Job{}, c.unreadable(k, ErrOtherJob)
	}
	job := wire.job(c.veil)
	job.ID = k.id
	return job, nil
}

// wireJob is a job as the API writes it (API reference 3.2).
type wireJob struct {
	ID         text         `json:"job_id"`
	Type       text         `json:"job_type"`
	Status     text         `json:"status"`
	Begin      instant      `json:"begin_time"`
	End        instant      `json:"end_time"`
	ErrorCode  text         `json:"error_code"`
	FailReason text         `json:"fail_reason"`
	Entities   wireEntities `json:"entities"`
}

type wireEntities struct {
	ImageID   text         `json:"image_id"`
	ImageName text         `json:"image_name"`
	Task      text         `json:"current_task"`
	Percent   number       `json:"process_percent"`
	Results   []wireResult `json:"results"`
	SubJobs   []wireJob    `json:"sub_jobs_result"`

	ErrorCode    text `json:"error_code"`
	Error        text `json:"error"`
	AddErrorCode text `json:"addition_error_code"`
	AddError     text `json:"addition_error_msg"`
}

type wireResult struct {
	ImageID   text `json:"image_id"`
	ProjectID text `json:"project_id"`
	Status    text `json:"status"`
}

func (w wireJob) job(v *veil) Job {
	e := w.Entities
	job := Job{
		Type: shown(string(w.Type), v, maxID), Status: jobStatus(w.Status),
		Begin: w.Begin.Time, End: w.End.Time,
		ErrorCode:  shown(first(w.ErrorCode, e.ErrorCode, e.AddErrorCode), v, maxCode),
		FailReason: shown(first(w.FailReason, e.Error, e.AddError), v, maxMessage),
		Percent:    e.Percent.share(), Task: shown(string(e.Task), v, maxTask),
		ImageID: e.ImageID.id(), ImageName: shownName(e.ImageName, v),
	}
	for _, s := range e.SubJobs {
		job.SubJobs = append(job.SubJobs, s.subJob(v))
	}
	for _, r := range e.Results[:min(len(e.Results), maxResults)] {
		job.Results = append(job.Results, MemberResult{
			ImageID: r.ImageID.id(), ProjectID: r.ProjectID.id(), Status: strings.ToLower(shown(string(r.Status), v, maxWord)),
		})
	}
	return job
}

func (w wireJob) subJob(v *veil) SubJob {
	return SubJob{
		ID: w.ID.id(), Type: shown(string(w.Type), v, maxID), Status: jobStatus(w.Status),
		Begin: w.Begin.Time, End: w.End.Time,
		ErrorCode: shown(string(w.ErrorCode), v, maxCode), FailReason: shown(string(w.FailReason), v, maxMessage),
		ImageID: w.Entities.ImageID.id(), ImageName: shownName(w.Entities.ImageName, v),
	}
}

// shownName is the name of an image. Spaces belong to it.
func shownName(name text, v *veil) string { return cut(v.text(string(name)), maxName) }

// jobStatus folds the case; the prose of the API reference also says "failed".
func jobStatus(t text) JobStatus {
	switch s := JobStatus(strings.ToUpper(t.trim())); s {
	case JobInit, JobSuccess, JobFail:
		return s
	case "FAILED":
		return JobFail
	default:
		return JobRunning
	}
}
