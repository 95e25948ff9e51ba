package handlers

import (
	"reflect"
	"testing"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

func TestOutcome(t *testing.T) {
	t.Parallel()
	images, result := Outcome(ims.Job{
		ImageID: "a", ImageName: "first",
		SubJobs: []ims.SubJob{{ImageID: "a"}, {ImageID: "b", ImageName: "second"}, {}},
		Results: []ims.MemberResult{{ImageID: "a", ProjectID: "p", Status: "success"}},
	})
	if want := []messages.Image{{ID: "a", Name: "first"}, {ID: "b", Name: "second"}}; !reflect.DeepEqual(images, want) {
		t.Errorf("images %v, want %v", images, want)
	}
	if want := (messages.Result{Members: []messages.Member{{ImageID: "a", ProjectID: "p", Status: "success"}}}); !reflect.DeepEqual(result, want) {
		t.Errorf("result %v, want %v", result, want)
	}
}
