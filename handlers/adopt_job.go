package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// jobReader is what adopt-job needs of the cloud.
type jobReader interface {
	Job(ctx context.Context, jobID string) (ims.Job, error)
}

// adoptJob follows a job that somebody else has started. It makes no creating
// call, so it is safe to run any number of times, and a claim whose answer was
// lost is simply made again. Nothing that the job makes is marked as ours.
func adoptJob() Operation {
	type data = messages.AdoptJob
	return define(plan[data, jobReader]{
		name:    "adopt-job",
		bucket:  "show_job",
		policy:  Policy{Deadline: 24 * time.Hour, Horizon: 5 * time.Minute, Resubmit: true},
		options: func(d data) messages.Options { return d.Options },
		rules:   []rule[data]{optionsRule(func(d data) messages.Options { return d.Options })},
		checks:  []check[data, jobReader]{{"job-known", "the account has the job (3.6)", checkJob}},
		submit: func(_ context.Context, _ jobReader, d data, _ Call) (Submission, error) {
			return Submission{JobID: d.JobID}, nil
		},
		read: readAdopted,
	})
}

// codeNoJob is what the cloud says of a job that it does not know (API
// reference 3.6).
const codeNoJob = "IMG.0023"

// checkJob asks for the job once. The same code may stand for a passing
// trouble, but a job that is asked for by hand is worth asking for again by
// hand.
func checkJob(ctx context.Context, c jobReader, d messages.AdoptJob) error {
	_, err := c.Job(ctx, d.JobID)
	e, _ := errors.AsType[*ims.Error](err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ims.ErrNotFound), e != nil && e.Code == codeNoJob:
		return &ims.Error{Call: "Job", Status: http.StatusNotFound, Message: fmt.Sprintf("the cloud does not know the job %s in this account", d.JobID)}
	}
	return fmt.Errorf("ask for job %s: %w", d.JobID, err)
}

// Types of jobs whose image is no new one of this cloud (API reference 3.4).
const (
	jobExport      = "imsNativeExportImageJob"    // names the image that was exported
	jobCrossRegion = "imsCrossRegionCopyImageJob" // names an image of another region
)

// readAdopted takes a job that names no image for one that makes none: which
// kind of job it is, is known only from its type. The image of a copy to
// another region is left out, as nothing tells in which cloud it is.
func readAdopted(_ messages.AdoptJob, job ims.Job) Outcome {
	o := OutcomeOf(job)
	o.Unnamed = false
	if job.Type == jobExport || job.Type == jobCrossRegion {
		o.Images = nil
	}
	return o
}
