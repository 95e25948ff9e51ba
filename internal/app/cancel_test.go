package app_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// submitted publishes a request and waits until the cloud has taken it.
func (s *system) submitted(body, id string) string {
	s.t.Helper()
	s.publish("ims.request.demo.create-whole-image", body, nats.Header{"Nats-Msg-Id": {id}})
	key := messages.Key("demo", "nats", id)
	s.await("the request to be submitted", func() bool {
		for _, e := range s.events(key) {
			if e.meta.State == messages.StateSubmitted {
				return true
			}
		}
		return false
	})
	return key
}

// TestCancel ends requests in the ways that there are, each once.
func TestCancel(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]bool{messages.CancelLeft: false, messages.CancelDeleted: true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, "", nil).start()
			key := s.submitted(ofServer, "a")
			cl := client.New(s.conn)
			for range 2 { // the second changes nothing
				if _, err := cl.Control(t.Context(), messages.VerbCancel, messages.Control{Key: key, DeleteImage: remove}); err != nil {
					t.Fatal(err)
				}
			}
			final := s.final(key)
			if final.State != messages.StateCancelled || final.Cancel == nil || !final.Cancel.Started || final.Cancel.Image != name {
				t.Fatalf("ended %s %+v", final.State, final.Cancel)
			}
			s.settled()
			left := 0
			for _, m := range s.fake.Begun(fakecloud.DemoCloud) {
				if s.there(m.ImageID) {
					left++
				}
			}
			if want := map[bool]int{false: 1, true: 0}[remove]; left != want {
				t.Errorf("%d images are left, want %d", left, want)
			}
			if got := states(withoutProgress(s.events(key))); got != "accepted submitted cancelled" {
				t.Errorf("told %q", got)
			}
			s.retriedAfterCancel(cl, key, left)
		})
	}
}

// retriedAfterCancel: what the cancelled attempt has left is the result of the
// next one; where nothing is left it is made again.
func (s *system) retriedAfterCancel(cl *client.Client, key string, left int) {
	s.t.Helper()
	if _, err := cl.Control(s.t.Context(), messages.VerbRetry, messages.Control{Key: key}); err != nil {
		s.t.Fatal(err)
	}
	final := s.finalOf(key, 2)
	begun := s.fake.Begun(fakecloud.DemoCloud)
	if final.State != messages.StateSucceeded || len(begun) != 2-left || len(final.Images) != 1 || final.Images[0].ID != begun[len(begun)-1].ImageID {
		s.t.Errorf("the retry ended %s with %v, %d images were begun", final.State, final.Images, len(begun))
	}
}

// there reports whether the cloud has an image .
func (s *system) there(id string) bool {
	s.t.Helper()
	var images []fakecloud.Image
	if err := json.Unmarshal([]byte(s.read(s.cloud.URL+"/_admin/images?cloud=demo")), &images); err != nil {
		s.t.Fatal(err)
	}
	return slices.ContainsFunc(images, func(i fakecloud.Image) bool { return i.ID == id })
}

// TestCancelBeforeItsRequest waits for it.
func TestCancelBeforeItsRequest(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil).start()
	s.publish("ims.control.demo.cancel", `{"source":"/test","id":"late"}`, nil)
	s.publish("ims.request.demo.copy-image", putOff(copyBase), copyEvent("late"))
	if final := s.final(messages.Key("demo", "/test", "late")); final.State != messages.StateCancelled || final.Cancel.Started {
		t.Errorf("ended %s %+v", final.State, final.Cancel)
	}
}

// TestCopyWithoutItsMarker takes the marker off when the copy is done.
func TestCopyWithoutItsMarker(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil).start()
	s.publish("ims.request.demo.copy-image", `{"options":{"keep_marker":false},"description":"plain",`+copyBase[1:], copyEvent("a"))
	final := s.final(messages.Key("demo", "/test", "a"))
	if final.State != messages.StateSucceeded || len(final.Warnings) > 0 {
		t.Fatalf("ended %s %v", final.State, final.Warnings)
	}
	if image := s.image(final.Images[0].ID); image.Description != "plain" {
		t.Errorf("description %q", image.Description)
	}
}

// putOff is a request's data with the wish to wait longer than any test lasts.
func putOff(data string) string {
	return `{"options":{"not_before":"` + time.Now().AddDate(0, 6, 0).UTC().Format(time.RFC3339) + `"},` + data[1:]
}
