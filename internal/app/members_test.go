package app_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

const (
	pendingImage = "8f1e2d3c-4b5a-4697-a887-96a5b4c3d2e1" // shared with the demo by its neighbour
	sharedImage  = "9a2e3d4c-5b6a-4798-b998-a7b6c5d4e3f2" // shared with the neighbour by the demo
	otherProject = "fedcba9876543210fedcba9876543210"
	toSouth      = `,"name":"copy","region":"south","project_name":"south","agency_name":"ims_admin","image_tags":[{"key":"team","value":"web"}]}`
	ofShare      = `{"images":["` + fakecloud.DemoImage + `"],"projects":["` + fakecloud.DemoNeighbour + `"]}`
)

// elsewhere gives the demo images that are shared and a bucket to export to.
func elsewhere(huawei bool) func(*fakecloud.CloudOptions) {
	return func(o *fakecloud.CloudOptions) {
		if huawei {
			o.Profile = fakecloud.ProfileHuawei
		}
		o.World.Images = append(slices.Clone(o.World.Images), fakecloud.Image{ID: pendingImage, Name: "theirs", Type: "shared", Owner: fakecloud.DemoNeighbour, MemberStatus: "pending"},
			fakecloud.Image{ID: sharedImage, Name: "ours", Members: []fakecloud.Member{{ID: fakecloud.DemoNeighbour, Kind: "project"}}})
		o.World.Buckets = append(slices.Clone(o.World.Buckets), fakecloud.Bucket{Name: "exports"})
	}
}

// south is an account in another region.
func south() fakecloud.CloudOptions {
	o := fakecloud.Demo()
	o.Name, o.Region, o.ProjectID, o.ProjectName, o.Profile = "south", "south", "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f", "south", fakecloud.ProfileHuawei
	o.World.Images = nil
	return o
}

// neighbour is another account in the demo's region.
func neighbour() fakecloud.CloudOptions {
	o := fakecloud.Demo()
	o.Name, o.ProjectID, o.ProjectName = "other", otherProject, "eu-de_other"
	o.World.Images = nil
	return o
}

// ask publishes a request and waits for its end.
func (s *system) ask(cloud, operation, body string) messages.Event {
	s.t.Helper()
	id := operation + "-" + strconv.Itoa(len(s.fake.Calls(cloud)))
	s.publish("ims.request."+cloud+"."+operation, body, nats.Header{"Nats-Msg-Id": {id}})
	return s.final(messages.Key(cloud, "nats", id))
}

func (s *system) askWell(cloud, operation, body string) messages.Event {
	s.t.Helper()
	final := s.ask(cloud, operation, body)
	if final.State != messages.StateSucceeded {
		s.t.Fatalf("%s ended %s %+v\n%s", operation, final.State, final.Error, s.logs)
	}
	return final
}

func outcomes(e messages.Event) string {
	var words []string
	for _, m := range e.Result.Members {
		words = append(words, m.ProjectID[:4]+" "+m.Status)
	}
	return strings.Join(words, ", ")
}

// TestSharing: shared by the one, accepted by the other, used, taken away; by
// both job queries, of which one tells no outcome of members.
func TestSharing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ profile, settings string }{
		"otc":         {fakecloud.ProfileOTC, ""},
		"huaweicloud": {fakecloud.ProfileHuawei, ", job_query: show_progress"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other := neighbour()
			other.Profile = c.profile
			s := newSystem(t, c.settings, func(o *fakecloud.CloudOptions) { o.Profile = c.profile }, other).start()
			shared := `{"images":["` + fakecloud.DemoImage + `"],"projects":["` + otherProject + `","` + fakecloud.DemoNeighbour + `"]}`
			if got := outcomes(s.askWell("demo", "share-image", shared)); got != "fedc success, edc8 success" {
				t.Errorf("shared: %s", got)
			}
			if got := outcomes(s.askWell("other", "answer-share", `{"images":["`+fakecloud.DemoImage+`"],"status":"accepted"}`)); got != "fedc success" {
				t.Errorf("answered: %s", got)
			}
			s.askWell("other", "copy-image", copyBase)
			if got := outcomes(s.askWell("demo", "unshare-image", shared)); got != "fedc success, edc8 success" {
				t.Errorf("taken away: %s", got)
			}
		})
	}
}

// TestPartOfAShareFails: a job that succeeds with items that failed is no
// success, whether it tells so or not.
func TestPartOfAShareFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ profile, settings, want string }{
		"told":          {fakecloud.ProfileOTC, "", "fedc failed, edc8 success"},
		"not told":      {fakecloud.ProfileHuawei, ", job_query: show_progress", "fedc missing, edc8 success"},
		"without names": {fakecloud.ProfileOTC, "", "fedc missing, edc8 success"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, c.settings, func(o *fakecloud.CloudOptions) {
				o.Profile, o.Switches.NoMemberProject = c.profile, name == "without names"
			}, neighbour())
			if err := s.fake.Decide(fakecloud.DemoCloud, fakecloud.Outcome{Call: "AddMembers", MembersFailed: 1}); err != nil {
				t.Fatal(err)
			}
			s.start()
			final := s.ask("demo", "share-image", `{"images":["`+fakecloud.DemoImage+`"],"projects":["`+otherProject+`","`+fakecloud.DemoNeighbour+`"]}`)
			if final.State != messages.StateFailed || final.Error.Reason != messages.ReasonJobFailed || outcomes(final) != c.want {
				t.Errorf("ended %s %+v, members %s", final.State, final.Error, outcomes(final))
			}
		})
	}
}

// TestAtOnce: what the cloud does without a job is there when the request has
// succeeded, in each profile.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	for _, profile := range []string{fakecloud.ProfileOTC, fakecloud.ProfileHuawei} {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, ", allow: [tag-image, update-image, delete-image]", func(o *fakecloud.CloudOptions) {
				o.Profile, o.Switches.DeleteLag = profile, fakecloud.Duration(20*time.Second)
			}).start()
			s.askWell("demo", "tag-image", ofBase+`,"tags":[{"key":"a","value":"1"},{"key":"b"}]}`)
			s.askWell("demo", "update-image", ofBase+`,"name":"renamed","max_ram":2048,"__support_arm":false}`)
			image := s.image(fakecloud.DemoImage)
			if image.Name != "renamed" || image.MaxRAM != 2048 || !slices.Contains(image.Tags, fakecloud.Tag{Key: "a", Value: "1"}) || image.Support["__support_arm"] != "false" {
				t.Errorf("image %+v", image)
			}
			s.askWell("demo", "delete-image", `{"image_id":"`+fakecloud.DemoWholeImage+`","delete_backup":true}`)
			if text := s.read(s.cloud.URL + "/_admin/images?cloud=demo"); strings.Contains(text, fakecloud.DemoWholeImage) {
				t.Error("the image is still there")
			}
			if text := s.read(s.cloud.URL + "/_admin/backups?cloud=demo"); strings.Contains(text, fakecloud.DemoWholeBackup) {
				t.Error("the backup is still there")
			}
		})
	}
}

// TestExportImage makes a file, no image, and tells its place.
func TestExportImage(t *testing.T) {
	t.Parallel()
	for profile, settings := range map[string]string{fakecloud.ProfileOTC: "", fakecloud.ProfileHuawei: ", safe_mode: true"} {
		t.Run(profile, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, settings, func(o *fakecloud.CloudOptions) { elsewhere(profile == fakecloud.ProfileHuawei)(o) }).start()
			const body = ofBase + `,"bucket_url":"exports:new","file_format":"qcow2"}`
			final := s.askWell("demo", "export-image", body)
			if len(final.Images) != 0 || final.Result.Object == nil || *final.Result.Object != "exports:new" || len(final.Warnings) != 0 {
				t.Errorf("final %+v", final)
			}
			s.publish("ims.request.demo.export-image", body, nats.Header{"Nats-Msg-Id": {"again"}})
			again := s.final(messages.Key("demo", "nats", "again"))
			if again.State != messages.StateRejected || again.Error.Reason != messages.ReasonConflict || again.Error.Code != "IMG.0070" {
				t.Errorf("a second export ended %s %+v", again.State, again.Error)
			}
		})
	}
}

// TestCrossRegion: the copy is followed, found and tagged in the destination.
func TestCrossRegion(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", elsewhere(true), south()).start()
	final := s.askWell("demo", "copy-image-cross-region", ofBase+toSouth)
	if len(final.Images) != 1 || final.Images[0].Cloud != "south" {
		t.Fatalf("images %+v", final.Images)
	}
	text := s.read(s.cloud.URL + "/_admin/images?cloud=south")
	if !strings.Contains(text, final.Images[0].ID) || !strings.Contains(text, `"key": "team"`) {
		t.Errorf("the destination has %s", text)
	}
	nowhere := s.ask("demo", "copy-image-cross-region", ofBase+strings.ReplaceAll(toSouth, `"south"`, `"north"`))
	if nowhere.State != messages.StateRejected || nowhere.Error.Reason != messages.ReasonConstraint || s.did("CopyImageCrossRegion") != 1 {
		t.Errorf("a destination that is no cloud of ours: %s %+v", nowhere.State, nowhere.Error)
	}
}

// TestJobOnly: where the destination is no cloud of ours, the job alone can be
// followed if the entry says so. If its id is lost, nothing is sent again, since
// nobody can see whether there is a copy.
func TestJobOnly(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]messages.State{fakecloud.Pass: messages.StateSucceeded, fakecloud.DropAfter: messages.StateUnresolved} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const settings = ", cross_region_result: job-only, horizon: 20s"
			s := newSystem(t, settings, elsewhere(true), south())
			s.clouds = s.clouds[:1]
			s.writeClouds(settings)
			if err := s.fake.Order(fakecloud.DemoCloud, fakecloud.Fault{Call: "CopyImageCrossRegion", Kind: name}); err != nil {
				t.Fatal(err)
			}
			s.start()
			final := s.ask("demo", "copy-image-cross-region", ofBase+toSouth)
			if final.State != want || s.did("CopyImageCrossRegion") != 1 {
				t.Errorf("ended %s %+v, done %d times", final.State, final.Error, s.did("CopyImageCrossRegion"))
			}
			if want == messages.StateSucceeded && (len(final.Images) != 1 || final.Images[0].ID == "") {
				t.Errorf("images %+v", final.Images)
			}
		})
	}
}
