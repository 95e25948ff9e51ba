package app_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

const (
	ubuntu      = `"os_version":"Ubuntu 22.04 server 64bit"`
	twoVolumes  = `{"data_images":[{"volume_id":"` + fakecloud.DemoDataVolume + `","name":"one"},{"volume_id":"` + fakecloud.DemoDataVolume2 + `","name":"two","image_tags":[{"key":"team","value":"db"}]}]}`
	withData    = `{"image_url":"` + fakecloud.DemoFile + `","name":"one","min_disk":40,"data_images":[{"image_url":"` + fakecloud.DemoDataFile + `","name":"two","min_disk":40}]}`
	huaweiEntry = "huaweicloud"
)

// imageUses are uses of the operations that make images of servers, volumes and
// files, with the names of the images that they make.
var imageUses = map[string]struct{ operation, body, names string }{
	"server":        {"create-system-image", `{"instance_id":"` + fakecloud.DemoStoppedServer + `","name":"n","tags":["team.web"]}`, "n"},
	"volume":        {"create-system-image", `{"volume_id":"` + fakecloud.DemoVolume + `","name":"n",` + ubuntu + `}`, "n"},
	"file":          {"create-system-image", withData, "one two"},
	"ISO":           {"create-system-image", `{"image_url":"` + fakecloud.DemoISOFile + `","name":"n","min_disk":40,"type":"IsoImage",` + ubuntu + `}`, "n"},
	"data file":     {"create-data-image", `{"image_url":"` + fakecloud.DemoDataFile + `","name":"n","min_disk":40}`, "n"},
	"data volumes":  {"create-data-image", twoVolumes, "one two"},
	"quick":         {"import-image", `{"image_url":"` + fakecloud.DemoRawFile + `","name":"n","min_disk":40,` + ubuntu + `}`, "n"},
	"quick data":    {"import-image", `{"image_url":"` + fakecloud.DemoQuickFile + `","name":"n","min_disk":250,"type":"DataImage"}`, "n"},
	"register":      {"register-image", `{"image_url":"` + fakecloud.DemoFile + `","name":"n","tags":["team=web"]}`, "n"},
	"register only": {"register-image", `{"image_url":"` + fakecloud.DemoFile + `","image_id":"` + fakecloud.DemoQueuedImage + `"}`, ""},
}

// profiled is a system whose cloud is of that profile.
func profiled(t *testing.T, profile, settings string) *system {
	t.Helper()
	s := newSystem(t, settings, func(o *fakecloud.CloudOptions) { o.Profile = profile })
	file := filepath.Join(s.dir, "clouds.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "profile: otc", "profile: "+profile, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestImagesAreMade: each use succeeds on the clouds of each profile, names all
// its images, and has marked those that it made.
func TestImagesAreMade(t *testing.T) {
	t.Parallel()
	for _, profile := range []string{fakecloud.ProfileOTC, huaweiEntry} {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			s := profiled(t, profile, ", safe_mode: true").start()
			for use, u := range imageUses {
				s.publish("ims.request.demo."+u.operation, u.body, nats.Header{"Nats-Msg-Id": {use}})
			}
			for use, u := range imageUses {
				key := messages.Key("demo", "nats", use)
				final := s.final(key)
				if final.State != messages.StateSucceeded || final.Job == nil || len(final.Duplicates) > 0 || len(final.Warnings) > 0 {
					t.Errorf("%s: ended %s %+v, warnings %v\n%s", use, final.State, final.Error, final.Warnings, s.logs)
					continue
				}
				s.checkMade(use, final, key, u.names)
			}
			s.checkTwins(profile)
		})
	}
}

// checkMade holds the result against the cloud: each image is there and
// marked, unless it was there before.
func (s *system) checkMade(use string, final messages.Event, key, names string) {
	s.t.Helper()
	var got []string
	for _, i := range final.Images {
		image := s.image(i.ID)
		if image.Name != "to-be-registered" {
			got = append(got, image.Name)
		}
		if has := slices.Contains(image.Tags, fakecloud.Tag{Key: messages.MarkerKey, Value: key}); has != (names != "") || s.fake.Now().Before(image.Active) {
			s.t.Errorf("%s: image %+v, marked %t", use, image, has)
		}
	}
	if strings.Join(got, " ") != names {
		s.t.Errorf("%s: images %v, want %q", use, got, names)
	}
}

// checkTwins: safe_mode reaches the v2.1 calls where there are some.
func (s *system) checkTwins(profile string) {
	s.t.Helper()
	for _, m := range s.fake.Truth(fakecloud.DemoCloud) {
		twin := m.Call == "CreateImage" || m.Call == "CreateDataImage" || m.Call == "ImportImage"
		if safe := strings.Contains(m.Path, "/v2.1/"); safe != (twin && profile == huaweiEntry) {
			s.t.Errorf("%s went to %s", m.Call, m.Path)
		}
	}
}

// TestAnswerLostOfSeveral: all images of a request whose answer was lost are its
// result, none a duplicate, and it does not end before the last is there.
func TestAnswerLostOfSeveral(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"create-data-image": twoVolumes, "create-system-image": withData} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, ", horizon: 60s", nil)
			if err := s.fake.Order(fakecloud.DemoCloud, fakecloud.Fault{Call: "CreateImage", Kind: fakecloud.DropAfter}); err != nil {
				t.Fatal(err)
			}
			s.start()
			s.publish("ims.request.demo."+name, body, nats.Header{"Nats-Msg-Id": {"a"}})
			final := s.final(messages.Key("demo", "nats", "a"))
			if final.State != messages.StateSucceeded || len(final.Images) != 2 || len(final.Duplicates) > 0 {
				t.Fatalf("ended %s %+v, images %v, duplicates %v", final.State, final.Error, final.Images, final.Duplicates)
			}
			s.checkMade(name, final, messages.Key("demo", "nats", "a"), "one two")
			if n := s.did("CreateImage"); n != 1 {
				t.Errorf("done %d times", n)
			}
		})
	}
}

// TestOVA: what only sub jobs name is the result too.
func TestOVA(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil).start()
	s.publish("ims.request.demo.create-system-image", `{"image_url":"`+fakecloud.DemoOVAFile+`","name":"n","min_disk":40}`, nats.Header{"Nats-Msg-Id": {"a"}})
	if final := s.final(messages.Key("demo", "nats", "a")); final.State != messages.StateSucceeded || len(final.Images) != 2 || final.Job.Type != "imsImportOvaImageJob" {
		t.Errorf("ended %s %+v, images %v", final.State, final.Error, final.Images)
	}
}

// TestAdoptJob follows a job of somebody else, with its images, and tells a job
// that failed or that nobody knows.
func TestAdoptJob(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil)
	s.start()
	for _, id := range []string{"theirs", "failing"} {
		s.publish("ims.request.demo.create-data-image", `{"image_url":"`+fakecloud.DemoDataFile+`","name":"`+id+`","min_disk":40}`, nats.Header{"Nats-Msg-Id": {id}})
		s.await("the job of "+id, func() bool { return s.did("CreateDataImage") > 0 })
		if id == "failing" {
			s.await("both jobs", func() bool { return s.did("CreateDataImage") > 1 })
			break
		}
		if err := s.fake.Decide(fakecloud.DemoCloud, fakecloud.Outcome{Call: "CreateDataImage", Code: "IMG.0057"}); err != nil {
			t.Fatal(err)
		}
	}
	truth := s.fake.Truth(fakecloud.DemoCloud)
	for n, want := range []messages.State{messages.StateSucceeded, messages.StateFailed} {
		id := "adopt-" + string(want)
		s.publish("ims.request.demo.adopt-job", `{"job_id":"`+truth[n].JobID+`"}`, nats.Header{"Nats-Msg-Id": {id}})
		final := s.final(messages.Key("demo", "nats", id))
		if final.State != want || final.Job.ID != truth[n].JobID || want == messages.StateSucceeded && final.Images[0].ID != truth[n].ImageID {
			t.Errorf("%s: ended %s, job %+v, images %v", id, final.State, final.Job, final.Images)
		}
	}
	s.publish("ims.request.demo.adopt-job", `{"job_id":"9a175ac0000000000000000000000000"}`, nats.Header{"Nats-Msg-Id": {"unknown"}})
	if final := s.final(messages.Key("demo", "nats", "unknown")); final.State != messages.StateRejected || final.Error.Reason != messages.ReasonNotFound {
		t.Errorf("unknown: ended %s %+v", final.State, final.Error)
	}
	if n := len(s.fake.Truth(fakecloud.DemoCloud)); n != 2 {
		t.Errorf("%d changes at the cloud, want those of the others only", n)
	}
}

// TestRegisterFails: the image is there, killed, and the request has failed.
func TestRegisterFails(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"told": false, "lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, ", horizon: 60s", nil)
			if err := s.fake.Decide(fakecloud.DemoCloud, fakecloud.Outcome{Call: "RegisterImage", Code: "IMG.1075", Run: fakecloud.Duration(2 * time.Second)}); err != nil {
				t.Fatal(err)
			}
			if lost {
				if err := s.fake.Order(fakecloud.DemoCloud, fakecloud.Fault{Call: "RegisterImage", Kind: fakecloud.DropAfter}); err != nil {
					t.Fatal(err)
				}
			}
			s.start()
			s.publish("ims.request.demo.register-image", `{"image_url":"`+fakecloud.DemoFile+`"}`, nats.Header{"Nats-Msg-Id": {"a"}})
			if final := s.final(messages.Key("demo", "nats", "a")); final.State != messages.StateFailed || final.Error.Reason != messages.ReasonJobFailed {
				t.Errorf("ended %s %+v", final.State, final.Error)
			}
		})
	}
}

// TestBucketsOfCalls: two uses of one operation that are different calls do not
// wait for each other, two that are the same call do.
func TestBucketsOfCalls(t *testing.T) {
	t.Parallel()
	s := newSystem(t, ", limits: { copy: 1/3m, system: 1/3m }", nil).start()
	volume := func(id string) string { return `{"data_images":[{"volume_id":"` + id + `","name":"n"}]}` }
	for id, body := range map[string]string{
		"file": `{"image_url":"` + fakecloud.DemoDataFile + `","name":"n","min_disk":40}`,
		"one":  volume(fakecloud.DemoDataVolume), "two": volume(fakecloud.DemoDataVolume2),
	} {
		s.publish("ims.request.demo.create-data-image", body, nats.Header{"Nats-Msg-Id": {id}})
	}
	for _, id := range []string{"file", "one", "two"} {
		if final := s.final(messages.Key("demo", "nats", id)); final.State != messages.StateSucceeded {
			t.Errorf("%s ended %s %+v", id, final.State, final.Error)
		}
	}
	times := map[string][]time.Time{}
	for _, m := range s.fake.Truth(fakecloud.DemoCloud) {
		times[m.Call] = append(times[m.Call], m.Time)
	}
	file, volumes := times["CreateDataImage"], times["CreateImage"]
	if apart := volumes[0].Sub(file[0]).Abs(); apart > 2*time.Minute {
		t.Errorf("calls of two buckets are %v apart", apart)
	}
	if apart := volumes[1].Sub(volumes[0]); apart < 3*time.Minute {
		t.Errorf("calls of one bucket are %v apart", apart)
	}
}
