package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// reader collects what Tail gives.
type reader struct {
	mu       sync.Mutex
	got      []Stored
	caughtUp []int // number of messages at each call of caughtUp
	done     chan error
}

func (r *reader) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

func (r *reader) ups() []int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]int{}, r.caughtUp...)
}

func tailInto(t *testing.T, c *Conn, stream, filter string) *reader {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &reader{done: make(chan error, 1)}
	each := func(s Stored) { r.mu.Lock(); r.got = append(r.got, s); r.mu.Unlock() }
	up := func() { r.mu.Lock(); r.caughtUp = append(r.caughtUp, len(r.got)); r.mu.Unlock() }
	go func() { r.done <- c.Tail(ctx, stream, filter, each, up) }()
	t.Cleanup(func() {
		cancel()
		if err := <-r.done; !errors.Is(err, context.Canceled) {
			t.Errorf("Tail ended with %v", err)
		}
	})
	return r
}

func TestTailEmptyStream(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := testStream(t, c, "empty", nil)
	mustPut(t, c, stream, Message{Subject: "test.empty.other.x"})
	r := tailInto(t, c, stream, "test.empty.mine.>")
	eventually(t, "caught up", func() bool { return len(r.ups()) == 1 })
	mustPut(t, c, stream, Message{Subject: "test.empty.mine.a"})
	eventually(t, "the news", func() bool { return r.count() == 1 })
	if got := r.ups(); len(got) != 1 || got[0] != 0 {
		t.Errorf("caughtUp at %v, want once at 0", got)
	}
}

func TestTailLoadsThenFollows(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := testStream(t, c, "load", nil)
	const n = 3000
	fill(t, c, "load", n)
	r := tailInto(t, c, stream, "test.load.>")
	eventually(t, "caught up", func() bool { return len(r.ups()) == 1 })
	if got := r.ups()[0]; got != n {
		t.Errorf("caught up after %d messages, want %d", got, n)
	}
	fill(t, c, "load", 100)
	eventually(t, "the news", func() bool { return r.count() == n+100 })
	checkOrder(t, r)
}

// TestTailAfter gives what comes behind a message, and nothing of before.
func TestTailAfter(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := testStream(t, c, "after", nil)
	fill(t, c, "after", 10)
	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan uint64, 10)
	done := make(chan error, 1)
	go func() {
		done <- c.TailAfter(ctx, stream, "test.after.>", 8, func(s Stored) { got <- s.Sequence })
	}()
	for _, want := range []uint64{9, 10} {
		if s := <-got; s != want {
			t.Errorf("got %d, want %d", s, want)
		}
	}
	mustPut(t, c, stream, Message{Subject: "test.after.new"})
	if s := <-got; s != 11 {
		t.Errorf("the news: got %d", s)
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}

// fill publishes without waiting for each answer.
func fill(t *testing.T, c *Conn, name string, n int) {
	t.Helper()
	for i := range n {
		if _, err := c.js.PublishMsgAsync(&nats.Msg{Subject: fmt.Sprintf("test.%s.%d", name, i), Data: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	<-c.js.PublishAsyncComplete()
}

func checkOrder(t *testing.T, r *reader) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, s := range r.got {
		if s.Sequence != uint64(i+1) {
			t.Fatalf("message %d has sequence %d", i, s.Sequence)
		}
	}
}

// TestTailUnderRollups loads while every message is replaced: each subject must
// come, in its state of the start or a newer one.
func TestTailUnderRollups(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := testStream(t, c, "roll", func(s *jetstream.StreamConfig) { s.AllowRollup = true })
	const n = 500
	fill(t, c, "roll", n)
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				mustPut(t, c, stream, Message{Subject: fmt.Sprintf("test.roll.%d", i%n), Rollup: true})
			}
		}
	})
	r := tailInto(t, c, stream, "test.roll.>")
	eventually(t, "caught up", func() bool { return len(r.ups()) == 1 })
	close(stop)
	writer.Wait()
	eventually(t, "every subject", func() bool {
		subjects := map[string]bool{}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, s := range r.got {
			subjects[s.Subject] = true
		}
		return len(subjects) == n
	})
}

// TestTailTargetRemoved: the last message at the start vanishes before it is
// read, and nothing comes after it.
func TestTailTargetRemoved(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := testStream(t, c, "gone", nil)
	fill(t, c, "gone", 10)
	up := make(chan int, 2)
	seen := 0
	ctx, cancel := context.WithCancel(t.Context())
	each := func(Stored) {
		if seen++; seen == 1 {
			purge(t, c, stream)
		}
	}
	done := make(chan error, 1)
	// The consumer's own buffer holds the rest, so that the target is moved
	// beyond it by hand.
	tl := &tail{conn: c, stream: stream, filter: "test.gone.>", each: each, caughtUp: func() { up <- seen }, target: 11, heartbeat: leastHeartbeat}
	go func() { done <- tl.follow(ctx) }()
	<-up
	cancel()
	if err := <-done; err == nil {
		t.Error("it ended without its context")
	}
}

func purge(t *testing.T, c *Conn, stream string) {
	t.Helper()
	s, err := c.js.Stream(t.Context(), stream)
	if err == nil {
		err = s.Purge(t.Context())
	}
	if err != nil {
		t.Error(err)
	}
}

func TestTailSurvivesRestarts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inside := startIn(t, InsideOptions{Dir: dir, Listen: "127.0.0.1:0"})
	address := strings.TrimPrefix(inside.URL(), "nats://")
	c := dial(t, Options{URL: inside.URL()})
	stream := testStream(t, c, "again", nil)
	fill(t, c, "again", 50)
	r := tailInto(t, c, stream, "test.again.>")
	for round := range 2 {
		eventually(t, "everything so far", func() bool { return r.count() == 50*(round+1) })
		inside.Stop()
		inside = startIn(t, InsideOptions{Dir: dir, Listen: address})
		for i := range 50 {
			mustPut(t, c, stream, Message{Subject: fmt.Sprintf("test.again.%d", i), Expect: &Expect{Subject: "none"}})
		}
	}
	eventually(t, "everything", func() bool { return r.count() == 150 })
	checkOrder(t, r)
	if got := r.ups(); len(got) != 1 || got[0] != 50 {
		t.Errorf("caughtUp at %v, want once at 50", got)
	}
}

func TestTailConsumerDeleted(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := testStream(t, c, "del", nil)
	fill(t, c, "del", 5)
	r := tailInto(t, c, stream, "test.del.>")
	eventually(t, "loaded", func() bool { return r.count() == 5 })
	s, err := c.js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	for name := range s.ConsumerNames(t.Context()).Name() {
		if err := s.DeleteConsumer(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	fill(t, c, "del", 5)
	eventually(t, "the rest", func() bool { return r.count() == 10 })
	checkOrder(t, r)
}

func TestTailStreamMadeAnew(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := testStream(t, c, "anew", nil)
	fill(t, c, "anew", 5)
	done := make(chan error, 1)
	loaded := make(chan struct{})
	go func() {
		done <- c.Tail(t.Context(), stream, "test.anew.>", func(Stored) {}, func() { close(loaded) })
	}()
	<-loaded
	if err := c.js.DeleteStream(t.Context(), stream); err != nil {
		t.Fatal(err)
	}
	config := plain(stream, "", "test.anew.>")
	config.Replicas = 1
	eventually(t, "the stream again", func() bool { // the server still clears the directory
		_, err := c.js.CreateStream(t.Context(), config)
		return err == nil
	})
	if err := <-done; !errors.Is(err, ErrRewound) {
		api, ok := apiError(err)
		if !ok || api.ErrorCode != codeStreamNotFound {
			t.Fatalf("got %v, want ErrRewound or a missing stream", err)
		}
	}
}

// TestRewound: only a leader is believed that its stream was set back.
func TestRewound(t *testing.T) {
	t.Parallel()
	copies := func(active time.Duration) []*jetstream.PeerInfo {
		return []*jetstream.PeerInfo{{Name: "b", Active: active}, {Name: "c", Active: active}}
	}
	for name, is := range map[string]struct {
		last    uint64
		cluster *jetstream.ClusterInfo
		want    error
	}{
		"further":         {last: 8},
		"there":           {last: 7, cluster: &jetstream.ClusterInfo{}},
		"one server":      {last: 6, want: ErrRewound},
		"no leader":       {last: 6, cluster: &jetstream.ClusterInfo{Replicas: copies(0)}, want: errUnled},
		"no leader, of 1": {last: 6, cluster: &jetstream.ClusterInfo{}, want: errUnled},
		"leader alone":    {last: 6, cluster: &jetstream.ClusterInfo{Leader: "a", Replicas: copies(time.Minute)}, want: errUnled},
		"led":             {last: 6, cluster: &jetstream.ClusterInfo{Leader: "a", Replicas: copies(time.Second)}, want: ErrRewound},
	} {
		if err := rewound(jetstream.StreamInfo{State: jetstream.StreamState{LastSeq: is.last}, Cluster: is.cluster}, 7); !errors.Is(err, is.want) {
			t.Errorf("%s: got %v, want %v", name, err, is.want)
		}
	}
	if !transient(errUnled) {
		t.Error("it is not asked again where nobody leads")
	}
}
