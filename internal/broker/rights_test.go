package broker

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const restricted = `
authorization { users: [
	{ user: admin, password: pw }
	{ user: worker, password: pw, permissions: {
		publish: [ "$JS.API.STREAM.INFO.*", "$JS.API.CONSUMER.INFO.>", "$JS.API.CONSUMER.MSG.NEXT.>", "$JS.API.STREAM.MSG.GET.*", "$JS.ACK.>", "ims.track.>" ]
		subscribe: [ "_INBOX_worker.>" ] } }
	{ user: blind, password: pw, permissions: { publish: [ "ims.event.>" ], subscribe: [ "_INBOX_blind.>" ] } }
] }`

// TestApplyWithoutTheRight: an administrator makes the streams, the worker may
// only look.
func TestApplyWithoutTheRight(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nats.conf")
	write(t, file, restricted)
	inside := startIn(t, InsideOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", ConfigFile: file})
	user := func(name string) Options {
		return Options{URL: inside.URL(), User: name, Password: "pw", InboxPrefix: "_INBOX_" + name}
	}
	worker := dial(t, user("worker"))
	if _, err := worker.Apply(within(t), usual(2)); !errors.Is(err, ErrTopology) || !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "administrator") {
		t.Errorf("nothing there yet: got %v", err)
	}
	admin := dial(t, user("admin"))
	if names := streamNames(t, admin); len(names) > 0 {
		t.Errorf("the refused start leaves %v", names)
	}
	apply(t, admin, usual(2))
	if plan := apply(t, worker, usual(2)); len(plan) != 0 {
		t.Errorf("got\n%s", plan)
	}
	if _, err := dial(t, user("blind")).Apply(within(t), usual(2)); !errors.Is(err, ErrDenied) || !strings.Contains(err.Error(), "STREAM.INFO") {
		t.Errorf("without the right to look: got %v", err)
	}
	mustPut(t, worker, TrackStream(0), Message{Subject: TrackSubject(0, "k"), Expect: &Expect{}, Token: "t"})
	if _, err := worker.Put(within(t), StreamDead, Message{Subject: "ims.dead.a.b"}); !errors.Is(err, ErrDenied) {
		t.Errorf("a forbidden subject: got %v, want ErrDenied", err)
	}
}

// TestPlanWithoutTheRight: whatever is missing or differs is shown, with the
// right that is needed, and no refusal is logged apart from that.
func TestPlanWithoutTheRight(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nats.conf")
	write(t, file, restricted)
	inside := startIn(t, InsideOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", ConfigFile: file})
	var log bytes.Buffer
	worker, err := Dial(t.Context(), Options{URL: inside.URL(), User: "worker", Password: "pw", InboxPrefix: "_INBOX_worker"}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := worker.Plan(within(t), usual(16))
	if err != nil || len(plan) != 20+17 {
		t.Errorf("got %v\n%s", err, plan)
	}
	needed := map[string]bool{}
	for _, c := range plan {
		if c.Action != ActionManual || c.Is != "missing" || !strings.HasPrefix(c.Remedy, "not permitted: ") {
			t.Errorf("got %+v", c)
		}
		needed[c.Remedy] = true
	}
	if len(needed) != len(plan) || !strings.Contains(plan.String(), "$JS.API.CONSUMER.CREATE.IMS_REQUESTS.shard-15.ims.inbox.15.>") {
		t.Errorf("the subjects that are needed: %v", needed)
	}
	worker.Close()
	if strings.Contains(log.String(), ".CREATE.") {
		t.Errorf("logged: %s", &log)
	}
}

// TestUpdateWithoutTheRight: only what differs asks for a right.
func TestUpdateWithoutTheRight(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nats.conf")
	write(t, file, restricted)
	inside := startIn(t, InsideOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", ConfigFile: file})
	old := usual(2)
	old[2].Config.MaxMsgs = 100
	old[0].Consumers[1].MaxAckPending = 7
	apply(t, dial(t, Options{URL: inside.URL(), User: "admin", Password: "pw"}), old)
	worker := dial(t, Options{URL: inside.URL(), User: "worker", Password: "pw", InboxPrefix: "_INBOX_worker"})
	plan, err := worker.Apply(within(t), usual(2))
	if !errors.Is(err, ErrDenied) || len(plan) != 2 || plan.Applicable() {
		t.Fatalf("got %v\n%s", err, plan)
	}
	for i, want := range []string{"CONSUMER.CREATE.IMS_REQUESTS.shard-00.", "STREAM.UPDATE.IMS_DEAD"} {
		if !strings.Contains(plan[i].Remedy, want) || plan[i].Is == "missing" {
			t.Errorf("got %+v, want %s", plan[i], want)
		}
	}
}

// TestAskingForRightsChangesNothing on a broker where everything is permitted.
func TestAskingForRightsChangesNothing(t *testing.T) {
	t.Parallel()
	c := connect(t)
	plan, err := c.Plan(within(t), usual(2))
	if err != nil || !plan.Applicable() || len(plan) != 6+3 || len(streamNames(t, c)) > 0 {
		t.Errorf("got %v, streams %v\n%s", err, streamNames(t, c), plan)
	}
	narrow := usual(2)
	narrow[2].Config.MaxMsgs, narrow[0].Consumers[1].MaxAckPending = 100, 7
	apply(t, c, narrow)
	if plan, err = c.Plan(within(t), usual(2)); err != nil || len(plan) != 2 || !plan.Applicable() {
		t.Errorf("got %v\n%s", err, plan)
	}
	if left, err := c.Plan(within(t), narrow); err != nil || len(left) > 0 {
		t.Errorf("asking has changed something: %v\n%s", err, left)
	}
}

// TestNotifierWithoutTheRight: the consumer of a notifier is asked for where one
// is switched on, and the right that it takes is named.
func TestNotifierWithoutTheRight(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nats.conf")
	write(t, file, restricted)
	inside := startIn(t, InsideOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", ConfigFile: file})
	admin := dial(t, Options{URL: inside.URL(), User: "admin", Password: "pw"})
	apply(t, admin, usual(1))
	if _, found, err := admin.lookConsumer(t.Context(), StreamEvents, NotifyConsumer); found || err != nil {
		t.Errorf("it is there though nobody wants it (%v)", err)
	}
	want := Topology(TopologyOptions{Shards: 1, EventsMaxAge: 720 * time.Hour, Notify: true})
	worker := dial(t, Options{URL: inside.URL(), User: "worker", Password: "pw", InboxPrefix: "_INBOX_worker"})
	plan, err := worker.Plan(within(t), want)
	if err != nil || len(plan) != 1 || !strings.Contains(plan[0].Remedy, "publish to $JS.API.CONSUMER.CREATE.IMS_EVENTS.notify") {
		t.Errorf("got %v\n%s", err, plan)
	}
	if made := apply(t, admin, want); len(made) != 1 {
		t.Errorf("made\n%s", made)
	}
	if plan, err := worker.Apply(within(t), want); err != nil || len(plan) != 0 {
		t.Errorf("got %v\n%s", err, plan)
	}
	if plan, err := worker.Apply(within(t), usual(1)); err != nil || len(plan) != 0 {
		t.Errorf("switched off again: got %v\n%s", err, plan)
	}
}
