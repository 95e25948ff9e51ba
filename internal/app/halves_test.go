package app_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// use is one use of an operation, with the cloud's call behind it.
type use struct {
	operation, call, body string
	// costly: after an answer was lost of which nothing can be found, the
	// request is left unresolved instead of being sent again.
	costly bool
	// alike: another use, which fails in every way, is looked up the same way,
	// so that a few kinds of failure are enough.
	alike bool
	// byState: what is there is compared with what was asked for, whatever the
	// failure was, so that a few kinds of it are enough.
	byState bool
	huawei  bool // it exists on huaweicloud only
	// settings are further ones of the cloud's entry.
	settings string
}

// ofBase begins a request about the demo's image.
const ofBase = `{"image_id":"` + fakecloud.DemoImage + `"`

var uses = map[string]use{
	"system":         {operation: "create-system-image", call: "CreateImage", body: `{"instance_id":"` + fakecloud.DemoStoppedServer + `","name":"n"}`, costly: true},
	"system_volume":  {operation: "create-system-image", call: "CreateImage", body: `{"volume_id":"` + fakecloud.DemoVolume + `","name":"n","os_version":"Ubuntu 22.04 server 64bit"}`, alike: true},
	"system_file":    {operation: "create-system-image", call: "CreateImage", body: `{"image_url":"` + fakecloud.DemoFile + `","name":"n","min_disk":40,"tags":["team.web"]}`, alike: true},
	"data":           {operation: "create-data-image", call: "CreateDataImage", body: `{"image_url":"` + fakecloud.DemoDataFile + `","name":"n","min_disk":40}`, alike: true},
	"data_volume":    {operation: "create-data-image", call: "CreateImage", body: `{"data_images":[{"volume_id":"` + fakecloud.DemoDataVolume + `","name":"n"}]}`, alike: true},
	"import":         {operation: "import-image", call: "ImportImage", body: `{"image_url":"` + fakecloud.DemoRawFile + `","name":"n","min_disk":40,"os_version":"Ubuntu 22.04 server 64bit"}`, alike: true},
	"metadata":       {operation: "register-image", call: "CreateMetadata", body: `{"image_url":"` + fakecloud.DemoFile + `","name":"n"}`},
	"register":       {operation: "register-image", call: "RegisterImage", body: `{"image_url":"` + fakecloud.DemoFile + `","name":"n"}`},
	"register_given": {operation: "register-image", call: "RegisterImage", body: `{"image_url":"` + fakecloud.DemoFile + `","image_id":"` + fakecloud.DemoQueuedImage + `"}`, alike: true},

	"copy":   {operation: "copy-image", call: "CopyImage", body: copyBase},
	"cbr":    {operation: "create-whole-image", call: "CreateWholeImage", body: `{"backup_id":"` + fakecloud.DemoBackup + `","whole_image_type":"CBR","name":"n"}`},
	"csbs":   {operation: "create-whole-image", call: "CreateWholeImage", body: `{"backup_id":"` + fakecloud.DemoCSBSBackup + `","name":"n"}`},
	"server": {operation: "create-whole-image", call: "CreateWholeImage", body: ofServer, costly: true},
	"export": {operation: "export-image", call: "ExportImage", body: ofBase + `,"bucket_url":"exports:new","file_format":"qcow2"}`},
	"cross":  {operation: "copy-image-cross-region", call: "CopyImageCrossRegion", body: ofBase + toSouth, huawei: true, alike: true},
	"share":  {operation: "share-image", call: "AddMembers", body: ofShare, byState: true},
	"take":   {operation: "unshare-image", call: "DeleteMembers", body: `{"images":["` + sharedImage + `"],"projects":["` + fakecloud.DemoNeighbour + `"]}`, byState: true},
	"answer": {operation: "answer-share", call: "AnswerMembers", body: `{"images":["` + pendingImage + `"],"status":"accepted"}`, byState: true},
	"tag":    {operation: "tag-image", call: "AddImageTag", body: ofBase + `,"tags":[{"key":"stage","value":"test"}]}`, byState: true},
	"untag":  {operation: "tag-image", call: "DeleteImageTag", body: ofBase + `,"action":"delete","tags":[{"key":"team"}]}`, byState: true},
	"update": {operation: "update-image", call: "UpdateImage", body: ofBase + `,"name":"renamed","max_ram":2048}`, byState: true},
	"delete": {operation: "delete-image", call: "DeleteImage", body: `{"image_id":"` + fakecloud.DemoWholeImage + `","delete_backup":true}`, settings: ", allow: [delete-image]", byState: true},
	"volume": {operation: "export-volume", call: "ExportVolume", body: `{"volume_id":"` + fakecloud.DemoVolume + `","image_name":"data"}`},
}

// halves are the ways in which a call can fail: begun says whether the cloud
// has done it all the same.
var halves = map[string]struct {
	fault fakecloud.Fault
	begun bool
}{
	"dropped_before":  {fakecloud.Fault{Kind: fakecloud.DropBefore}, false},
	"dropped_after":   {fakecloud.Fault{Kind: fakecloud.DropAfter}, true},
	"500_before":      {fakecloud.Fault{Kind: fakecloud.StatusBefore, Status: 500}, false},
	"500_after":       {fakecloud.Fault{Kind: fakecloud.StatusAfter, Status: 500}, true},
	"504_before":      {fakecloud.Fault{Kind: fakecloud.StatusBefore, Status: 504}, false},
	"504_after":       {fakecloud.Fault{Kind: fakecloud.StatusAfter, Status: 504}, true},
	"time_out_before": {fakecloud.Fault{Kind: fakecloud.HangBefore}, false},
	"time_out_after":  {fakecloud.Fault{Kind: fakecloud.Delay}, true},
	"html_after":      {fakecloud.Fault{Kind: fakecloud.HTMLAfter}, true},
	"cut_after":       {fakecloud.Fault{Kind: fakecloud.CutAfter}, true},
}

// fewHalves are enough for operations that compare states, or look as others do.
var fewHalves = []string{"dropped_before", "dropped_after", "500_before", "504_after"}

// TestBothHalvesOfItFailed makes the creating call of every use fail in every
// way, once with nothing done and once done with the answer lost: one image
// and one end, or what the operation's policy says where nothing is found.
func TestBothHalvesOfItFailed(t *testing.T) {
	t.Parallel()
	for useName, u := range uses {
		for halfName, half := range halves {
			if (u.byState || u.alike) && !slices.Contains(fewHalves, halfName) {
				continue
			}
			t.Run(useName+"/"+halfName, func(t *testing.T) {
				t.Parallel()
				var others []fakecloud.CloudOptions
				if u.huawei {
					others = append(others, south())
				}
				s := newSystem(t, ", horizon: 50s"+u.settings, elsewhere(u.huawei), others...)
				s.cfg.SubmitTimeout = time.Second
				half.fault.Call = u.call
				if err := s.fake.Order(fakecloud.DemoCloud, half.fault); err != nil {
					t.Fatal(err)
				}
				s.start()
				s.publish("ims.request.demo."+u.operation, u.body, nats.Header{"Nats-Msg-Id": {"a"}})
				key := messages.Key("demo", "nats", "a")
				state, made := messages.StateSucceeded, 1
				if u.costly && !half.begun {
					state, made = messages.StateUnresolved, 0
				}
				if final := s.final(key); final.State != state {
					t.Errorf("ended %s %+v, want %s", final.State, final.Error, state)
				}
				if n := s.did(u.call); n != made {
					t.Errorf("done %d times, want %d", n, made)
				}
				if n := s.finals(key); n != 1 {
					t.Errorf("%d final events", n)
				}
			})
		}
	}
}

// did counts how often the cloud really did what a call asks for.
func (s *system) did(call string) int {
	n := 0
	for _, m := range s.fake.Truth(fakecloud.DemoCloud) {
		if m.Call == call {
			n++
		}
	}
	return n
}

// finals counts the final events of a request.
func (s *system) finals(key string) int { return countFinals(s.events(key)) }

func countFinals(events []told) int {
	n := 0
	for _, e := range events {
		if e.meta.State.Final() {
			n++
		}
	}
	return n
}

// TestRowAfterTheHorizon is the one way to a second image: the first appears
// when the request was sent again already. It is reported.
func TestRowAfterTheHorizon(t *testing.T) {
	t.Parallel()
	s := newSystem(t, ", horizon: 25s", nil)
	if err := s.fake.Order(fakecloud.DemoCloud, fakecloud.Fault{Call: "CopyImage", Kind: fakecloud.DropAfter}); err != nil {
		t.Fatal(err)
	}
	if err := s.fake.Decide(fakecloud.DemoCloud, fakecloud.Outcome{Call: "CopyImage", ImageLate: fakecloud.Duration(50 * time.Second)}, fakecloud.Outcome{Call: "CopyImage", Run: fakecloud.Duration(200 * time.Second)}); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.publish("ims.request.demo.copy-image", copyBase, copyEvent("a"))
	final := s.final(messages.Key("demo", "/test", "a"))
	if final.State != messages.StateSucceeded || len(final.Duplicates) != 1 || s.made() != 2 {
		t.Errorf("ended %s, images %v, duplicates %v, %d made", final.State, final.Images, final.Duplicates, s.made())
	}
}
