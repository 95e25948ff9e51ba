package handlers

import (
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// Outcome reads what a job made: the images that it and its sub jobs name,
// each once and in order (API reference 3.4), and the outcomes of sharing.
// The cloud of the images is left for the caller to fill in.
func Outcome(job ims.Job) ([]messages.Image, messages.Result) {
	var images []messages.Image
	for _, i := range job.Images() {
		images = append(images, messages.Image{ID: i.ID, Name: i.Name})
	}
	var result messages.Result
	for _, m := range job.Results {
		result.Members = append(result.Members, messages.Member{ImageID: m.ImageID, ProjectID: m.ProjectID, Status: m.Status})
	}
	return images, result
}
