package handlers

import (
	"reflect"
	"testing"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

func TestOutcome(t *testing.T) {
	t.Parallel()
	got := OutcomeOf(ims.Job{
		ImageID: "a", ImageName: "first",
		SubJobs: []ims.SubJob{{ImageID: "a"}, {ImageID: "b", ImageName: "second"}, {}},
		Results: []ims.MemberResult{{ImageID: "a", ProjectID: "p", Status: "success"}},
	})
	want := Outcome{
		Images: []messages.Image{{ID: "a", Name: "first"}, {ID: "b", Name: "second"}},
		Result: messages.Result{Members: []messages.Member{{ImageID: "a", ProjectID: "p", Status: "success"}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("outcome %+v, want %+v", got, want)
	}
}

// TestOutcomePartly has a sub job that failed, and a job that names nothing.
func TestOutcomePartly(t *testing.T) {
	t.Parallel()
	got := OutcomeOf(ims.Job{SubJobs: []ims.SubJob{{ID: "s1", ImageID: "a"}, {ID: "s2", Status: ims.JobFail, ErrorCode: "IMG.0022", FailReason: "busy"}}})
	if want := "the job succeeded, but its sub job s2 failed: IMG.0022 busy"; got.Failed != want || got.Unnamed || len(got.Images) != 1 {
		t.Errorf("outcome %+v, want %q", got, want)
	}
	if got := OutcomeOf(ims.Job{}); !got.Unnamed || got.Failed != "" {
		t.Errorf("outcome %+v of a job that names nothing", got)
	}
}
