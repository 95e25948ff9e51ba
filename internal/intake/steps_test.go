package intake_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/imsworker/imsworker/internal/events"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// withSteps is a request whose steps are JSON.
func withSteps(steps string) string {
	return strings.TrimSuffix(good, "}") + `,"options":{"on_success":[` + steps + `]}}`
}

// TestStepsAreBounded accepts a request only with steps that the entries of
// the clouds allow; the rest is told at once.
func TestStepsAreBounded(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for id, c := range map[string]struct{ steps, words string }{
		"allowed":    {`{"operation":"copy-image","cloud":"side","name":"n"}`, ""},
		"operation":  {`{"operation":"export-volume","cloud":"side","volume_id":"16369c5d-384d-4e64-b37a-56d898769362","image_name":"n"}`, "not in `allow_steps` of cloud \"demo\""},
		"own_cloud":  {`{"operation":"copy-image","name":"n"},{"operation":"copy-image","cloud":"demo","name":"n"}`, ""},
		"target":     {`{"operation":"copy-image","cloud":"elsewhere","name":"n"}`, `options.on_success[0].cloud: the cloud "elsewhere" is not in`},
		"by_the_way": {`{"operation":"copy-image","cloud":"side","name":"n","options":{"on_success":[{"operation":"create-whole-image","instance_id":"465076de-dc36-4aec-80f5-ef9d8009428f","name":"n"}]}}`, "of cloud \"side\", which it follows"},
	} {
		d.publish("ims.request.demo.copy-image", withSteps(c.steps), cloudEvent(id))
		if id == "own_cloud" { // a copy of its own copy, on the same cloud
			if got := d.dead("ims.dead.demo.copy-image").Header.Get("Ims-Dead-Detail"); strings.Count(got, "must not come back") != 2 {
				t.Errorf("%s: %s", id, got)
			}
			continue
		}
		r := d.record("/b", id)
		if c.words == "" {
			if r.State != ledger.Accepted {
				t.Errorf("%s: %+v", id, r.Failure)
			}
			continue
		}
		if r.Outcome != messages.StateRejected || r.Failure.Reason != messages.ReasonConstraint || !strings.Contains(messages.Problems(r.Failure.Problems).Error(), c.words) || r.Failure.Remedy == "" {
			t.Errorf("%s: %s %+v", id, r.Outcome, r.Failure)
		}
	}
}

// TestParentIsProved believes a request to be a follow-up step only if its
// parent says so, and leaves no record of one that is not.
func TestParentIsProved(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	parent := messages.Key("side", "/b", "parent")
	child := messages.StepIdentity("side", parent, 1, 0)
	header := func() nats.Header {
		return nats.Header{"ce-specversion": {"1.0"}, "ce-id": {child.ID}, "ce-source": {child.Source}, "ce-type": {"io.imsworker.request.copy-image.v1"}}
	}
	d.publish("ims.request.demo.copy-image", good, header())
	if m := d.dead("ims.dead.demo.copy-image"); m.Header.Get("Ims-Dead-Reason") != "identity_reused" {
		t.Errorf("dead letter %v", m.Header)
	}
	if _, err := d.records.Get(t.Context(), messages.Key("demo", child.Source, child.ID)); err == nil {
		t.Error("the place of a step is taken")
	}
	now := time.Now().UTC()
	_, err := events.New(d.conn, prometheus.NewRegistry()).Tell(t.Context(), messages.EventMeta{
		Cloud: "side", Operation: "export-volume", Key: parent, Attempt: 1, Sequence: 1, State: messages.StateSucceeded, Time: now, CausationID: "parent",
	}, messages.Event{
		Request: messages.RequestInfo{ID: "parent", Source: "/b", Key: parent, Cloud: "side", Operation: "export-volume", Attempt: 1}, State: messages.StateSucceeded,
		Next: []messages.Relative{{Key: messages.Key("demo", child.Source, child.ID), Cloud: "demo", Operation: "copy-image"}},
	}, "token", false)
	if err != nil {
		t.Fatal(err)
	}
	d.publish("ims.request.demo.copy-image", good, header())
	r := d.record(child.Source, child.ID)
	if r.State != ledger.Accepted || r.Parent == nil || *r.Parent != (messages.Relative{Key: parent, Cloud: "side", Operation: "export-volume"}) {
		t.Errorf("record %+v, parent %+v", r, r.Parent)
	}
	if r.Origin != "/b" {
		t.Errorf("it waits in the turn of %q, want that of who asked for its parent", r.Origin)
	}
}

// TestOriginOfAChain: what follows on what follows waits in the turn of the
// first one's sender; where that is forgotten, in that of the last one known.
func TestOriginOfAChain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	history := events.New(d.conn, prometheus.NewRegistry())
	told := func(id messages.Identity, next ...messages.Relative) {
		key := messages.Key("side", id.Source, id.ID)
		_, err := history.Tell(t.Context(), messages.EventMeta{
			Cloud: "side", Operation: "copy-image", Key: key, Attempt: 1, Sequence: 1, State: messages.StateSucceeded, Time: time.Now(), CausationID: id.ID,
		}, messages.Event{
			Request: messages.RequestInfo{ID: id.ID, Source: id.Source, Key: key, Cloud: "side", Operation: "copy-image", Attempt: 1},
			State:   messages.StateSucceeded, Next: next,
		}, "token", false)
		if err != nil {
			t.Fatal(err)
		}

	}
	forgotten := messages.StepIdentity("side", messages.Key("side", "/gone", "1"), 1, 0)
	for first, want := range map[messages.Identity]string{{Source: "/b", ID: "first"}: "/b", forgotten: forgotten.Source} {
		second := messages.StepIdentity("side", messages.Key("side", first.Source, first.ID), 1, 0)
		third := messages.StepIdentity("side", messages.Key("side", second.Source, second.ID), 1, 0)
		told(first)
		told(second, messages.Relative{Key: messages.Key("demo", third.Source, third.ID), Cloud: "demo", Operation: "copy-image"})
		d.publish("ims.request.demo.copy-image", good, nats.Header{"ce-specversion": {"1.0"}, "ce-id": {third.ID}, "ce-source": {third.Source}, "ce-type": {"io.imsworker.request.copy-image.v1"}})
		if r := d.record(third.Source, third.ID); r.Origin != want {
			t.Errorf("the third waits in the turn of %q, want %q", r.Origin, want)
		}
	}
}
