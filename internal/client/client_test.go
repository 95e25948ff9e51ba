package client

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testConfig = config.Config{Shards: 2, EventsMaxAge: time.Hour}

// empty starts a server without any stream, with streams one that workers have used.
func empty(t *testing.T) *Client {
	t.Helper()
	inside, err := broker.StartInside(broker.InsideOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(inside.Stop)
	cfg := testConfig
	cfg.NATS.URL = config.Secret(inside.URL())
	c, err := Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func streams(t *testing.T) *Client {
	t.Helper()
	c := empty(t)
	if _, err := c.conn.Apply(t.Context(), Expected(testConfig, Others{}).Streams); err != nil {
		t.Fatal(err)
	}
	return c
}

func put(t *testing.T, c *Client, stream string, m broker.Message) uint64 {
	t.Helper()
	sequence, err := c.conn.Put(t.Context(), stream, m)
	if err != nil {
		t.Fatal(err)
	}
	return sequence
}

func request(id string) messages.Request {
	return messages.Request{
		Identity: messages.Identity{Source: "/test", ID: id}, Cloud: "demo", Operation: "copy-image", Data: json.RawMessage(`{"name":"x"}`),
	}
}

// tell publishes an event as the engine does.
func tell(t *testing.T, c *Client, r messages.Request, attempt int, state messages.State) {
	t.Helper()
	key := messages.Key(r.Cloud, r.Source, r.ID)
	now := time.Now().UTC()
	header, body, err := messages.EncodeEvent(
		messages.EventMeta{Cloud: r.Cloud, Operation: r.Operation, Key: key, Attempt: attempt, State: state, Time: now, CausationID: r.ID},
		messages.Event{
			Request: messages.RequestInfo{ID: r.ID, Source: r.Source, Key: key, Cloud: r.Cloud, Operation: r.Operation, Attempt: attempt},
			State:   state, Times: messages.Times{Accepted: &now},
		})
	if err != nil {
		t.Fatal(err)
	}
	put(t, c, broker.StreamEvents, broker.Message{
		Subject: messages.EventSubject(r.Cloud, r.Operation, state, key, attempt), Header: header, Data: body,
	})
}

func TestDial(t *testing.T) {
	t.Parallel()
	cfg := testConfig
	cfg.NATS.URL = "nats://user:t0ps3cret@127.0.0.1:1"
	_, err := Dial(t.Context(), cfg)
	if !errors.Is(err, broker.ErrNotConnected) || !strings.Contains(err.Error(), "IMSWORKER_NATS_URL") || strings.Contains(err.Error(), "t0ps3cret") {
		t.Errorf("got %v", err)
	}
}

func TestWithoutStreams(t *testing.T) {
	t.Parallel()
	c := empty(t)
	for name, call := range map[string]func() error{
		"submit":   func() error { _, err := c.Submit(t.Context(), request("a")); return err },
		"wait":     func() error { _, err := c.Wait(t.Context(), Submission{Cloud: "demo"}, nil); return err },
		"requests": func() error { _, err := c.Requests(t.Context(), Filter{}); return err },
		"request":  func() error { _, err := c.Request(t.Context(), "x"); return err },
		"dead":     func() error { return c.DeadLetters(t.Context(), DeadFilter{}, nil) },
		"letter":   func() error { _, err := c.DeadLetter(t.Context(), 1); return err },
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), "start a worker once") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestStreams(t *testing.T) {
	t.Parallel()
	c := empty(t)
	before, err := c.Streams(t.Context(), testConfig, Others{})
	if err != nil || len(before.Plan) == 0 || !before.Plan.Applicable() {
		t.Errorf("without streams: %v, %v", before.Plan, err)
	}
	if _, err := c.conn.Apply(t.Context(), before.Streams); err != nil {
		t.Fatal(err)
	}
	if after, err := c.Streams(t.Context(), testConfig, Others{}); err != nil || len(after.Plan) != 0 {
		t.Errorf("with all streams: %v, %v", after.Plan, err)
	}
}

// submit publishes a request and takes it from the queue, as a worker does.
func submit(t *testing.T, c *Client, r messages.Request) Submission {
	t.Helper()
	s, err := c.Submit(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if s.Subject != "ims.request.demo.copy-image" || s.Key != messages.Key(r.Cloud, r.Source, r.ID) || s.Sequence == 0 {
		t.Errorf("got %+v", s)
	}
	stream, err := c.conn.JetStream().Stream(t.Context(), broker.StreamRequests)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(t.Context(), s.Sequence); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSubmitAndWait(t *testing.T) {
	t.Parallel()
	c := streams(t)
	r := request("a")
	s := submit(t, c, r)
	tell(t, c, r, 1, messages.StateAccepted)
	tell(t, c, request("other"), 1, messages.StateFailed)
	var seen []messages.State
	final, err := c.Wait(t.Context(), s, func(_ messages.EventMeta, e messages.Event) {
		if seen = append(seen, e.State); e.State == messages.StateAccepted {
			tell(t, c, r, 1, messages.StateSucceeded)
		}
	})
	if err != nil || final.State != messages.StateSucceeded || len(seen) != 2 {
		t.Errorf("got %s after %v, %v", final.State, seen, err)
	}
}

// TestWaitForNewestAttempt waits past the end of an attempt that was replayed.
func TestWaitForNewestAttempt(t *testing.T) {
	t.Parallel()
	c := streams(t)
	r := request("a")
	s := submit(t, c, r)
	tell(t, c, r, 1, messages.StateRejected)
	tell(t, c, r, 2, messages.StateAccepted)
	final, err := c.Wait(t.Context(), s, func(m messages.EventMeta, e messages.Event) {
		if m.Attempt == 2 && e.State == messages.StateAccepted {
			tell(t, c, r, 2, messages.StateSucceeded)
		}
	})
	if err != nil || final.State != messages.StateSucceeded {
		t.Errorf("got %s, %v", final.State, err)
	}
}

func TestWaitEndsWithContext(t *testing.T) {
	t.Parallel()
	c := streams(t)
	taken := submit(t, c, request("a"))
	waiting, err := c.Submit(t.Context(), request("b"))
	if err != nil {
		t.Fatal(err)
	}
	tell(t, c, request("b"), 1, messages.StateSucceeded) // of an earlier message under the same identity
	for _, s := range []Submission{taken, waiting} {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if _, err := c.Wait(ctx, s, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		cancel()
	}
}

func TestWaitForDeadLetter(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reason string
		event  messages.State
		want   error
	}{
		"rejected":                  {"invalid", messages.StateRejected, nil},
		"identity_reused":           {"identity_reused", messages.StateSucceeded, ErrDead},
		"invalid_under_old_id":      {"invalid", messages.StateSucceeded, ErrDead},
		"attempt_that_was_not_next": {"attempt", messages.StateRejected, ErrDead},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := streams(t)
			s := submit(t, c, request("a"))
			bury(t, c, s.Sequence+1, "unknown_cloud", nil) // another message's
			bury(t, c, s.Sequence, tc.reason, nil)
			tell(t, c, request("a"), 1, tc.event)
			final, err := c.Wait(t.Context(), s, func(messages.EventMeta, messages.Event) {})
			if !errors.Is(err, tc.want) || err == nil && final.State != messages.StateRejected {
				t.Errorf("got %s, %v", final.State, err)
			}
			if err != nil && !strings.Contains(err.Error(), tc.reason+": what is wrong; `imsworker dead get 2`") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// bury publishes a dead letter as the intake does.
func bury(t *testing.T, c *Client, sequence uint64, reason string, more nats.Header) uint64 {
	t.Helper()
	header := nats.Header{
		deadReason: {reason}, deadDetail: {"what is wrong"}, deadSubjectOf: {"ims.request.demo.copy-image"},
		deadTime: {"2026-11-21T10:00:00Z"}, deadSequence: {json.Number(jsonOf(t, sequence)).String()},
	}
	maps.Copy(header, more)
	return put(t, c, broker.StreamDead, broker.Message{Subject: "ims.dead.demo.copy-image", Header: header, Data: []byte(`{"nome":"x"}`)})
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRequests(t *testing.T) {
	t.Parallel()
	c := streams(t)
	for i, id := range []string{"a", "b"} {
		r := record(request(id))
		if err := ledger.New(c.conn, i).Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	tell(t, c, request("old"), 1, messages.StateFailed)
	tell(t, c, request("a"), 1, messages.StateAccepted)
	for name, tc := range map[string]struct {
		filter Filter
		want   int
	}{
		"all":            {Filter{}, 2},
		"history":        {Filter{History: true}, 3},
		"state":          {Filter{States: []string{"accepted"}}, 2},
		"failed":         {Filter{States: []string{"failed"}, History: true}, 1},
		"failed_of_demo": {Filter{States: []string{"failed"}, Clouds: []string{"demo"}, Operations: []string{"copy-image"}, History: true}, 1},
		"other_cloud":    {Filter{Clouds: []string{"nowhere"}, History: true}, 0},
		"no_operation":   {Filter{Operations: []string{"x"}, History: true}, 0},
	} {
		list, err := c.Requests(t.Context(), tc.filter)
		if err != nil || len(list) != tc.want || list == nil {
			t.Errorf("%s: got %v, %v; want %d", name, list, err, tc.want)
		}
	}
	detail, err := c.Request(t.Context(), messages.Key("demo", "/test", "a"))
	if err != nil || detail.Record == nil || len(detail.Events) != 1 || detail.Summary.State != "accepted" {
		t.Errorf("with record: %+v, %v", detail, err)
	}
	detail, err = c.Request(t.Context(), messages.Key("demo", "/test", "old"))
	if err != nil || detail.Record != nil || detail.Summary.State != "failed" {
		t.Errorf("without record: %+v, %v", detail, err)
	}
	if _, err = c.Request(t.Context(), messages.Key("demo", "/test", "never")); !errors.Is(err, ErrUnknown) {
		t.Errorf("unknown: %v", err)
	}
}

func record(r messages.Request) *ledger.Record {
	return &ledger.Record{
		Key: messages.Key(r.Cloud, r.Source, r.ID), Cloud: r.Cloud, Operation: r.Operation, Source: r.Source, ID: r.ID,
		Attempt: 1, State: ledger.Accepted, Accepted: time.Now().UTC(), Data: r.Data,
	}
}
