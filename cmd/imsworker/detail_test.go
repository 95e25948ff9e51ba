package main

import (
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/messages"
)

func TestEventDetail(t *testing.T) {
	t.Parallel()
	object, share := "images:out.qcow2", messages.Member{ImageID: "i1", ProjectID: "p1", Status: "success"}
	for want, e := range map[string]messages.Event{
		"":                                     {},
		"job j1":                               {Job: &messages.Job{ID: "j1"}},
		"image i1":                             {Images: []messages.Image{{ID: "i1"}}, Job: &messages.Job{ID: "j1"}},
		"image i1 web":                         {Images: []messages.Image{{ID: "i1", Name: "web"}}},
		"2 images: i1 web, i2":                 {Images: []messages.Image{{ID: "i1", Name: "web"}, {ID: "i2"}}},
		"file images:out.qcow2":                {Result: messages.Result{Object: &object}, Job: &messages.Job{ID: "j1"}},
		"image i1 with p1: success":            {Result: messages.Result{Members: []messages.Member{share}}},
		"1 of 2 images and recipients done":    {Result: messages.Result{Members: []messages.Member{share, {Status: "failed"}}}},
		"job_failed IMG.0014: it went wrong":   {Error: &messages.Failure{Reason: "job_failed", Code: "IMG.0014", Message: "it went wrong"}, Images: []messages.Image{{ID: "i1"}}},
		"the job had been started; it goes on": {Cancel: &messages.Cancelled{Message: "the job had been started; it goes on"}},
		"expected to start 2026-11-22 02:00:00Z, expected to end 2026-11-22 03:00:00Z": {
			State: messages.StateProgress, Estimate: messages.Estimate{Start: new(limitsNow), End: new(limitsNow.Add(time.Hour))},
		},
		"job j1 40 % copying, expected to end 2026-11-22 02:01:00Z": {
			State: messages.StateProgress, Job: &messages.Job{ID: "j1", Percent: new(40.0), Task: "copying:"}, Times: messages.Times{Submitted: new(limitsNow)},
			Estimate: messages.Estimate{Start: new(limitsNow), End: new(limitsNow.Add(time.Minute))},
		},
	} {
		if got := eventDetail(e); got != want {
			t.Errorf("detail %q, want %q", got, want)
		}
	}
}

// TestWarnings: what an event warns of is shown, as of an export whose file
// nobody has looked at.
func TestWarnings(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	detailTable(&out, client.Detail{Events: []client.EventView{{Data: messages.Event{Warnings: []string{"it was not looked at"}}}}})
	if !strings.Contains(out.String(), "warning\tit was not looked at") {
		t.Errorf("no warning in %q", out.String())
	}
	out.Reset()
	detailTable(&out, client.Detail{Events: []client.EventView{{Data: messages.Event{Duplicates: []messages.Image{{ID: "i2", Name: "twin"}}}}}})
	if !strings.Contains(out.String(), "warning\tthis request has made another image besides, delete one of them: i2 twin\n") {
		t.Errorf("no word of the duplicate in %q", out.String())
	}
}
