package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
	"github.com/imsworker/imsworker/schemas"
)

func TestRequestWithNothingButANATSClient(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil).start()
	s.publish("ims.request.demo.copy-image", copyBase, nats.Header{"Nats-Msg-Id": {"mine"}})
	key := messages.Key("demo", "nats", "mine")
	final := s.final(key)
	events := s.events(key)
	if got := states(withoutProgress(events)); got != "accepted submitted succeeded" {
		t.Fatalf("told %q", got)
	}
	if len(final.Images) != 1 || final.Images[0].Name != "copy" || final.Job == nil || final.Job.Status != "SUCCESS" {
		t.Errorf("final event %+v", final)
	}
	for _, e := range events {
		checkEvent(t, key, e)
	}
	if r := events[0].event.Request; string(r.Data) != copyBase {
		t.Errorf("accepted carries %s", r.Data)
	}
	image := s.image(final.Images[0].ID)
	if !strings.HasSuffix(image.Description, "ims-request="+key) {
		t.Errorf("the image does not carry its marker: %q", image.Description)
	}
}

func withoutProgress(events []told) []told {
	var rest []told
	for _, e := range events {
		if e.meta.State != messages.StateProgress {
			rest = append(rest, e)
		}
	}
	return rest
}

// checkEvent holds an event against its schema, its subject and the binding
// of CloudEvents to NATS.
func checkEvent(t *testing.T, key string, e told) {
	t.Helper()
	want := messages.EventSubject("demo", "copy-image", e.meta.State, key, 1)
	if e.subject != want {
		t.Errorf("subject %s, want %s", e.subject, want)
	}
	for name, want := range map[string]string{
		"ce-specversion": "1.0", "ce-type": "io.imsworker.event." + string(e.meta.State) + ".v1", "ce-source": "/imsworker/demo",
		"ce-subject": key, "ce-datacontenttype": "application/json",
	} {
		if got := e.header[name]; len(got) != 1 || got[0] != want {
			t.Errorf("%s: header %s is %q, want %q", e.subject, name, got, want)
		}
	}
	if id := e.header["ce-id"]; len(id) != 1 || !strings.HasPrefix(id[0], key+"/1/"+string(e.meta.State)) {
		t.Errorf("%s: ce-id %q", e.subject, id)
	}
	data, err := jsonschema.UnmarshalJSON(bytes.NewReader(e.body))
	if err != nil {
		t.Fatal(err)
	}
	if err := eventSchema(t).Validate(data); err != nil {
		t.Errorf("%s: %v", e.subject, err)
	}
}

func eventSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemas.Event()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("event.json", doc); err != nil {
		t.Fatal(err)
	}
	return c.MustCompile("event.json")
}

// image reads one image from the truth of the cloud.
func (s *system) image(id string) fakecloud.Image {
	s.t.Helper()
	var images []fakecloud.Image
	if err := json.Unmarshal([]byte(s.read(s.cloud.URL+"/_admin/images?cloud=demo")), &images); err != nil {
		s.t.Fatal(err)
	}
	for _, i := range images {
		if i.ID == id {
			return i
		}
	}
	s.t.Fatalf("the cloud has no image %s", id)
	return fakecloud.Image{}
}

func TestEveryUseSucceeds(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil).start()
	for name, body := range map[string]string{
		"backup": `{"backup_id":"` + fakecloud.DemoBackup + `","whole_image_type":"CBR","name":"n","image_tags":[{"key":"team","value":"web"}]}`,
		"csbs":   `{"backup_id":"` + fakecloud.DemoCSBSBackup + `","name":"n","tags":["team.web"]}`,
		"server": `{"instance_id":"` + fakecloud.DemoVaultServer + `","vault_id":"` + fakecloud.DemoVault + `","name":"n"}`,
	} {
		s.publish("ims.request.demo.create-whole-image", body, nats.Header{"Nats-Msg-Id": {name}})
	}
	for _, name := range []string{"backup", "csbs", "server"} {
		key := messages.Key("demo", "nats", name)
		final := s.final(key)
		if final.State != messages.StateSucceeded {
			t.Errorf("%s ended %s: %+v", name, final.State, final.Error)
			continue
		}
		image := s.image(final.Images[0].ID)
		found := false
		for _, tag := range image.Tags {
			found = found || tag.Key == messages.MarkerKey && tag.Value == key
		}
		if !found || !image.Whole {
			t.Errorf("%s made an image without its marker: %+v", name, image.Tags)
		}
	}
}

func TestRefusalSaysTheCloudsWords(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil).start()
	s.publish("ims.request.demo.copy-image", `{"image_id":"`+fakecloud.DemoWholeImage+`","name":"copy","options":{"preflight":false}}`, nats.Header{"Nats-Msg-Id": {"a"}})
	final := s.final(messages.Key("demo", "nats", "a"))
	if e := final.Error; final.State != messages.StateRejected || e.Code != "IMG.0130" || e.Remedy == "" || e.HTTPStatus != 400 || e.CloudRequestID == "" {
		t.Errorf("final %s %+v", final.State, final.Error)
	}
}

// TestSameRequestOften publishes one request a hundred times at once, again
// after its success, and again after its tombstone is gone.
func TestSameRequestOften(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil)
	s.deps.TombstoneTTL = time.Second
	s.start()
	key := messages.Key("demo", "/test", "one")
	often := func(n, from int) {
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				h := copyEvent("one")
				h.Set("Nats-Msg-Id", fmt.Sprint(from+i))
				s.publish("ims.request.demo.copy-image", copyBase, h)
			})
		}
		all.Wait()
	}
	check := func(when string) {
		t.Helper()
		s.await("the queue to be empty", s.queueEmpty)
		s.settled()
		if got := states(withoutProgress(s.events(key))); got != "accepted submitted succeeded" {
			t.Errorf("%s: told %q", when, got)
		}
		if n := s.made(); n != 1 {
			t.Errorf("%s: %d images", when, n)
		}
	}
	often(100, 0)
	s.final(key)
	check("at once")
	often(3, 100)
	check("after success")
	s.await("the tombstone to vanish", func() bool { return s.records() == 0 })
	often(3, 200)
	check("after the tombstone")

	s.await("the tombstone to vanish", func() bool { return s.records() == 0 })
	s.publish("ims.request.demo.copy-image", strings.Replace(copyBase, `"copy"`, `"other"`, 1), copyEvent("one"))
	s.await("a dead letter", func() bool {
		m, err := s.conn.Last(t.Context(), broker.StreamDead, "ims.dead.demo.copy-image")
		return err == nil && m.Header.Get("Ims-Dead-Reason") == "identity_reused"
	})
	check("after other data under the same identity")
}

func (s *system) queueEmpty() bool { return s.messages(broker.StreamRequests) == 0 }

// records counts what the ledger holds.
func (s *system) records() int {
	n := 0
	for shard := range s.cfg.Shards {
		n += s.messages(broker.TrackStream(shard))
	}
	return n
}

// settled waits until no record is without a tombstone but these. It listens
// to each ledger once: who looks again and again leaves a consumer behind each
// time, for 15 s, and a stream takes no more than a thousand.
func (s *system) settled(but ...string) {
	s.t.Helper()
	for shard := range s.cfg.Shards {
		ctx, cancel := contextWithPatience(s.t)
		open, all := map[string]bool{}, false
		look := func() {
			if all && len(open) == 0 {
				cancel()
			}
		}
		err := ledger.New(s.conn, shard).Follow(ctx, func(r *ledger.Record) {
			delete(open, r.Key)
			if !r.Buried && !slices.Contains(but, r.Key) {
				open[r.Key] = true
			}
			look()
		}, func() { all = true; look() }, func(subject string, err error) { s.t.Errorf("%s: %v", subject, err) })
		cancel()
		if !errors.Is(err, context.Canceled) {
			s.t.Fatalf("records without a tombstone in shard %d: %v: %v\n%s", shard, open, err, s.logs)
		}
	}
}

func (s *system) messages(stream string) int {
	s.t.Helper()
	info, err := s.conn.JetStream().Stream(s.t.Context(), stream)
	if err != nil {
		s.t.Fatal(err)
	}
	return int(info.CachedInfo().State.Msgs)
}

func TestMistakeIsToldAndKept(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil).start()
	s.publish("ims.request.demo.copy-image", `{"image":"x","name":"a"}`, nats.Header{"Nats-Msg-Id": {"bad"}})
	key := messages.Key("demo", "nats", "bad")
	final := s.final(key)
	if final.State != messages.StateRejected || final.Error.Reason != messages.ReasonInvalid || len(final.Error.Problems) < 2 {
		t.Errorf("final %+v", final.Error)
	}
	if got := states(s.events(key)); got != "rejected" {
		t.Errorf("told %q", got)
	}
	if _, err := s.conn.Last(t.Context(), broker.StreamDead, "ims.dead.demo.copy-image"); err != nil {
		t.Errorf("no dead letter: %v", err)
	}
}

func TestJobThatFails(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil).start()
	if err := s.fake.Decide(fakecloud.DemoCloud, fakecloud.Outcome{Call: "*", Code: "IMG.0061", Reason: "no luck"}); err != nil {
		t.Fatal(err)
	}
	s.publish("ims.request.demo.copy-image", copyBase, nats.Header{"Nats-Msg-Id": {"a"}})
	final := s.final(messages.Key("demo", "nats", "a"))
	if e := final.Error; final.State != messages.StateFailed || e == nil || e.Code != "IMG.0061" || e.Reason != messages.ReasonJobFailed {
		b, _ := json.Marshal(final)
		t.Errorf("final %s", b)
	}
	for _, want := range []string{
		`imsworker_requests_finished_total{cloud="demo",operation="copy-image",state="failed"} 1`,
		`imsworker_request_failures_total{cloud="demo",operation="copy-image",reason="job_failed"} 1`,
		`imsworker_requests_finished_total{cloud="demo",operation="create-whole-image",state="succeeded"} 0`,
		`imsworker_records_without_timer 0`,
	} {
		s.await("the metrics to say "+want, func() bool {
			_, metrics := s.get("/metrics")
			return strings.Contains(metrics, want)
		})
	}
}
