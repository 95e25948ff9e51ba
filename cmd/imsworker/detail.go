package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/imsworker/imsworker/messages"
)

// eventDetail is what an event tells beside its state, in one line.
func eventDetail(e messages.Event) string {
	switch {
	case e.Batch != nil && e.State == messages.StateBatchLegs:
		return fmt.Sprintf("page %d, %d legs", e.Batch.Page, len(e.Batch.Legs))
	case e.Batch != nil:
		return e.Batch.Counts.String()
	case e.State == messages.StateProgress:
		return progressDetail(e)
	case e.Cancel != nil:
		return e.Cancel.Message
	case e.Error != nil:
		return fmt.Sprintf("%s: %s", reasonAndCode(e.Error), e.Error.Message)
	case len(e.Images) > 0:
		return imagesDetail(e.Images)
	case e.Result.Object != nil:
		return "file " + *e.Result.Object
	case len(e.Result.Members) > 0:
		return membersDetail(e.Result.Members)
	case e.Job != nil:
		return "job " + e.Job.ID
	default:
		return ""
	}
}

// progressDetail tells how far the cloud says it is, and what the worker expects.
func progressDetail(e messages.Event) string {
	var words []string
	if e.Job != nil && e.Job.Percent != nil {
		words = append(words, strings.TrimSpace(fmt.Sprintf("job %s %.0f %% %s", e.Job.ID, *e.Job.Percent, strings.TrimRight(e.Job.Task, ": "))))
	}
	if e.Times.Submitted == nil && e.Estimate.Start != nil {
		words = append(words, "expected to start "+moment(*e.Estimate.Start))
	}
	if e.Estimate.End != nil {
		words = append(words, "expected to end "+moment(*e.Estimate.End))
	}
	return strings.Join(words, ", ")
}

// imagesDetail names every image of a result.
func imagesDetail(images []messages.Image) string {
	words := make([]string, 0, len(images))
	for _, i := range images {
		words = append(words, strings.TrimSpace(i.ID+" "+i.Name))
	}
	if len(words) == 1 {
		return "image " + words[0]
	}
	return fmt.Sprintf("%d images: %s", len(words), strings.Join(words, ", "))
}

// membersDetail tells one outcome in full and counts several.
func membersDetail(members []messages.Member) string {
	if m := members[0]; len(members) == 1 {
		return fmt.Sprintf("image %s with %s: %s", m.ImageID, m.ProjectID, m.Status)
	}
	done := 0
	for _, m := range members {
		if m.Status == "success" {
			done++
		}
	}
	return fmt.Sprintf("%d of %d images and recipients done", done, len(members))
}

// warningRows shows what an event warns of.
func warningRows(w io.Writer, e messages.Event) {
	for _, warning := range warningsOf(e) {
		row(w, "warning", warning)
	}
}

// warningsOf are an event's warnings, and those that its duplicates are.
func warningsOf(e messages.Event) []string {
	all := slices.Clone(e.Warnings)
	for _, i := range e.Duplicates {
		all = append(all, strings.TrimSpace("this request has made another image besides, delete one of them: "+i.ID+" "+i.Name))
	}
	return all
}
