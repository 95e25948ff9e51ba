package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// innocent are the facts of a run in which nothing went wrong: three requests,
// one of them a whole image of a server.
func innocent() facts {
	f := facts{started: time.Now().Add(-30 * time.Second), images: map[string]string{}, calls: map[string]map[string]int{
		"CopyImage": {"200": 3, "429": 1}, "ShowJob": {"200": 5, "0": 1}, "CreateToken": {"201": 1},
	}}
	for i, o := range []operation{mix[0], mix[0], mix[2]} {
		r := request{name: fmt.Sprintf("chaos-%06d", i+1), cloud: "cloud-1", operation: o}
		r.key = messages.Key(r.cloud, source, r.name)
		f.sent = append(f.sent, r)
		image := fmt.Sprint("image-", i)
		f.images[image] = "active"
		f.made = append(f.made, making(r, image))
		f.told = append(f.told, telling(r, messages.StateAccepted, ""), telling(r, messages.StateSucceeded, image))
	}
	return f
}

func making(r request, image string) fakecloud.Mutation {
	body, _ := json.Marshal(map[string]string{"name": r.name}) //nolint:errchkjson // two strings
	return fakecloud.Mutation{Cloud: r.cloud, Call: "CopyImage", Path: "/v1/cloudimages/x/copy", Body: body, JobID: "job-of-" + image, ImageID: image}
}

func telling(r request, state messages.State, image string) told {
	t := told{at: time.Now(), key: r.key, state: state, event: messages.Event{State: state}}
	if image != "" {
		t.event.Images = []messages.Image{{ID: image}}
	}
	return t
}

func TestAuditOfTheInnocent(t *testing.T) {
	t.Parallel()
	f := innocent()
	// What is done to an image afterwards, named by its key or by its id alone, is no second image.
	f.made = append(f.made,
		fakecloud.Mutation{Cloud: "cloud-1", Call: "BatchImageTags", Body: json.RawMessage(`{"value":"` + f.sent[0].key + `"}`), ImageID: "image-0"},
		fakecloud.Mutation{Cloud: "cloud-1", Call: "DeleteImageTag", Path: "/tags/x", ImageID: "image-1"})
	var out strings.Builder
	if err := audit(f).tell(&out); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"figure requests 3 requests", "figure images 3 images", "figure queries_per_request 2 calls", "figure throttled 1 calls", "figure completed_per_minute_min 2 requests"} {
		if !strings.Contains(out.String(), want+"\n") {
			t.Errorf("%q is missing:\n%s", want, out.String())
		}
	}
}

// TestAuditFinds breaks every promise once.
func TestAuditFinds(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		crime func(*facts)
		want  []string
	}{
		"duplicate": {
			func(f *facts) { f.made = append(f.made, making(f.sent[1], "image-9")) },
			[]string{"figure duplicate_images 1 images", "2 images for one request", "chaos-000002", `job "job-of-image-9" image "image-9"`},
		},
		"lost":    {func(f *facts) { f.told, f.made = f.told[2:], f.made[1:] }, []string{"figure lost_requests 1 requests", "nothing was ever heard"}},
		"missing": {func(f *facts) { f.told = f.told[:5] }, []string{"figure final_events_missing 1 requests", "no final event"}},
		"double": {
			func(f *facts) { f.told = append(f.told, telling(f.sent[0], messages.StateFailed, "")) },
			[]string{"figure final_events_double 1 events", "2 final events", "event 0 failed"},
		},
		"unresolved": {
			func(f *facts) { f.told[1] = telling(f.sent[0], messages.StateUnresolved, "") },
			[]string{"figure unresolved 1 requests", "can be submitted again was given up"},
		},
		"untrue_end": {
			func(f *facts) { f.told[1] = telling(f.sent[0], messages.StateRejected, "") },
			[]string{"figure untrue_events 1 requests", "ended rejected"},
		},
		"image_of_another": {
			func(f *facts) { f.told[1] = telling(f.sent[0], messages.StateSucceeded, "image-1") },
			[]string{"figure untrue_events 1 requests", "made for another"},
		},
		"image_not_there": {func(f *facts) { delete(f.images, "image-0") }, []string{"figure untrue_events 1 requests", `an image that is ""`}},
		"dead":            {func(f *facts) { f.dead = []string{"ims.dead.x: invalid"} }, []string{"figure dead_letters 1 messages", "dead letter: ims.dead.x"}},
		"fallen":          {func(f *facts) { f.wrong = []string{"worker-1 ended by itself"} }, []string{"BROKEN: worker-1 ended by itself"}},
		"strange_change": {
			func(f *facts) { f.made = append(f.made, fakecloud.Mutation{Cloud: "cloud-2", Call: "DeleteImage"}) },
			[]string{"what nobody asked for: cloud-2 DeleteImage"},
		},
		"silence": {
			func(f *facts) { f.started = f.started.Add(-5 * time.Minute) },
			[]string{"figure completed_per_minute_min 0 requests", "a whole minute"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := innocent()
			tc.crime(&f)
			var out strings.Builder
			if err := audit(f).tell(&out); err == nil {
				t.Error("found nothing")
			}
			for _, want := range tc.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing:\n%s", want, out.String())
				}
			}
		})
	}
}

// TestServerMayStayUnresolved: that operation is never submitted again.
func TestServerMayStayUnresolved(t *testing.T) {
	t.Parallel()
	f := innocent()
	f.told[5] = telling(f.sent[2], messages.StateUnresolved, "")
	if r := audit(f); len(r.broken) != 0 || r.unresolved != 1 {
		t.Errorf("%v", r.broken)
	}
}
