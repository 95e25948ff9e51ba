package app_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// exports counts the images that the cloud really began to make of volumes.
func (s *system) exports() int {
	n := 0
	for _, m := range s.fake.Truth(fakecloud.DemoCloud) {
		if m.VolumeID != "" {
			n++
		}
	}
	return n
}

// TestExportVolume follows an operation without a job through everything that
// can become of image and disk.
func TestExportVolume(t *testing.T) {
	t.Parallel()
	fault := func(kind string) []fakecloud.Fault { return []fakecloud.Fault{{Call: "ExportVolume", Kind: kind}} }
	for name, c := range map[string]struct {
		volume  string // default DemoVolume
		force   string
		outcome fakecloud.Outcome
		faults  []fakecloud.Fault
		state   messages.State
		reason  messages.Reason
		made    int
	}{
		"usual":             {state: messages.StateSucceeded, made: 1},
		"in use, forced":    {volume: fakecloud.DemoInUseVolume, force: `,"force":true`, state: messages.StateSucceeded, made: 1},
		"in use":            {volume: fakecloud.DemoInUseVolume, state: messages.StateRejected, reason: messages.ReasonConstraint},
		"unknown":           {volume: fakecloud.DemoImage, state: messages.StateRejected, reason: messages.ReasonNotFound},
		"killed":            {outcome: fakecloud.Outcome{Code: "EVS.5500"}, state: messages.StateFailed, reason: messages.ReasonJobFailed, made: 1},
		"gone":              {outcome: fakecloud.Outcome{Code: "EVS.5500", Gone: true}, state: messages.StateFailed, reason: messages.ReasonJobFailed, made: 1},
		"slow, row late":    {outcome: fakecloud.Outcome{Run: fakecloud.Duration(100 * time.Second), ImageLate: fakecloud.Duration(time.Second)}, state: messages.StateSucceeded, made: 1},
		"answer lost":       {faults: fault(fakecloud.DropAfter), state: messages.StateSucceeded, made: 1},
		"nothing was begun": {faults: fault(fakecloud.DropBefore), state: messages.StateSucceeded, made: 1},
		"lost, then gone":   {faults: fault(fakecloud.DropAfter), outcome: fakecloud.Outcome{Code: "EVS.5500", Gone: true}, state: messages.StateFailed, reason: messages.ReasonJobFailed, made: 1},
		"lost, row late":    {faults: fault(fakecloud.DropAfter), outcome: fakecloud.Outcome{Run: fakecloud.Duration(100 * time.Second)}, state: messages.StateSucceeded, made: 1},
		"lost, row never":   {faults: fault(fakecloud.DropAfter), outcome: fakecloud.Outcome{ImageNever: true}, state: messages.StateSucceeded, made: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, ", horizon: 60s", nil)
			c.outcome.Call = "ExportVolume"
			if err := s.fake.Decide(fakecloud.DemoCloud, c.outcome); err != nil {
				t.Fatal(err)
			}
			for _, f := range c.faults {
				if err := s.fake.Order(fakecloud.DemoCloud, f); err != nil {
					t.Fatal(err)
				}
			}
			s.start()
			if c.volume == "" {
				c.volume = fakecloud.DemoVolume
			}
			s.publish("ims.request.demo.export-volume", `{"volume_id":"`+c.volume+`","image_name":"data"`+c.force+`}`, nats.Header{"Nats-Msg-Id": {"a"}})
			key := messages.Key("demo", "nats", "a")
			s.checkExport(s.final(key), c.state, c.reason)
			if got := s.exports(); got != c.made {
				t.Errorf("%d images were begun, want %d", got, c.made)
			}
		})
	}
}

func (s *system) checkExport(final messages.Event, state messages.State, reason messages.Reason) {
	s.t.Helper()
	var got messages.Reason
	if final.Error != nil {
		got = final.Error.Reason
	}
	if final.State != state || got != reason {
		s.t.Fatalf("ended %s %q, want %s %q\n%s", final.State, got, state, reason, s.logs)
	}
	if state != messages.StateSucceeded {
		return
	}
	if image := s.image(final.Images[0].ID); image.Name != "data" || final.Job != nil {
		s.t.Errorf("image %+v, job %+v", image, final.Job)
	}
}

// TestBusyVolumeWaits: two requests for one disk are done one after the other.
func TestBusyVolumeWaits(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil).start()
	for _, id := range []string{"a", "b"} {
		body := `{"volume_id":"` + fakecloud.DemoVolume + `","image_name":"data-` + id + `"}`
		s.publish("ims.request.demo.export-volume", body, nats.Header{"Nats-Msg-Id": {id}})
	}
	for _, id := range []string{"a", "b"} {
		if final := s.final(messages.Key("demo", "nats", id)); final.State != messages.StateSucceeded || final.Images[0].Name != "data-"+id {
			t.Errorf("%s ended %s, %+v", id, final.State, final.Images)
		}
	}
	if got := s.exports(); got != 2 {
		t.Errorf("%d images were begun", got)
	}
}
