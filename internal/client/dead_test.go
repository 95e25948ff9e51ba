package client

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/messages"
)

// somebody is who does things in these tests.
var somebody = Act{By: "alice@bastion", Why: "the cloud is known now"}

func skipped(err error) bool {
	_, is := errors.AsType[Skipped](err)
	return is
}

func letters(t *testing.T, c *Client, f DeadFilter) (numbers []uint64) {
	t.Helper()
	if err := c.DeadLetters(t.Context(), f, func(d DeadLetter) { numbers = append(numbers, d.Number) }); err != nil {
		t.Fatal(err)
	}
	return numbers
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	c := streams(t)
	first := bury(t, c, 7, "invalid", nil)
	second := bury(t, c, 8, "unknown_cloud", nats.Header{deadSubjectOf: {"ims.request.other.copy-image"}, deadDetail: {"cloud: Nobody knows it"}, deadTime: {"2026-11-21T11:00:00Z"}})
	if _, err := c.Replay(t.Context(), first, somebody); err != nil {
		t.Fatal(err)
	}
	noon := time.Date(2026, 11, 21, 10, 30, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		filter DeadFilter
		want   []uint64
	}{
		"all":           {DeadFilter{}, []uint64{first, second}},
		"cloud":         {DeadFilter{Clouds: []string{"demo"}}, []uint64{first, second}},
		"clouds":        {DeadFilter{Clouds: []string{"other", "demo"}}, []uint64{first, second}},
		"operation":     {DeadFilter{Operations: []string{"copy-image", "x"}}, []uint64{first, second}},
		"no operation":  {DeadFilter{Operations: []string{"export-image"}}, nil},
		"subject":       {DeadFilter{Subject: "ims.request.oth*"}, []uint64{second}},
		"reason":        {DeadFilter{Reasons: []string{"unknown_cloud"}}, []uint64{second}},
		"text":          {DeadFilter{Text: "nobody KNOWS"}, []uint64{second}},
		"open":          {DeadFilter{Status: DeadOpen}, []uint64{second}},
		"replayed":      {DeadFilter{Status: DeadReplayed}, []uint64{first}},
		"dropped":       {DeadFilter{Status: DeadDropped}, nil},
		"before":        {DeadFilter{Before: noon}, []uint64{first}},
		"after":         {DeadFilter{After: noon}, []uint64{second}},
		"another cloud": {DeadFilter{Clouds: []string{"_"}}, nil},
	} {
		if got := letters(t, c, tc.filter); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %v, want %v", name, got, tc.want)
		}
	}
	for _, number := range []uint64{99, second + 1} { // the second of these is a line of the log
		if _, err := c.DeadLetter(t.Context(), number); !errors.Is(err, ErrNoDeadLetter) {
			t.Errorf("number %d: got %v", number, err)
		}
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		header   nats.Header
		identity messages.Identity
		rejected bool
		attempt  int
	}{
		"cloudevent": {nats.Header{
			"ce-specversion": {"1.0"}, "ce-type": {"io.imsworker.request.copy-image.v1"}, "ce-source": {"/test"}, "ce-id": {"a"},
			deadSource: {"/test"}, deadID: {"a"}, "Ims-Orig-Nats-Expected-Stream": {"IMS_REQUESTS"},
		}, messages.Identity{Source: "/test", ID: "a"}, true, 2},
		"plain":       {nats.Header{deadSource: {"nats"}, deadID: {"m1"}}, messages.Identity{Source: "nats", ID: "m1"}, false, 1},
		"no_identity": {nil, messages.Identity{Source: "nats", ID: "7-1795255200000000000"}, false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := streams(t)
			r := request(tc.identity.ID)
			r.Identity = tc.identity
			if tc.rejected {
				tell(t, c, r, 1, messages.StateRejected)
			}
			number := bury(t, c, 7, "invalid", tc.header)
			d, err := c.DeadLetter(t.Context(), number)
			if err != nil || d.Header.Get("Nats-Subject") != "" {
				t.Errorf("headers of the broker's answer are shown: %v, %v", d.Header, err)
			}
			replayed, err := c.Replay(t.Context(), number, somebody)
			if err != nil || replayed.Attempt != tc.attempt {
				t.Fatalf("got %+v, %v; want attempt %d", replayed, err, tc.attempt)
			}
			checkReplay(t, c, tc.identity, tc.attempt)
			checkLog(t, c, number, tc.attempt)
		})
	}
}

func checkReplay(t *testing.T, c *Client, identity messages.Identity, attempt int) {
	t.Helper()
	m, err := c.conn.Last(t.Context(), broker.StreamRequests, "ims.inbox.*.request.demo.copy-image")
	if err != nil {
		t.Fatal(err)
	}
	for header := range m.Header {
		if strings.HasPrefix(header, deadPrefix) || strings.HasPrefix(header, origPrefix) || strings.HasPrefix(header, "Nats-Expected") {
			t.Errorf("the replay carries %s", header)
		}
	}
	if m.Header.Get(headerReplayBy) != somebody.By || m.Header.Get(headerReplayOf) == "" || m.Header.Get(headerReplayTime) == "" {
		t.Errorf("the replay does not say who made it: %v", m.Header)
	}
	envelope, problems := messages.ReadEnvelope("copy-image", m.Header, m.Data)
	if envelope.Identity != identity || envelope.Attempt != attempt || string(m.Data) != `{"nome":"x"}` || len(problems) > 0 {
		t.Errorf("got %+v with %s, %v", envelope, m.Data, problems)
	}
}

// checkLog wants to see who replayed a letter, when and why.
func checkLog(t *testing.T, c *Client, number uint64, attempt int) {
	t.Helper()
	d, err := c.DeadLetter(t.Context(), number)
	if err != nil || d.Status != DeadReplayed || len(d.Log) != 2 {
		t.Fatalf("got %+v, %v", d, err)
	}
	for i, did := range []DeadDid{DidBegin, DidReplay} {
		if e := d.Log[i]; e.Did != did || e.By != somebody.By || e.Why != somebody.Why || e.Attempt != attempt || time.Since(e.Time) > time.Hour {
			t.Errorf("got %+v", e)
		}
	}
}

// waitingIn counts what waits in the queue.
func waitingIn(t *testing.T, c *Client) uint64 {
	t.Helper()
	stream, err := c.conn.JetStream().Stream(t.Context(), broker.StreamRequests)
	if err != nil {
		t.Fatal(err)
	}
	info, err := stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info.State.Msgs
}

// TestReplayOnce: nobody replays a letter a second time by accident, also not two at the same moment.
func TestReplayOnce(t *testing.T) {
	t.Parallel()
	c := streams(t)
	number := bury(t, c, 7, "invalid", nil)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if _, err := c.Replay(t.Context(), number, somebody); err != nil && !skipped(err) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := waitingIn(t, c); n != 1 {
		t.Errorf("%d messages were published", n)
	}
	if _, err := c.Replay(t.Context(), number, somebody); !skipped(err) || !strings.Contains(err.Error(), "alice@bastion has replayed it at") {
		t.Errorf("got %v", err)
	}
	again := somebody
	again.Again = true
	if _, err := c.Replay(t.Context(), number, again); err != nil {
		t.Error(err)
	}
	if n := waitingIn(t, c); n != 2 {
		t.Errorf("asked for again: %d messages were published", n)
	}
}

// TestReplayCutOff: what was cut off after its beginning goes on with the same attempt, and publishes nothing that is known.
func TestReplayCutOff(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"before_publishing": false, "after_publishing": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := streams(t)
			number := bury(t, c, 7, "invalid", nats.Header{deadSource: {"/test"}, deadID: {"a"}})
			tell(t, c, request("a"), 1, messages.StateRejected)
			d := DeadLetter{Number: number}
			if err := c.note(t.Context(), &d, DeadEntry{Did: DidBegin, By: "bob", Attempt: 2}); err != nil {
				t.Fatal(err)
			}
			if known {
				tell(t, c, request("a"), 2, messages.StateFailed)
			}
			if _, err := c.Replay(t.Context(), number, somebody); !skipped(err) || !strings.Contains(err.Error(), "bob has begun") {
				t.Errorf("nobody is given time: %v", err)
			}
			c.patience = 0
			r, err := c.Replay(t.Context(), number, somebody)
			if err != nil || r.Attempt != 2 {
				t.Errorf("got %+v, %v", r, err)
			}
			if n := waitingIn(t, c); (n != 0) == known {
				t.Errorf("%d messages were published", n)
			}
			if d, err = c.DeadLetter(t.Context(), number); err != nil || d.Status != DeadReplayed || len(d.Log) != 2 || d.Log[1].By != somebody.By {
				t.Errorf("got %+v, %v", d, err)
			}
		})
	}
}

// TestReplayLeavesAlone what has gone on without it.
func TestReplayLeavesAlone(t *testing.T) {
	t.Parallel()
	c := streams(t)
	for state, want := range map[messages.State]string{
		messages.StateSucceeded: "ended as succeeded; --again", messages.StateCancelled: "ended as cancelled; --again", messages.StateSubmitted: "under way (submitted)",
	} {
		id := string(state)
		tell(t, c, request(id), 1, state)
		number := bury(t, c, 7, "identity_reused", nats.Header{deadSource: {"/test"}, deadID: {id}})
		if _, err := c.Replay(t.Context(), number, somebody); !skipped(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", state, err)
		}
	}
	for subject, want := range map[string]string{"ims.request.demo": "which no worker can read", "ims.control.demo.pause": "say it anew"} {
		number := bury(t, c, 7, "subject", nats.Header{deadSubjectOf: {subject}})
		if _, err := c.Replay(t.Context(), number, somebody); !skipped(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", subject, err)
		}
	}
	if n := waitingIn(t, c); n != 0 {
		t.Errorf("%d messages were published", n)
	}
}

// TestReplayOfOneIdentity: of letters of one request, only the first is replayed in a run; a dry run publishes none.
func TestReplayOfOneIdentity(t *testing.T) {
	t.Parallel()
	c := streams(t)
	header := nats.Header{deadSource: {"/test"}, deadID: {"a"}}
	first, second := bury(t, c, 7, "invalid", header), bury(t, c, 8, "invalid", header)
	act := somebody
	act.Dry = true
	if r, err := c.Replay(t.Context(), first, act); err != nil || r.Attempt != 1 || waitingIn(t, c) != 0 {
		t.Errorf("dry: %+v, %v", r, err)
	}
	act.Dry, act.Asked = false, map[string]uint64{}
	if _, err := c.Replay(t.Context(), first, act); err != nil {
		t.Error(err)
	}
	if _, err := c.Replay(t.Context(), second, act); !skipped(err) || !strings.Contains(err.Error(), "identity of dead letter 1") {
		t.Errorf("got %v", err)
	}
}

// TestReplayGoesOn though its command was stopped when it had begun.
func TestReplayGoesOn(t *testing.T) {
	t.Parallel()
	c := streams(t)
	number := bury(t, c, 7, "invalid", nil)
	d, err := c.DeadLetter(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Replay(ctx, number, somebody); err == nil || waitingIn(t, c) != 0 {
		t.Errorf("begun though it was stopped before: %v", err)
	}
	if d, err = c.DeadLetter(t.Context(), number); err != nil || len(d.Log) != 0 {
		t.Errorf("got %+v, %v", d, err)
	}
}

func TestDrop(t *testing.T) {
	t.Parallel()
	c := streams(t)
	number, other := bury(t, c, 7, "invalid", nil), bury(t, c, 8, "invalid", nil)
	if d, err := c.Drop(t.Context(), number, Act{By: "alice@bastion", Dry: true}); err != nil || d.Status != DeadOpen {
		t.Errorf("dry: %+v, %v", d, err)
	}
	if _, err := c.Drop(t.Context(), number, somebody); err != nil {
		t.Fatal(err)
	}
	d, err := c.DeadLetter(t.Context(), number)
	if err != nil || d.Status != DeadDropped || d.Body != "" || d.Reason != "invalid" || d.Detail != "what is wrong" || d.Subject != "ims.request.demo.copy-image" ||
		len(d.Log) != 1 || d.Log[0].By != somebody.By || d.Log[0].Why != somebody.Why {
		t.Errorf("got %+v, %v", d, err)
	}
	for name, f := range map[string]func() error{
		"drop":   func() error { _, err := c.Drop(t.Context(), number, somebody); return err },
		"replay": func() error { _, err := c.Replay(t.Context(), number, somebody); return err },
	} {
		if err := f(); !skipped(err) || !strings.Contains(err.Error(), "alice@bastion has dropped it at") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if there, gone := letters(t, c, DeadFilter{}), letters(t, c, DeadFilter{Status: DeadDropped}); !slices.Equal(there, []uint64{other}) || !slices.Equal(gone, []uint64{number}) {
		t.Errorf("there are %v, dropped %v", there, gone)
	}
	if _, err := c.Drop(t.Context(), 99, somebody); !errors.Is(err, ErrNoDeadLetter) {
		t.Errorf("got %v", err)
	}
}

// TestDropCutOff: a letter that the log calls dropped and that is there is dropped by the next try, without a second line.
func TestDropCutOff(t *testing.T) {
	t.Parallel()
	c := streams(t)
	number := bury(t, c, 7, "invalid", nil)
	d := DeadLetter{Number: number}
	if err := c.note(t.Context(), &d, DeadEntry{Did: DidDrop, By: "bob", Letter: &DeadLetter{Reason: "invalid"}}); err != nil {
		t.Fatal(err)
	}
	if d, err := c.DeadLetter(t.Context(), number); err != nil || d.Status != DeadOpen || d.Body == "" {
		t.Errorf("what is there is not shown: %+v, %v", d, err)
	}
	if _, err := c.Drop(t.Context(), number, somebody); err != nil {
		t.Fatal(err)
	}
	if d, err := c.DeadLetter(t.Context(), number); err != nil || d.Status != DeadDropped || len(d.Log) != 1 || d.Log[0].By != "bob" {
		t.Errorf("got %+v, %v", d, err)
	}
}

// TestDeadLogIsRead whatever stands in it.
func TestDeadLogIsRead(t *testing.T) {
	t.Parallel()
	c := streams(t)
	number := bury(t, c, 7, "invalid", nil)
	for _, text := range []string{`no JSON`, `{"did":"blessed","by":"a newer imsworker"}`} {
		put(t, c, broker.StreamDead, broker.Message{Subject: broker.DeadLogSubject(number), Data: []byte(text)})
	}
	d, err := c.DeadLetter(t.Context(), number)
	if err != nil || d.Status != DeadOpen || len(d.Log) != 1 || !json.Valid([]byte(jsonOf(t, d))) {
		t.Errorf("got %+v, %v", d, err)
	}
}
