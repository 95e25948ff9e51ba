package fakecloud

import (
	"math"
	"time"
)

// Types of jobs that this fake runs.
const (
	jobSystemByServer  = "imsCreateImageByInstance" // the only one without Job at its end
	jobSystemByVolume  = "imsVolumeCreateImageJob"
	jobDataByVolumes   = "imsVolumesToSysDataImagesJob"
	jobPartOfVolume    = "imsCopyVolumeToImageJob" // a sub job
	jobImport          = "imsImportImageJob"
	jobImportData      = "imsImportDataImageJob"
	jobBigFile         = "imsImportBigFileImageJob" // a sub job, of quick imports
	jobRegister        = "imsNativeImportImageJob"
	jobImportOVA       = "imsImportOvaImageJob"
	jobWholeByInstance = "imsCreateWholeImageByInstanceJob"
	jobWholeByBackup   = "imsCreateWholeImageByBackupJob"
	jobCopy            = "imsCopyImageInRegionJob"
)

// start begins a job that makes the image, and lays out both lives: the row
// appears queued when the job runs, saves at half time and is active just
// before the job ends (API reference 8). It keeps job and image.
func (c *cloud) start(q *request, jobType string, image *Image) *Job {
	return c.startParts(q, jobType, image)
}

// part is an image that a sub job makes, maybe the main one.
type part struct {
	jobType string
	image   *Image
}

// startParts begins a job with sub jobs. main is nil where only they name the
// images.
func (c *cloud) startParts(q *request, jobType string, main *Image, parts ...part) *Job {
	outcome := c.nextOutcome(q.route.call)
	job := &Job{ID: c.newJobID(), Type: jobType, Call: q.route.call, Begin: q.now}
	c.plan(job, outcome)
	if main != nil {
		job.Name, job.ImageID = main.Name, c.bear(job, main, outcome)
	}
	for _, p := range parts {
		id := c.newJobID()
		if p.image != main {
			c.bear(job, p.image, outcome)
		}
		job.Parts = append(job.Parts, Part{ID: id, Type: p.jobType, Name: p.image.Name, ImageID: p.image.ID})
	}
	c.saveJob(job)
	return job
}

// bear keeps a new image with a life along the job's and returns its id.
func (c *cloud) bear(job *Job, image *Image, outcome Outcome) string {
	image.ID, image.JobID = c.newImageID(), job.ID
	image.Owner, image.Type = c.ProjectID, "private"
	c.live(job, image, outcome)
	return c.addImage(image)
}

// plan sets the job's moments and its end.
func (c *cloud) plan(job *Job, outcome Outcome) {
	wait, run := c.duration(job.Call)
	if outcome.Run > 0 {
		run = time.Duration(outcome.Run)
	}
	job.Running = job.Begin.Add(wait)
	job.End = job.Running.Add(run)
	job.Code, job.Reason = outcome.Code, outcome.Reason
	if job.Code != "" && job.Reason == "" {
		job.Reason = "the task failed with " + job.Code
	}
	if outcome.Stuck {
		job.End = never
	}
	if outcome.Forgotten || outcome.ForgottenAfter > 0 {
		job.Forgotten = job.Begin.Add(time.Duration(outcome.ForgottenAfter))
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
func (c *cloud) duration(call string) (wait, run time.Duration) {
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
