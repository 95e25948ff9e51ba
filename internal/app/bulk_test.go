package app_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// bulkOfReadme is the data of the README's worked example, word for word.
func bulkOfReadme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "submit bulk-copy --cloud prod --id release-2026-11 --wait -f - <<'END'\n")
	data, _, found := strings.Cut(rest, "\nEND\n")
	if !found {
		t.Fatal("the README has no such example")
	}
	return data
}

// quickly makes a cloud's jobs short and its quota roomy.
func quickly(o *fakecloud.CloudOptions) {
	o.Profile = fakecloud.ProfileHuawei
	o.Switches.RatesOff, o.Switches.Quota = true, -1
	o.Switches.Durations = map[string]fakecloud.Span{"*": {Run: fakecloud.Duration(5 * time.Second)}}
}

// otherCloud is one of the example's places.
func otherCloud(name, region, project, id string) fakecloud.CloudOptions {
	o := fakecloud.Demo()
	quickly(&o)
	o.Name, o.Region, o.ProjectName, o.ProjectID = name, region, project, id
	return o
}

// TestReadmeBulk carries the README's example out: images by tag and name, to
// another project of the region, to two other regions, one of them no configured
// cloud, and encrypted within the project. A whole image among them is refused,
// leg by leg.
func TestReadmeBulk(t *testing.T) {
	t.Parallel()
	const images = 6
	s := newSystem(t, ", allow_targets: [staging, north], cross_region_result: job-only", func(o *fakecloud.CloudOptions) {
		quickly(o)
		o.Name = "prod"
	}, otherCloud("staging", "eu-de", "eu-de_staging", strings.Repeat("1", 32)), otherCloud("north", "eu-nl", "eu-nl", strings.Repeat("2", 32)),
		otherCloud("dr", "cn-south-1", "cn-south-1_dr", strings.Repeat("3", 32)))
	w := fakecloud.World{}
	tags := []fakecloud.Tag{{Key: "release", Value: "2026-11"}}
	for n := range images {
		w.Images = append(w.Images, fakecloud.Image{ID: fmt.Sprintf("%08d-ddb2-4f6f-83e3-55da065347fd", n), Name: fmt.Sprintf("web-%d", n), MinDisk: 40, Size: 1 << 30, DataSize: 1 << 30, Tags: tags})
	}
	w.Images[0].Whole = true
	w.Images = append(w.Images, fakecloud.Image{ID: "99999999-ddb2-4f6f-83e3-55da065347fd", Name: "db-1", MinDisk: 40, Tags: tags}, fakecloud.Image{ID: "88888888-ddb2-4f6f-83e3-55da065347fd", Name: "web-x", MinDisk: 40})
	if _, err := s.fake.Add("prod", w); err != nil {
		t.Fatal(err)
	}
	s.clouds = s.clouds[:3] // dr has no entry
	s.writeClouds(", allow_targets: [staging, north], cross_region_result: job-only, limits: { copy: 100/1m, members: 100/1m, cross_region: 100/1m }")
	s.start()
	s.publish("ims.request.prod.bulk-copy", bulkOfReadme(t), nats.Header{"Nats-Msg-Id": {"release-2026-11"}})
	key := messages.Key("prod", "nats", "release-2026-11")
	final := s.final(key)
	if final.State != messages.StateBatchCompleted || final.Batch.Counts.Legs != images*4 || final.Batch.Counts.Succeeded != (images-1)*4 || final.Batch.Counts.Rejected != 4 {
		t.Fatalf("ended %s %+v: %s", final.State, final.Error, shown(final.Batch))
	}
	for _, leg := range final.Batch.Legs {
		if leg.Error == nil || leg.Error.Remedy == "" || leg.Request != nil {
			t.Errorf("refused leg %+v, error %+v", leg, leg.Error)
		}
	}
	ways := map[string]int{}
	for _, e := range s.events(key) {
		if e.meta.State != messages.StateBatchLegs {
			continue
		}
		for _, leg := range e.event.Batch.Legs {
			if leg.Request != nil {
				ways[fmt.Sprintf("%d %s %s after %d", leg.Target, leg.Request.Cloud, leg.Request.Operation, len(leg.Steps))]++
			}
		}
	}
	for _, want := range []string{"0 staging copy-image after 2", "1 prod copy-image-cross-region after 0", "2 prod copy-image-cross-region after 0", "3 prod copy-image after 0"} {
		if ways[want] != images-1 {
			t.Errorf("%d legs go as %q: %v", ways[want], want, ways)
		}
	}
	for cloud, name := range map[string]string{"staging": "web-1-" + time.Now().UTC().Format("20060102"), "north": "web-1-", "dr": "web-1-", "prod": "web-1-encrypted"} {
		if text := s.read(s.cloud.URL + "/_admin/images?cloud=" + cloud); !strings.Contains(text, `"name": "`+name) {
			t.Errorf("%s has no image %s", cloud, name)
		}
	}
	s.bulkAgain(key)
}

// bulkAgain retries a bulk, of which nothing but the refused legs is done again.
func (s *system) bulkAgain(key string) {
	s.t.Helper()
	before := s.didAt("prod", "CopyImage") + s.didAt("prod", "CopyImageCrossRegion") + s.didAt("staging", "CopyImage")
	s.publish("ims.control.prod.retry", fmt.Sprintf(`{"key":%q,"attempt":1}`, key), nil)
	s.await("the end of the second attempt", func() bool {
		final := s.final(key)
		return final.Request.Attempt == 2
	})
	if final := s.final(key); final.Batch.Counts.Succeeded != 20 || final.Batch.Counts.Rejected != 4 {
		s.t.Errorf("the second attempt: %s", shown(final.Batch))
	}
	if after := s.didAt("prod", "CopyImage") + s.didAt("prod", "CopyImageCrossRegion") + s.didAt("staging", "CopyImage"); after != before || before != 20 {
		s.t.Errorf("%d copies were asked for, then %d", before, after-before)
	}
}

// didAt is how many calls of a name have begun something on a cloud.
func (s *system) didAt(cloud, call string) (n int) {
	for _, m := range s.fake.Truth(cloud) {
		if m.Call == call {
			n++
		}
	}
	return n
}

func shown(b *messages.Batch) string {
	text, _ := json.Marshal(b)
	return string(text)
}
