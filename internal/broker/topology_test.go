package broker

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func usual(shards int) []Stream {
	return Topology(TopologyOptions{Shards: shards, EventsMaxAge: 720 * time.Hour})
}

func apply(t *testing.T, c *Conn, want []Stream) Plan {
	t.Helper()
	plan, err := c.Apply(within(t), want)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

func TestApplyTwice(t *testing.T) {
	t.Parallel()
	c := connect(t)
	first := apply(t, c, usual(16))
	if want := 20 + 17; len(first) != want {
		t.Errorf("%d changes on an empty broker, want %d:\n%s", len(first), want, first)
	}
	if again := apply(t, c, usual(16)); len(again) != 0 {
		t.Errorf("the second time:\n%s", again)
	}
	if _, err := c.Plan(within(t), usual(16)); err != nil {
		t.Error(err)
	}
}

// TestEveryShardIsReached publishes until each of the 16 shards has got a
// message, and fetches them from the shards' consumers. A filter that never
// matches is accepted by the server; only this shows it.
func TestEveryShardIsReached(t *testing.T) {
	t.Parallel()
	c := connect(t)
	const shards = 16
	apply(t, c, usual(shards))
	js := c.JetStream()
	sent := 0
	for cloud := 0; len(streamSubjects(t, c)) < shards; cloud++ {
		if cloud == 2000 {
			t.Fatalf("only %v were reached", streamSubjects(t, c))
		}
		mustPut(t, c, StreamRequests, Message{Subject: fmt.Sprintf("ims.request.cloud-%d.copy-image", cloud)})
		mustPut(t, c, StreamRequests, Message{Subject: fmt.Sprintf("ims.control.cloud-%d.cancel", cloud)})
		sent += 2
	}
	got := 0
	for shard := range shards {
		consumer, err := js.Consumer(t.Context(), StreamRequests, ShardConsumer(shard))
		if err != nil {
			t.Fatal(err)
		}
		batch, err := consumer.FetchNoWait(MaxAckPending)
		if err != nil {
			t.Fatal(err)
		}
		mine := 0
		for msg := range batch.Messages() {
			if !strings.HasPrefix(msg.Subject(), fmt.Sprintf("ims.inbox.%d.", shard)) {
				t.Errorf("shard %d got %s", shard, msg.Subject())
			}
			if cloud := strings.Split(msg.Subject(), ".")[4]; ShardOf(cloud, shards) != shard {
				t.Errorf("shard %d got %s, expected in %d", shard, msg.Subject(), ShardOf(cloud, shards))
			}
			mine++
		}
		if mine == 0 {
			t.Errorf("shard %d got nothing", shard)
		}
		got += mine
	}
	if got != sent {
		t.Errorf("%d of %d messages were fetched", got, sent)
	}
}

// streamSubjects gives the partitions that hold a message.
func streamSubjects(t *testing.T, c *Conn) map[string]bool {
	t.Helper()
	s, err := c.js.Stream(t.Context(), StreamRequests)
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Info(t.Context(), jetstream.WithSubjectFilter("ims.inbox.>"))
	if err != nil {
		t.Fatal(err)
	}
	partitions := map[string]bool{}
	for subject := range info.State.Subjects {
		partitions[strings.Split(subject, ".")[2]] = true
	}
	return partitions
}

// TestLeftoverKeepsWrongSubjects: whatever the stream takes and the transform
// does not, a wildcard that is published as it is above all, reaches the
// leftover consumer; nothing stays in the queue without anybody who asks for it.
func TestLeftoverKeepsWrongSubjects(t *testing.T) {
	t.Parallel()
	c := connect(t)
	apply(t, c, usual(4))
	wrong := []string{
		"ims.request.demo", "ims.request.demo.copy-image.again", "ims.request.*.copy-image", "ims.request.demo.>", "ims.request.>",
		"ims.control.*.x", "ims.control.demo.*", "ims.control.demo.>", "ims.backup.demo.>", "ims.backup.*.ready", "ims.backup.*.*",
	}
	for _, subject := range wrong {
		mustPut(t, c, StreamRequests, Message{Subject: subject})
	}
	consumer, err := c.js.Consumer(t.Context(), StreamRequests, LeftoverConsumer)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range wrong {
		msg, err := consumer.Next(jetstream.FetchMaxWait(5 * time.Second))
		if err != nil || msg.Subject() != want {
			t.Fatalf("got %v, %v, want %s", msg, err, want)
		}
		if err := msg.DoubleAck(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := c.streamInfo(t.Context(), StreamRequests); err != nil || info.State.Msgs != 0 {
		t.Errorf("%d messages stay in the queue, %v", info.State.Msgs, err)
	}
}

// TestAckedLeavesTheQueue: what a shard's consumer has acked is gone, although
// another consumer filters the subject that it was published to.
func TestAckedLeavesTheQueue(t *testing.T) {
	t.Parallel()
	c := connect(t)
	apply(t, c, usual(1))
	consumer, err := c.js.Consumer(t.Context(), StreamRequests, ShardConsumer(0))
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"ims.request.demo.copy-image", "ims.control.demo.cancel", "ims.backup.demo.ready", "ims.request.demo.copy-image"} {
		mustPut(t, c, StreamRequests, Message{Subject: subject})
		msg, err := consumer.Next(jetstream.FetchMaxWait(5 * time.Second))
		if err != nil {
			t.Fatal(err)
		}
		if err := msg.DoubleAck(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := c.streamInfo(t.Context(), StreamRequests); err != nil || info.State.Msgs != 0 {
		t.Errorf("%d messages stay in the queue, %v", info.State.Msgs, err)
	}
}

// TestApplyWidensLeftover: the filters of an existing consumer are brought up
// to date, and what waits already is reached then.
func TestApplyWidensLeftover(t *testing.T) {
	t.Parallel()
	c := connect(t)
	old := usual(2)
	old[0].Consumers[0] = puller(LeftoverConsumer, RequestFilter)
	apply(t, c, old)
	mustPut(t, c, StreamRequests, Message{Subject: "ims.control.*.cancel"})
	plan := apply(t, c, usual(2))
	if len(plan) != 1 || plan[0].Consumer != LeftoverConsumer || plan[0].Field != "filter_subjects" || !strings.Contains(plan[0].Should, "ims.control.>") {
		t.Errorf("got\n%s", plan)
	}
	if left := apply(t, c, usual(2)); len(left) != 0 {
		t.Errorf("left over:\n%s", left)
	}
	consumer, err := c.js.Consumer(t.Context(), StreamRequests, LeftoverConsumer)
	if err != nil {
		t.Fatal(err)
	}
	if msg, err := consumer.Next(jetstream.FetchMaxWait(5 * time.Second)); err != nil || msg.Subject() != "ims.control.*.cancel" {
		t.Errorf("got %v, %v", msg, err)
	}
}

// TestDeadLettersAreKnownForADay: the window is what keeps one letter of a
// delivery that comes again hours later.
func TestDeadLettersAreKnownForADay(t *testing.T) {
	t.Parallel()
	c := connect(t)
	apply(t, c, usual(1))
	info, err := c.streamInfo(t.Context(), StreamDead)
	if err != nil || info.Config.Duplicates < 24*time.Hour {
		t.Errorf("the window is %s, %v", info.Config.Duplicates, err)
	}
	letter := Message{Subject: "ims.dead.demo.copy-image", MsgID: "dead-1"}
	if first, second := mustPut(t, c, StreamDead, letter), mustPut(t, c, StreamDead, letter); first != second {
		t.Errorf("stored as %d and %d", first, second)
	}
}

func TestApplyMendsWhatCanBeMended(t *testing.T) {
	t.Parallel()
	c := connect(t)
	apply(t, c, usual(2))
	changed := usual(2)
	changed[0].Config.MaxBytes = 4 << 20
	changed[0].Config.Metadata = map[string]string{"owner": "ops"}
	changed[0].Consumers[1].AckWait = time.Minute
	changed[4].Config.AllowRollup = false
	alter(t, c, changed[0], changed[4])

	plan := apply(t, c, usual(2))
	if len(plan) != 3 {
		t.Errorf("got %d differences, want 3:\n%s", len(plan), plan)
	}
	if left := apply(t, c, usual(2)); len(left) != 0 {
		t.Errorf("left over:\n%s", left)
	}
	if info, err := c.streamInfo(t.Context(), StreamRequests); err != nil || info.Config.Metadata["owner"] != "ops" {
		t.Errorf("the administrator's metadata is gone: %v %v", info.Config.Metadata, err)
	}
}

func alter(t *testing.T, c *Conn, streams ...Stream) {
	t.Helper()
	for _, s := range streams {
		s.Config.Replicas = 1
		if _, err := c.js.UpdateStream(t.Context(), s.Config); err != nil {
			t.Fatal(err)
		}
		for _, consumer := range s.Consumers {
			if _, err := c.js.CreateOrUpdateConsumer(t.Context(), s.Config.Name, consumer); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestApplyRefusesAnotherNumberOfShards(t *testing.T) {
	t.Parallel()
	c := connect(t)
	apply(t, c, usual(4))
	for _, shards := range []int{2, 8} {
		plan, err := c.Apply(within(t), usual(shards))
		if !errors.Is(err, ErrTopology) || !strings.Contains(err.Error(), "SHARDS back to what the streams were made with (4)") {
			t.Errorf("got %v", err)
		}
		if len(plan) == 0 || plan[0].Field != "subject_transform" {
			t.Errorf("the shards do not come first:\n%s", plan)
		}
	}
	if _, found, err := c.lookStream(t.Context(), TrackStream(7)); found || err != nil {
		t.Errorf("a refused plan has made a stream (%v)", err)
	}
}

func TestApplyShowsWhatItCannotMend(t *testing.T) {
	t.Parallel()
	c := connect(t)
	other := usual(2)[2]
	other.Config.Storage, other.Config.Replicas = jetstream.MemoryStorage, 1
	if _, err := c.js.CreateStream(t.Context(), other.Config); err != nil {
		t.Fatal(err)
	}
	_, err := c.Apply(within(t), usual(2))
	if !errors.Is(err, ErrTopology) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{StreamDead, "storage", "Memory", "File", "delete it"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the plan does not say %q:\n%s", want, err)
		}
	}
	if _, found, _ := c.lookStream(t.Context(), StreamRequests); found {
		t.Error("something was made before the refusal")
	}
}

func TestApplyTogether(t *testing.T) {
	t.Parallel()
	inside := startInside(t)
	done := make(chan error, 3)
	for range 3 {
		c := dial(t, Options{URL: inside.URL()})
		go func() {
			_, err := c.Apply(t.Context(), usual(3))
			done <- err
		}()
	}
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
