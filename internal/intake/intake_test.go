package intake_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/events"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/intake"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/pauses"
	"github.com/imsworker/imsworker/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const good = `{"image_id":"465076de-dc36-4aec-80f5-ef9d8009428f","name":"copy"}`

// counter counts as the metrics do.
type counter struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *counter) Request(cloud, operation, result string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[cloud+" "+operation+" "+result]++
}

// desk is an intake over a real broker with one shard.
type desk struct {
	t       *testing.T
	conn    *broker.Conn
	records *ledger.Shard
	count   *counter
	paused  *pauses.Pauses
	legs    chan string // what is heard of legs
	intake  *intake.Intake
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	conn := brokertest.Connect(t, 1)
	d := &desk{t: t, conn: conn, records: ledger.New(conn, 0), count: &counter{counts: map[string]int{}}, paused: pauses.New(conn, func(pauses.Pause) {}), legs: make(chan string, 10)}
	dead := intake.NewDeadLetters(conn, prometheus.NewRegistry(), slog.New(slog.DiscardHandler))
	in := intake.New(intake.Options{
		Records: d.records, Dead: dead, Count: d.count, Log: slog.New(slog.DiscardHandler),
		HearLeg: func(_ context.Context, key string, leg int) error {
			d.legs <- fmt.Sprint(key, " ", leg)
			return nil
		},
		Pause: d.paused.Set, History: events.New(conn, prometheus.NewRegistry()),
		Cloud: func(name string) (intake.Cloud, bool) {
			copies := func(op string) bool { return op == "copy-image" }
			return intake.Cloud{
				Profile: ims.ProfileOTC, Allows: func(op string) bool { return copies(op) || op == messages.OperationBulkCopy }, Scale: func(d time.Duration) time.Duration { return d },
				AllowsStep:   func(op string) bool { return name == "demo" && copies(op) },
				AllowsTarget: func(target string) bool { return name == "demo" && target == "side" },
			}, name == "demo" || name == "side"
		},
	})
	d.intake = in
	d.consume(broker.ShardConsumer(0), in.Handle)
	d.consume(broker.LeftoverConsumer, dead.Leftover)
	return d
}

// consume hands deliveries to the handler until the test ends.
func (d *desk) consume(durable string, handle func(*message.Message) error) {
	d.t.Helper()
	sub := broker.NewSubscriber(d.conn, broker.SubscriberOptions{Stream: broker.StreamRequests, Durable: durable})
	messages, err := sub.Subscribe(d.t.Context(), durable)
	if err != nil {
		d.t.Fatal(err)
	}
	var hands sync.WaitGroup
	hands.Go(func() {
		for msg := range messages {
			if handle(msg) != nil {
				msg.Nack()
				continue
			}
			msg.Ack()
		}
	})
	d.t.Cleanup(func() { _ = sub.Close(); hands.Wait() })
}

// publish sends a message as any client would and waits until it is taken.
func (d *desk) publish(subject, body string, header nats.Header) {
	d.t.Helper()
	m := &nats.Msg{Subject: subject, Data: []byte(body), Header: header}
	if _, err := d.conn.JetStream().PublishMsg(d.t.Context(), m); err != nil {
		d.t.Fatalf("publish: %v", err)
	}
	d.await("the queue to be empty", func() bool {
		s, err := d.conn.JetStream().Stream(d.t.Context(), broker.StreamRequests)
		return err == nil && s.CachedInfo().State.Msgs == 0
	})
}

func (d *desk) await(what string, done func() bool) {
	d.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			d.t.Fatalf("waited too long for %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// dead returns the newest dead letter below a subject.
func (d *desk) dead(subject string) broker.Stored {
	d.t.Helper()
	m, err := d.conn.Last(d.t.Context(), broker.StreamDead, subject)
	if err != nil {
		d.t.Fatalf("no dead letter on %s: %v", subject, err)
	}
	return m
}

func (d *desk) record(source, id string) *ledger.Record {
	d.t.Helper()
	r, err := d.records.Get(d.t.Context(), messages.Key("demo", source, id))
	if err != nil {
		d.t.Fatalf("no record: %v", err)
	}
	return r
}

// cloudEvent are the headers of a request with source /b.
func cloudEvent(id string) nats.Header {
	return nats.Header{"ce-specversion": {"1.0"}, "ce-id": {id}, "ce-source": {"/b"}, "ce-type": {"io.imsworker.request.copy-image.v1"}}
}

func TestRequestBecomesRecord(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish("ims.request.demo.copy-image", good, nats.Header{"Nats-Msg-Id": {"one"}})
	r := d.record("nats", "one")
	if r.State != ledger.Accepted || r.Attempt != 1 || string(r.Data) != good || r.Token == "" || r.Deadline.Sub(r.Accepted) != time.Hour {
		t.Errorf("record %+v", r)
	}
	if r.Sequence != 1 {
		t.Errorf("%d versions of the record", r.Sequence)
	}
}

// TestDeadlineCountsFromNotBefore of a request that names none: else whatever
// waits for the night would be late before it may begin.
func TestDeadlineCountsFromNotBefore(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	tonight := time.Now().Add(12 * time.Hour).Truncate(time.Second).UTC()
	for id, c := range map[string]struct {
		options string
		want    func(*ledger.Record) time.Time
	}{
		"later":   {`"not_before":"` + tonight.Format(time.RFC3339) + `"`, func(*ledger.Record) time.Time { return tonight.Add(time.Hour) }},
		"earlier": {`"not_before":"2020-01-01T00:00:00Z"`, func(r *ledger.Record) time.Time { return r.Accepted.Add(time.Hour) }},
		"given":   {`"deadline":"13h","not_before":"` + tonight.Format(time.RFC3339) + `"`, func(r *ledger.Record) time.Time { return r.Accepted.Add(13 * time.Hour) }},
	} {
		d.publish("ims.request.demo.copy-image", strings.TrimSuffix(good, "}")+`,"options":{`+c.options+`}}`, cloudEvent(id))
		if r := d.record("/b", id); !r.Deadline.Equal(c.want(r)) {
			t.Errorf("%s: accepted %s, not before %s, deadline %s", id, r.Accepted, r.NotBefore, r.Deadline)
		}
	}
}

func TestRepetitionChangesNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for i := range 5 {
		h := cloudEvent("a")
		h.Set("Nats-Msg-Id", fmt.Sprint(i))
		d.publish("ims.request.demo.copy-image", good, h)
	}
	if r := d.record("/b", "a"); r.Sequence != 1 {
		t.Errorf("%d versions of the record", r.Sequence)
	}
	if got := d.count.counts["demo copy-image duplicate"]; got != 4 {
		t.Errorf("%d duplicates, want 4", got)
	}
}

func TestMistakesBecomeDeadLetters(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		subject, body string
		header        nats.Header
		dead          string // subject of the dead letter
		reason        string
		words         []string
		rejected      bool // a record says so
	}{
		"not_json":            {"ims.request.demo.copy-image", `{"image_id":`, nats.Header{"Nats-Msg-Id": {"x"}}, "ims.dead.demo.copy-image", "invalid", []string{"JSON"}, true},
		"no_identity_given":   {"ims.request.demo.copy-image", `nonsense`, nil, "ims.dead.demo.copy-image", "invalid", []string{"JSON"}, false},
		"all_problems":        {"ims.request.demo.copy-image", `{"image_ID":"x","name":"<"}`, nats.Header{"Nats-Msg-Id": {"x"}}, "ims.dead.demo.copy-image", "invalid", []string{"image_ID", "image_id", "name"}, true},
		"unknown_operation":   {"ims.request.demo.burn-image", `{}`, nats.Header{"Nats-Msg-Id": {"x"}}, "ims.dead.demo.burn-image", "unknown_operation", []string{"burn-image", "copy-image"}, true},
		"too_few_tokens":      {"ims.request.demo", good, nil, "ims.dead._._", "subject", []string{"3 tokens"}, false},
		"too_many_tokens":     {"ims.request.demo.copy-image.now", good, nil, "ims.dead._._", "subject", []string{"5 tokens"}, false},
		"cloud_in_capitals":   {"ims.request.Demo.copy-image", good, nats.Header{"Nats-Msg-Id": {"x"}}, "ims.dead._._", "subject", []string{`cloud "Demo"`, "a-z, 0-9 and -"}, false},
		"cloud_underscore":    {"ims.request._.copy-image", good, nats.Header{"Nats-Msg-Id": {"x"}}, "ims.dead._._", "subject", []string{`cloud "_"`}, false},
		"cloud_too_long":      {"ims.request." + strings.Repeat("x", 4000) + ".copy-image", good, nats.Header{"Nats-Msg-Id": {"x"}}, "ims.dead._._", "subject", []string{"1 to 40"}, false},
		"operation_too_long":  {"ims.request.demo." + strings.Repeat("x", 4000), good, nats.Header{"Nats-Msg-Id": {"x"}}, "ims.dead._._", "subject", []string{"1 to 64"}, false},
		"operation_odd":       {"ims.request.demo.copy_image", good, nats.Header{"Nats-Msg-Id": {"x"}}, "ims.dead._._", "subject", []string{`"copy_image"`}, false},
		"operation_mistyped":  {"ims.request.demo.copy-imag", good, nats.Header{"Nats-Msg-Id": {"x"}}, "ims.dead.demo.copy-imag", "unknown_operation", []string{`did you mean "copy-image"?`}, true},
		"operation_longest":   {"ims.request.demo." + strings.Repeat("x", 64), good, nats.Header{"Nats-Msg-Id": {"x"}}, "ims.dead.demo." + strings.Repeat("x", 64), "unknown_operation", nil, true},
		"control_verb_odd":    {"ims.control.demo." + strings.Repeat("x", 4000), `{}`, nil, "ims.dead._._", "subject", []string{"1 to 64"}, false},
		"control_cloud_odd":   {"ims.control.DEMO.retry", `{}`, nil, "ims.dead._._", "subject", []string{`"DEMO"`}, false},
		"backup_odd":          {"ims.backup.DEMO.ready", `{}`, nil, "ims.dead._._", "subject", []string{`"DEMO"`}, false},
		"literal_wildcard":    {"ims.request.*.copy-image", good, nil, "ims.dead._._", "subject", []string{"wildcard", "ims.request.<cloud>.<operation>"}, false},
		"control_wildcard":    {"ims.control.*.cancel", `{}`, nil, "ims.dead._._", "subject", []string{"wildcard", "ims.control.<cloud>.<verb>"}, false},
		"backup_wildcard":     {"ims.backup.demo.>", `{}`, nil, "ims.dead._._", "subject", []string{"wildcard", "ims.backup.<cloud>.<verb>"}, false},
		"control_verb":        {"ims.control.demo.explode", `{}`, nil, "ims.dead.demo.explode", "unknown_operation", []string{"explode"}, false},
		"header_twice":        {"ims.request.demo.copy-image", good, nats.Header{"Nats-Msg-Id": {"x"}, "traceparent": {"1", "2"}}, "ims.dead.demo.copy-image", "invalid", []string{"traceparent"}, true},
		"condition_that_held": {"ims.request.demo.copy-image", `[]`, nats.Header{"Nats-Msg-Id": {"x"}, "Nats-Expected-Stream": {"IMS_REQUESTS"}}, "ims.dead.demo.copy-image", "invalid", nil, true},
		"too_large":           {"ims.request.demo.copy-image", `{"name":"` + strings.Repeat("x", 65<<10) + `"}`, nats.Header{"Nats-Msg-Id": {"x"}}, "ims.dead.demo.copy-image", "invalid", []string{"65536"}, true},
		"put_off_for_years":   {"ims.request.demo.copy-image", `{"image_id":"465076de-dc36-4aec-80f5-ef9d8009428f","name":"x","options":{"not_before":"2262-01-01T00:00:00Z"}}`, nats.Header{"Nats-Msg-Id": {"x"}}, "ims.dead.demo.copy-image", "invalid", []string{"options.not_before", "366 days"}, true},
		"too_deep":            {"ims.request.demo.copy-image", strings.Repeat("[", 33) + strings.Repeat("]", 33), nats.Header{"Nats-Msg-Id": {"x"}}, "ims.dead.demo.copy-image", "invalid", []string{"32"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.publish(c.subject, c.body, c.header)
			m := d.dead(c.dead)
			detail := m.Header.Get("Ims-Dead-Detail")
			if m.Header.Get("Ims-Dead-Reason") != c.reason || string(m.Data) != c.body || m.Header.Get("Ims-Dead-Subject") != c.subject {
				t.Errorf("dead letter %v", m.Header)
			}
			for _, word := range c.words {
				if !strings.Contains(detail, word) {
					t.Errorf("detail %q does not say %q", detail, word)
				}
			}
			if id := c.header.Get("Nats-Msg-Id"); id != "" && m.Header.Get("Ims-Orig-Nats-Msg-Id") != id {
				t.Errorf("original id is not kept: %v", m.Header)
			}
			if got := m.Header.Get("Ims-Dead-Request-Id"); strings.HasPrefix(c.subject, "ims.request.") && c.reason != "subject" && got == "" {
				t.Error("the dead letter does not say whose it is")
			}
			if c.reason == "subject" {
				if r, err := d.conn.Last(t.Context(), broker.TrackStream(0), broker.TrackFilter(0)); !errors.Is(err, broker.ErrNone) {
					t.Errorf("there is a record: %+v, %v", r, err)
				}
			}
			if !c.rejected {
				return
			}
			if r := d.record("nats", "x"); r.State != ledger.Finished || r.Outcome != messages.StateRejected || !r.Unannounced || r.Failure.Reason != messages.ReasonInvalid {
				t.Errorf("record %+v", r)
			}
			d.publish("ims.request.demo.copy-image", good, nats.Header{"Nats-Msg-Id": {"after"}})
			if d.record("nats", "after").State != ledger.Accepted {
				t.Error("the intake does not go on")
			}
		})
	}
}

func TestIdentityReused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish("ims.request.demo.copy-image", good, cloudEvent("a"))
	h := cloudEvent("a")
	h.Set("Second", "yes")
	d.publish("ims.request.demo.copy-image", strings.Replace(good, "copy", "another", 1), h)
	if m := d.dead("ims.dead.demo.copy-image"); m.Header.Get("Ims-Dead-Reason") != "identity_reused" || m.Header.Get("Second") != "yes" {
		t.Errorf("dead letter %v", m.Header)
	}
	if r := d.record("/b", "a"); r.Sequence != 1 || string(r.Data) != good {
		t.Errorf("the first request was touched: %+v", r)
	}
}

func TestForbiddenOperationIsRejected(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish("ims.request.demo.create-whole-image", `{"backup_id":"9b27efab-4a17-4c06-bfa2-3e0cf021d3c3","whole_image_type":"CBR","name":"n"}`, nats.Header{"Nats-Msg-Id": {"a"}})
	if r := d.record("nats", "a"); r.Outcome != messages.StateRejected || r.Failure.Reason != messages.ReasonConstraint || r.Failure.Remedy == "" {
		t.Errorf("record %+v", r)
	}
}

func TestAttempts(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	replay := func(attempt int) {
		d.publish("ims.request.demo.copy-image", good, messages.ReplayHeaders(messages.Identity{Source: "nats", ID: "a"}, attempt))
	}
	replay(1)
	replay(1)
	if r := d.record("nats", "a"); r.Attempt != 1 || r.Sequence != 1 {
		t.Fatalf("record %+v", r)
	}
	replay(2)
	if m := d.dead("ims.dead.demo.copy-image"); m.Header.Get("Ims-Dead-Reason") != "attempt" || !strings.Contains(m.Header.Get("Ims-Dead-Detail"), "not ended") {
		t.Errorf("dead letter %v", m.Header)
	}
	r := d.record("nats", "a")
	r.State, r.Outcome, r.Posts, r.EverUncertain = ledger.Finished, messages.StateFailed, []time.Time{time.Now().UTC()}, true
	if err := d.records.Bury(t.Context(), r, time.Hour); err != nil {
		t.Fatal(err)
	}
	replay(3)
	if m := d.dead("ims.dead.demo.copy-image"); !strings.Contains(m.Header.Get("Ims-Dead-Detail"), "the last one is 1") {
		t.Errorf("dead letter %v", m.Header)
	}
	d.publish("ims.request.demo.copy-image", strings.Replace(good, "copy", "stolen", 1), messages.ReplayHeaders(messages.Identity{Source: "nats", ID: "a"}, 2))
	if m := d.dead("ims.dead.demo.copy-image"); m.Header.Get("Ims-Dead-Reason") != "identity_reused" {
		t.Errorf("another request under the identity: %v", m.Header)
	}
	replay(2)
	if r := d.record("nats", "a"); r.Attempt != 2 || r.State != ledger.Accepted || len(r.Posts) != 1 {
		t.Errorf("second attempt %+v", r)
	}
}

// TestAttemptWaitsForTheEndToBeTold: the record of an attempt that has ended
// is the only thing that says so until its final event is out.
func TestAttemptWaitsForTheEndToBeTold(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish("ims.request.demo.copy-image", good, cloudEvent("a"))
	r := d.record("/b", "a")
	d.change(r, func(r *ledger.Record) { r.State, r.Outcome = ledger.Finished, messages.StateUnresolved })
	body := `{"key":"` + r.Key + `","attempt":1,"as":"not-done"}`
	if _, err := d.conn.JetStream().Publish(t.Context(), "ims.control.demo.resolve", []byte(body)); err != nil {
		t.Fatal(err)
	}
	d.await("the message to come again", func() bool {
		c, err := d.conn.JetStream().Consumer(t.Context(), broker.StreamRequests, broker.ShardConsumer(0))
		return err == nil && c.CachedInfo().NumRedelivered > 0
	})
	if there := d.record("/b", "a"); there.Attempt != 1 || there.Sequence != r.Sequence {
		t.Fatalf("record %+v", there)
	}
	d.change(r, func(r *ledger.Record) { r.Told = true })
	d.await("the next attempt", func() bool { return d.record("/b", "a").Attempt == 2 })
}

// TestUnknownCloudsHoldFewPlaces: at most 64 requests wait for a cloud, however
// many come; the others are dead letters at once, and what is known goes on.
func TestUnknownCloudsHoldFewPlaces(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	js := d.conn.JetStream()
	const sent = 300
	for i := range sent {
		if _, err := js.Publish(t.Context(), fmt.Sprintf("ims.request.nowhere-%d.copy-image", i), []byte(good)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := js.PublishMsg(t.Context(), &nats.Msg{Subject: "ims.request.demo.copy-image", Data: []byte(good), Header: cloudEvent("a")}); err != nil {
		t.Fatal(err)
	}
	waiting := func() uint64 {
		s, err := js.Stream(t.Context(), broker.StreamRequests)
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().State.Msgs
	}
	consumer, err := js.Consumer(t.Context(), broker.StreamRequests, broker.ShardConsumer(0))
	if err != nil {
		t.Fatal(err)
	}
	d.await("all but 64 to be dead letters", func() bool {
		info, err := consumer.Info(t.Context())
		if err != nil || info.NumAckPending > 64+64+64 { // as many acks again may be on their way
			t.Fatalf("%d places are held, %v; want at most 64 beside the 64 in hand", info.NumAckPending, err)
		}
		return waiting() <= 64
	})
	if got := waiting(); got != 64 {
		t.Errorf("%d wait, want 64", got)
	}
	dead, err := js.Stream(t.Context(), broker.StreamDead)
	if err != nil || dead.CachedInfo().State.Msgs != sent-64 {
		t.Errorf("%d dead letters, %v, want %d", dead.CachedInfo().State.Msgs, err, sent-64)
	}
	if r := d.record("/b", "a"); r.State != ledger.Accepted {
		t.Errorf("record %+v", r)
	}
}

// TestLargeHeaders: a message whose headers nearly fill what the broker takes
// has no room for ours; its letter lacks the largest and says so.
func TestLargeHeaders(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	h := nats.Header{"Nats-Msg-Id": {"x"}, "small": {"kept"}, "large": {strings.Repeat("x", 60<<10)}, "Ims-Dead-Request-Id": {"forged"}}
	for i := range 200 {
		h.Set(fmt.Sprintf("Nats-%d", i), "x")
	}
	d.publish("ims.request.demo.copy-image", "[]", h)
	m := d.dead("ims.dead.demo.copy-image")
	if got := m.Header.Get("Ims-Dead-Omitted"); got != "1 headers (large)" {
		t.Errorf("omitted: %q", got)
	}
	for name, want := range map[string]string{"small": "kept", "Ims-Orig-Nats-7": "x", "Ims-Dead-Request-Id": "x", "Ims-Orig-Ims-Dead-Request-Id": "forged", "large": ""} {
		if got := m.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if string(m.Data) != "[]" {
		t.Errorf("body %q", m.Data)
	}
}

// TestStatusWithoutBody: such a message looks like one of the broker's own
// words, and so would its letter to whoever fetches it.
func TestStatusWithoutBody(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.publish("ims.request.demo.copy-image", "", nats.Header{"Nats-Msg-Id": {"x"}, "Status": {"404"}, "Description": {"No Messages"}})
	m := d.dead("ims.dead.demo.copy-image")
	if got := m.Header.Get("Ims-Orig-Status"); got != "404" || m.Header.Get("Status") != "" || len(m.Data) != 0 {
		t.Errorf("headers %v, body %q", m.Header, m.Data)
	}
}
