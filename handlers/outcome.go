package handlers

import (
	"fmt"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// Outcome is what an ended job made. The cloud of the images is left for the
// caller to fill in.
type Outcome struct {
	Images []messages.Image
	Result messages.Result
	// Failed says in words what the job did not do although it calls itself
	// successful; empty where all is done.
	Failed string
	// Unnamed is true where the job made images and names none of them: Find
	// has to.
	Unnamed bool
}

// OutcomeOf reads what a job made: the images that it and its sub jobs name,
// each once and in order (API reference 3.4), and the outcomes of sharing.
func OutcomeOf(job ims.Job) (o Outcome) {
	for _, i := range job.Images() {
		o.Images = append(o.Images, messages.Image{ID: i.ID, Name: i.Name})
	}
	for _, m := range job.Results {
		o.Result.Members = append(o.Result.Members, messages.Member{ImageID: m.ImageID, ProjectID: m.ProjectID, Status: m.Status})
	}
	o.Unnamed, o.Failed = len(o.Images) == 0, failedPart(job)
	return o
}

// failedPart says which sub job failed though the job succeeded: a part of the
// work is missing.
func failedPart(job ims.Job) string {
	for _, s := range job.SubJobs {
		if s.Status == ims.JobFail {
			return fmt.Sprintf("the job succeeded, but its sub job %s failed: %s %s", s.ID, s.ErrorCode, s.FailReason)
		}
	}
	return ""
}
