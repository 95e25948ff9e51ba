package app_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// TestStopUnderLoad stops the worker in the middle of many requests, as
// SIGTERM does, and starts it again: nothing is lost, nothing told twice, no
// error logged, and the stop is over within its time.
func TestStopUnderLoad(t *testing.T) {
	t.Parallel()
	const requests = 150
	s := newSystem(t, ", limits: off", nil)
	s.allowImages(1000)
	s.start()
	for i := range requests {
		s.publish("ims.request.demo.copy-image", copyBase, copyEvent(fmt.Sprint(i)))
	}
	s.await("some of them to be submitted", func() bool { return s.made() > requests/10 })
	begun := time.Now()
	s.stop()
	if took := time.Since(begun); took > s.cfg.Drain {
		t.Errorf("stopping took %v, DRAIN is %v", took, s.cfg.Drain)
	}
	if n := s.made(); n == requests {
		t.Fatal("everything was done before the stop; the test shows nothing")
	}
	s.start()
	for i := range requests {
		key := messages.Key("demo", "/test", fmt.Sprint(i))
		if final := s.final(key); final.State != messages.StateSucceeded {
			t.Errorf("request %d ended %s: %+v", i, final.State, final.Error)
		}
		if got := states(withoutProgress(s.events(key))); got != "accepted submitted succeeded" {
			t.Errorf("request %d: told %q", i, got)
		}
	}
	if n := s.made(); n != requests {
		t.Errorf("%d images for %d requests", n, requests)
	}
	if log := s.logs.String(); strings.Contains(log, "level=ERROR") {
		t.Errorf("errors were logged:\n%s", grep(log, "level=ERROR"))
	}
}

// allowImages raises the fake's quota.
func (s *system) allowImages(n int) {
	s.t.Helper()
	if err := s.fake.Switch(fakecloud.DemoCloud, func(sw *fakecloud.Switches) error {
		sw.Quota, sw.RatesOff = n, true
		return nil
	}); err != nil {
		s.t.Fatal(err)
	}
}

func grep(text, word string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, word) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// TestBrokerAway cuts the worker off from its broker: it says so, waits, and
// does what was published meanwhile.
func TestBrokerAway(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil)
	dir := t.TempDir()
	inside, err := broker.StartInside(broker.InsideOptions{Dir: dir, Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	url := inside.URL()
	s.cfg.NATS.URL = config.Secret(url)
	s.start()
	s.publish("ims.request.demo.copy-image", copyBase, copyEvent("before"))
	s.final(messages.Key("demo", "/test", "before"))
	if status, body := s.get("/readyz"); status != 200 {
		t.Fatalf("readyz %d %s", status, body)
	}
	inside.Stop()
	s.await("readyz to be 503", func() bool { status, _ := s.get("/readyz"); return status == 503 })
	if status, _ := s.get("/livez"); status != 200 {
		t.Errorf("livez %d while the broker is away", status)
	}
	inside, err = broker.StartInside(broker.InsideOptions{Dir: dir, Listen: strings.TrimPrefix(url, "nats://"), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(inside.Stop)
	s.await("a publish to work", func() bool {
		_, err := s.conn.JetStream().PublishMsg(t.Context(), &nats.Msg{Subject: "ims.request.demo.copy-image", Data: []byte(copyBase), Header: copyEvent("meanwhile")})
		return err == nil
	})
	if final := s.final(messages.Key("demo", "/test", "meanwhile")); final.State != messages.StateSucceeded {
		t.Errorf("ended %s", final.State)
	}
	s.await("readyz to be 200", func() bool { status, _ := s.get("/readyz"); return status == 200 })
	s.stop()
}

// TestReload changes clouds.yaml under the running worker.
func TestReload(t *testing.T) {
	t.Parallel()
	s := newSystem(t, ", allow: [create-whole-image]", nil).start()
	s.publish("ims.request.demo.copy-image", copyBase, copyEvent("a"))
	if final := s.final(messages.Key("demo", "/test", "a")); final.State != messages.StateRejected || final.Error.Reason != messages.ReasonConstraint {
		t.Fatalf("ended %s %+v", final.State, final.Error)
	}
	s.writeClouds(", allow: [nonsense]")
	s.await("the mistake to be logged", func() bool { return strings.Contains(s.logs.String(), "nonsense") })
	s.await("the mistake to be seen", func() bool { return s.metric(`imsworker_configuration_refused{file="clouds"} 1`) })
	s.writeClouds("")
	s.await("the file to be read", func() bool { return strings.Contains(s.logs.String(), "clouds.yaml read again") })
	s.await("the mistake to be gone", func() bool { return s.metric(`imsworker_configuration_refused{file="clouds"} 0`) })
	s.publish("ims.request.demo.copy-image", copyBase, copyEvent("b"))
	if final := s.final(messages.Key("demo", "/test", "b")); final.State != messages.StateSucceeded {
		t.Errorf("ended %s %+v", final.State, final.Error)
	}
}

// TestRateLimitIsKept sends more than the cloud allows in a window: none is
// refused for coming too fast.
func TestRateLimitIsKept(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil).start()
	for i := range 20 {
		s.publish("ims.request.demo.copy-image", copyBase, copyEvent(fmt.Sprint(i)))
	}
	for i := range 20 {
		if final := s.final(messages.Key("demo", "/test", fmt.Sprint(i))); final.State != messages.StateSucceeded {
			t.Errorf("request %d ended %s: %+v", i, final.State, final.Error)
		}
	}
	for _, c := range s.fake.Calls(fakecloud.DemoCloud) {
		if c.Status == 429 {
			t.Errorf("%s %s was throttled", c.Method, c.Path)
		}
	}
}

// TestConsumerGone deletes the consumers under the running worker: it says so,
// makes them anew and goes on.
func TestConsumerGone(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil).start()
	for shard := range s.cfg.Shards {
		if err := s.conn.JetStream().DeleteConsumer(t.Context(), broker.StreamRequests, broker.ShardConsumer(shard)); err != nil {
			t.Fatal(err)
		}
	}
	s.await("the worker to say so", func() bool { return strings.Contains(s.logs.String(), "shard stopped; it is taken again") })
	s.publish("ims.request.demo.copy-image", copyBase, copyEvent("a"))
	if final := s.final(messages.Key("demo", "/test", "a")); final.State != messages.StateSucceeded {
		t.Errorf("ended %s", final.State)
	}
	s.await("readyz to be 200", func() bool { status, _ := s.get("/readyz"); return status == 200 })
}

// TestLongSubject publishes what no answer could carry: it is a dead letter,
// and the worker goes on.
func TestLongSubject(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil).start()
	s.publish("ims.request.demo."+strings.Repeat("x", 3900), copyBase, nil)
	s.publish("ims.request.demo.copy-image", copyBase, copyEvent("after"))
	if final := s.final(messages.Key("demo", "/test", "after")); final.State != messages.StateSucceeded {
		t.Errorf("ended %s", final.State)
	}
	s.await("a dead letter", func() bool { return s.messages(broker.StreamDead) == 1 })
}
