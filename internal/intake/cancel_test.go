package intake_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// change stores another version of a record, as the engine does.
func (d *desk) change(r *ledger.Record, how func(*ledger.Record)) {
	d.t.Helper()
	how(r)
	if err := d.records.Update(d.t.Context(), r); err != nil {
		d.t.Fatal(err)
	}
}

// cancel publishes a cancel and waits until it is taken.
func (d *desk) cancel(c messages.Control) {
	d.t.Helper()
	body, err := json.Marshal(c)
	if err != nil {
		d.t.Fatal(err)
	}
	d.publish("ims.control.demo.cancel", string(body), nil)
}

func TestCancelIsAWish(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish("ims.request.demo.copy-image", good, cloudEvent("a"))
	key := d.record("/b", "a").Key
	for range 2 {
		d.cancel(messages.Control{Source: "/b", ID: "a"})
	}
	r := d.record("/b", "a")
	if r.State != ledger.Accepted || r.Cancel == nil || r.Cancel.Delete || r.Cancel.By != messages.CancelByRequest || len(r.Cancel.Over) != 1 {
		t.Fatalf("record %+v, cancel %+v", r, r.Cancel)
	}
	first := r.Sequence
	d.cancel(messages.Control{Key: key, Attempt: 1, DeleteImage: true})
	d.cancel(messages.Control{Key: key}) // a smaller wish changes nothing
	if r = d.record("/b", "a"); !r.Cancel.Delete || !r.Follows(first) {
		t.Errorf("cancel %+v over %d", r.Cancel, first)
	}
}

// TestCancelOfWhatHasEnded is a dead letter, unless it has ended so.
func TestCancelOfWhatHasEnded(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for id, c := range map[string]struct {
		end   messages.State
		with  *ledger.Cancel
		ask   messages.Control
		words string
	}{
		"succeeded":     {messages.StateSucceeded, nil, messages.Control{}, "has ended as succeeded"},
		"cancelled":     {messages.StateCancelled, &ledger.Cancel{}, messages.Control{}, ""},
		"deleted":       {messages.StateCancelled, &ledger.Cancel{Delete: true}, messages.Control{DeleteImage: true}, ""},
		"left":          {messages.StateCancelled, &ledger.Cancel{}, messages.Control{DeleteImage: true}, "ask for delete-image"},
		"other_attempt": {messages.StateFailed, nil, messages.Control{Attempt: 2}, "does not exist"},
	} {
		d.publish("ims.request.demo.copy-image", good, cloudEvent(id))
		d.change(d.record("/b", id), func(r *ledger.Record) { r.State, r.Outcome, r.Cancel = ledger.Finished, c.end, c.with })
		c.ask.Source, c.ask.ID = "/b", id
		before := d.deadLetters()
		d.cancel(c.ask)
		switch after := d.deadLetters(); {
		case c.words == "" && after != before:
			t.Errorf("%s: a dead letter", id)
		case c.words != "" && (after != before+1 || !strings.Contains(d.dead("ims.dead.demo.cancel").Header.Get("Ims-Dead-Detail"), c.words)):
			t.Errorf("%s: %d dead letters more, want %q", id, after-before, c.words)
		}
	}
}

// deadLetters counts all dead letters.
func (d *desk) deadLetters() uint64 {
	d.t.Helper()
	s, err := d.conn.JetStream().Stream(d.t.Context(), broker.StreamDead)
	if err != nil {
		d.t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

// TestEarlyCancelWaits for its request.
func TestEarlyCancelWaits(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	js := d.conn.JetStream()
	if _, err := js.Publish(t.Context(), "ims.control.demo.cancel", []byte(`{"source":"/b","id":"a"}`)); err != nil {
		t.Fatal(err)
	}
	consumer, err := js.Consumer(t.Context(), broker.StreamRequests, broker.ShardConsumer(0))
	if err != nil {
		t.Fatal(err)
	}
	d.await("the cancel to come again", func() bool {
		info, err := consumer.Info(t.Context())
		return err == nil && info.NumRedelivered > 0
	})
	d.publish("ims.request.demo.copy-image", good, cloudEvent("a")) // waits until both are taken
	if r := d.record("/b", "a"); r.Cancel == nil {
		t.Errorf("record %+v", r)
	}
	if n := d.deadLetters(); n != 0 {
		t.Error(fmt.Sprint(n, " dead letters"))
	}
}

// TestPauseIsStored, and one of what does not exist is a dead letter.
func TestPauseIsStored(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish("ims.control.demo.pause", `{"operation":"copy-image"}`, nil)
	if !d.paused.Paused("demo", "copy-image") || d.paused.Paused("demo", "tag-image") {
		t.Error("something else is paused")
	}
	d.publish("ims.control.demo.resume", `{"operation":"copy-image"}`, nil)
	if d.paused.Paused("demo", "copy-image") {
		t.Error("it does not go on")
	}
	d.publish("ims.control.demo.pause", `{"operation":"copy-imge"}`, nil)
	header := d.dead("ims.dead.demo.pause").Header
	if got := header.Get("Ims-Dead-Detail"); !strings.Contains(got, "no operation") || header.Get("Ims-Dead-Reason") != "unknown_operation" {
		t.Errorf("detail %q, reason %q", got, header.Get("Ims-Dead-Reason"))
	}
}
