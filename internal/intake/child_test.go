package intake_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/imsworker/imsworker/internal/events"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// bulkAccepted tells that a bulk on the cloud demo was accepted.
func (d *desk) bulkAccepted(key string, attempt int, data string) {
	d.t.Helper()
	_, err := events.New(d.conn, prometheus.NewRegistry()).Tell(d.t.Context(), messages.EventMeta{
		Cloud: "demo", Operation: messages.OperationBulkCopy, Key: key, Attempt: attempt, Sequence: 1, State: messages.StateAccepted, Time: time.Now(), CausationID: "bulk",
	}, messages.Event{
		Request: messages.RequestInfo{ID: "bulk", Source: "/b", Key: key, Cloud: "demo", Operation: messages.OperationBulkCopy, Attempt: attempt, Data: []byte(data)}, State: messages.StateAccepted,
	}, "token", true)
	if err != nil {
		d.t.Fatal(err)
	}
}

// TestLegIsProved believes a request to be a leg only if the bulk that it names
// asks for such a one.
func TestLegIsProved(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	bulk := messages.Key("demo", "/b", "bulk")
	ask := func(cloud string, index int, key, data string) messages.Identity {
		leg := messages.LegIdentity("demo", key, 1, index, messages.StageCopy)
		d.publish("ims.request."+cloud+".copy-image", data, nats.Header{
			"ce-specversion": {"1.0"}, "ce-id": {leg.ID}, "ce-source": {leg.Source}, "ce-type": {"io.imsworker.request.copy-image.v1"},
		})
		return leg
	}
	d.bulkAccepted(bulk, 1, `{"images":["465076DE-dc36-4aec-80f5-ef9d8009428f"],"targets":[{"cloud":"side"}]}`)
	for i, cloud := range []string{"demo", "side"} {
		leg := ask(cloud, i, bulk, good)
		r, err := d.records.Get(t.Context(), messages.Key(cloud, leg.Source, leg.ID))
		if err != nil || r.State != ledger.Accepted || r.Parent == nil || *r.Parent != (messages.Relative{Key: bulk, Cloud: "demo", Operation: messages.OperationBulkCopy}) {
			t.Fatalf("%s: %+v, %v", cloud, r, err)
		}
	}
	before := d.deadLetters()
	other := strings.Replace(good, "465076de", "565076de", 1)
	for _, leg := range []messages.Identity{ask("demo", 7, bulk, other), ask("demo", 8, messages.Key("demo", "/b", "none"), good)} {
		if _, err := d.records.Get(t.Context(), messages.Key("demo", leg.Source, leg.ID)); err == nil {
			t.Errorf("%s has the place of a leg", leg.ID)
		}
	}
	if after := d.deadLetters(); after != before+2 {
		t.Errorf("%d dead letters more, want 2", after-before)
	}
}

// TestBulkIsBounded refuses targets that the cloud's entry does not name, at
// once.
func TestBulkIsBounded(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish("ims.request.demo.bulk-copy", `{"images":["465076de-dc36-4aec-80f5-ef9d8009428f"],"targets":[{"cloud":"side"},{"cloud":"elsewhere"}]}`, nats.Header{"Nats-Msg-Id": {"a"}})
	r := d.record("nats", "a")
	if r.Outcome != messages.StateRejected || r.Failure.Reason != messages.ReasonConstraint || len(r.Failure.Problems) == 0 {
		t.Errorf("%s %+v", r.Outcome, r.Failure)
	}
}

// TestNewsOfLegs are handed over; what is none is a dead letter.
func TestNewsOfLegs(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	key := messages.Key("demo", "/b", "bulk")
	d.publish("ims.control.demo.child-finished", fmt.Sprintf(`{"key":%q,"leg":17,"child":"x","attempt":1,"state":"failed"}`, key), nil)
	if got := <-d.legs; got != key+" 17" {
		t.Errorf("heard %s", got)
	}
	d.publish("ims.control.demo.child-finished", `{"key":"x","leg":-1}`, nil)
	if m := d.dead("ims.dead.demo.child-finished"); !strings.Contains(m.Header.Get("Ims-Dead-Detail"), "no key of a bulk") {
		t.Errorf("dead letter %v", m.Header)
	}
}

// TestBulkCancelsWithoutComplaint leaves a leg alone that has ended.
func TestBulkCancelsWithoutComplaint(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish("ims.request.demo.copy-image", good, cloudEvent("a"))
	d.change(d.record("/b", "a"), func(r *ledger.Record) { r.State, r.Outcome = ledger.Finished, messages.StateSucceeded })
	before := d.deadLetters()
	d.cancel(messages.Control{Key: messages.Key("demo", "/b", "a"), Parent: messages.Key("demo", "/b", "bulk")})
	if after := d.deadLetters(); after != before {
		t.Errorf("%d dead letters more", after-before)
	}
}

// TestLegAfterItsBulkWasRetried is not begun a second time by its own key; what
// is unresolved, or asked for by the bulk itself, is.
func TestLegAfterItsBulkWasRetried(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	bulk := messages.Key("demo", "/b", "bulk")
	d.bulkAccepted(bulk, 1, `{"images":["465076de-dc36-4aec-80f5-ef9d8009428f"],"targets":[{}]}`)
	ended := func(index int, outcome messages.State) *ledger.Record {
		leg := messages.LegIdentity("demo", bulk, 1, index, messages.StageCopy)
		d.publish("ims.request.demo.copy-image", good, nats.Header{
			"ce-specversion": {"1.0"}, "ce-id": {leg.ID}, "ce-source": {leg.Source}, "ce-type": {"io.imsworker.request.copy-image.v1"},
		})
		r := d.record(leg.Source, leg.ID)
		d.change(r, func(r *ledger.Record) {
			r.State, r.Outcome, r.Finished, r.Told = ledger.Finished, outcome, time.Now(), true
			r.Buried = outcome != messages.StateUnresolved
		})
		return r
	}
	failed, unresolved, trails := ended(0, messages.StateFailed), ended(1, messages.StateUnresolved), ended(2, messages.StateCancelled)
	again := func(r *ledger.Record, parent string) int {
		data, err := json.Marshal(messages.Control{Key: r.Key, Attempt: 1, Parent: parent})
		if err != nil {
			t.Fatal(err)
		}
		d.publish(messages.ControlSubject("demo", messages.VerbRetry), string(data), nil)
		return d.record(r.Source, r.ID).Attempt
	}
	d.bulkAccepted(bulk, 2, `{"images":["465076de-dc36-4aec-80f5-ef9d8009428f"],"targets":[{}]}`)
	if attempt := again(failed, ""); attempt != 1 || d.deadLetters() != 1 {
		t.Errorf("the leg is at attempt %d, %d dead letters", attempt, d.deadLetters())
	}
	if attempt := again(unresolved, ""); attempt != 2 {
		t.Errorf("the unresolved leg is at attempt %d", attempt)
	}
	d.change(trails, func(r *ledger.Record) { r.Trails, r.Buried = true, false })
	if attempt := again(trails, bulk); attempt != 1 || d.deadLetters() != 1 {
		t.Errorf("the leg that still runs is at attempt %d, %d dead letters", attempt, d.deadLetters())
	}
	d.change(trails, func(r *ledger.Record) {
		r.Buried, r.Cancel = true, &ledger.Cancel{Started: true, Image: messages.CancelLeft}
	})
	if attempt := again(trails, bulk); attempt != 2 || !d.record(trails.Source, trails.ID).Look || d.deadLetters() != 1 {
		t.Errorf("the leg that ran is at attempt %d, %d dead letters", attempt, d.deadLetters())
	}
}
