package handlers

import (
	"errors"
	"testing"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// TestAdoptJob makes no call at all.
func TestAdoptJob(t *testing.T) {
	t.Parallel()
	work, problems := adoptJob().Decode([]byte(`{"job_id":"j-1"}`), ims.ProfileOTC)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got, err := work.Submit(t.Context(), nil, Call{Key: key}); got != (Submission{JobID: "j-1"}) || err != nil {
		t.Errorf("submission %+v, %v", got, err)
	}
	if _, err := work.Find(t.Context(), nil, Search{Key: key}); !errors.Is(err, ErrNotFound) {
		t.Errorf("found, %v", err)
	}
	if o := work.Read(ims.Job{Status: ims.JobSuccess}); o.Unnamed || o.Failed != "" {
		t.Errorf("a job without images reads as %+v", o)
	}
	for _, kind := range []string{"imsNativeExportImageJob", "imsCrossRegionCopyImageJob"} {
		if o := work.Read(ims.Job{Type: kind, ImageID: "a"}); len(o.Images) > 0 || o.Unnamed {
			t.Errorf("a job of type %s reads as %+v", kind, o)
		}
	}
	if o := work.Read(ims.Job{SubJobs: []ims.SubJob{{ImageID: "a"}, {ImageID: "b"}}}); len(o.Images) != 2 {
		t.Errorf("a job with two images reads as %+v", o)
	}
}

func TestCheckJob(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err     error
		verdict ims.Verdict
	}{
		"known": {nil, ims.Accepted}, "unknown": {&ims.Error{Status: 400, Code: "IMG.0023"}, ims.Refused}, "not there": {notFound("j"), ims.Refused},
		"no rights": {&ims.Error{Status: 403}, ims.Account}, "throttled": {&ims.Error{Status: 429}, ims.Throttled},
	} {
		cloud := fakeCloud{job: func(string) (ims.Job, error) { return ims.Job{}, tt.err }}
		if err := checkJob(t.Context(), cloud, messages.AdoptJob{JobID: "j"}); ims.VerdictOf(err) != tt.verdict {
			t.Errorf("%s: %v has verdict %v, want %v", name, err, ims.VerdictOf(err), tt.verdict)
		}
	}
}
