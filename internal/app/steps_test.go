package app_test

import (
	"strings"
	"testing"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// copyThenVolume is a copy with one follow-up step.
var copyThenVolume = strings.Replace(copyBase, "{", `{"options":{"on_success":[{"operation":"export-volume","volume_id":"`+
	fakecloud.DemoVolume+`","image_name":"after"}]},`, 1)

// TestStepFollowsItsParent makes one request of another and shows both.
func TestStepFollowsItsParent(t *testing.T) {
	t.Parallel()
	s := newSystem(t, ", allow_steps: [export-volume]", nil).start()
	for range 2 { // the second time it is the same request, and the same step
		s.publish("ims.request.demo.copy-image", copyThenVolume, copyEvent("a"))
	}
	key := messages.Key("demo", "/test", "a")
	child := messages.Key("demo", "/imsworker/demo/"+key, "1/0")
	parent, step := s.final(key), s.final(child)
	if len(parent.Next) != 1 || parent.Next[0] != (messages.Relative{Key: child, Cloud: "demo", Operation: "export-volume"}) {
		t.Errorf("next %+v", parent.Next)
	}
	if step.State != messages.StateSucceeded || step.Parent == nil || *step.Parent != (messages.Relative{Key: key, Cloud: "demo", Operation: "copy-image"}) {
		t.Errorf("ended %s, parent %+v", step.State, step.Parent)
	}
	if n := len(s.fake.Begun(fakecloud.DemoCloud)); n != 2 {
		t.Errorf("%d images, want 2", n)
	}
	cl := client.New(s.conn)
	detail, err := cl.Request(t.Context(), child)
	if err != nil {
		t.Fatal(err)
	}
	first, err := cl.Family(t.Context(), detail)
	if err != nil || first.Key != key || first.Asked || len(first.Children) != 1 || first.Children[0].Key != child || !first.Children[0].Asked || first.Children[0].State != "succeeded" {
		t.Errorf("family %+v, %v", first, err)
	}
}

// TestStepBeyondItsRights is rejected with its parent, before anything is made.
func TestStepBeyondItsRights(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil).start()
	s.publish("ims.request.demo.copy-image", copyThenVolume, copyEvent("a"))
	final := s.final(messages.Key("demo", "/test", "a"))
	if final.State != messages.StateRejected || final.Error.Reason != messages.ReasonConstraint || final.Error.Problems[0].Field != "options.on_success[0].operation" {
		t.Errorf("ended %s %+v", final.State, final.Error)
	}
	if n := s.made(); n != 0 {
		t.Errorf("%d images", n)
	}
}
