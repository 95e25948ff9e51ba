package notify

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/messages"
)

// patience is how long a test waits for something that must come.
const patience = 90 * time.Second

// office is a receiver of a real kind, which can be shut.
type office struct {
	*httptest.Server

	mu    sync.Mutex
	shut  int // the status to answer with, 0: it is open
	asked int
	order []string // ids in the order of their first coming
	times map[string]int
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{times: map[string]int{}}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.asked++
		if o.shut != 0 {
			w.WriteHeader(o.shut)
			return
		}
		id := r.Header.Get("Ce-Id")
		if o.times[id]++; o.times[id] == 1 {
			o.order = append(o.order, id)
		}
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *office) set(shut int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.shut = shut
}

func (o *office) seen() (asked, taken int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.asked, len(o.order)
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
	}
}

// watched is a broker with the notifier's consumer.
func watched(t *testing.T) *broker.Conn {
	t.Helper()
	conn := brokertest.Dial(t, brokertest.Start(t).URL())
	apply(t, conn)
	return conn
}

func apply(t *testing.T, conn *broker.Conn) {
	t.Helper()
	if _, err := conn.Apply(t.Context(), broker.Topology(broker.TopologyOptions{Shards: 1, Replicas: 1, EventsMaxAge: time.Hour, Notify: true})); err != nil {
		t.Fatal(err)
	}
}

// publish stores the events of requests first to last.
func publish(t *testing.T, conn *broker.Conn, first, last int, s messages.State, change ...func(*messages.Event)) {
	t.Helper()
	for i := first; i <= last; i++ {
		subject, header, body := ended(t, i, s, change...)
		if _, err := conn.JetStream().PublishMsg(t.Context(), &nats.Msg{Subject: subject, Header: nats.Header(header), Data: body}); err != nil {
			t.Fatal(err)
		}
	}
}

// run runs a notifier until the test calls stop.
func run(t *testing.T, conn *broker.Conn, url string) (stop func()) {
	t.Helper()
	n, log, _ := notifier(t, url)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx, conn) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v\n%s", err, log)
		}
		n.Close()
	}
}

// TestBacklogAndRestarts: a receiver that is away for longer than its notifiers
// live, two of them at work in the end. Each event comes once, or again under its
// id, and the oldest first.
func TestBacklogAndRestarts(t *testing.T) {
	t.Parallel()
	const events = 800
	conn, o := watched(t), newOffice(t)
	o.set(http.StatusServiceUnavailable)
	stop := run(t, conn, o.URL)
	publish(t, conn, 1, events, messages.StateFailed)
	publish(t, conn, 1, 20, messages.StateSucceeded)
	publish(t, conn, 1, 20, messages.StateCancelled)
	for range 2 {
		before, _ := o.seen()
		await(t, "a try", func() bool { asked, _ := o.seen(); return asked > before })
		stop()
		stop = run(t, conn, o.URL)
	}
	also := run(t, conn, o.URL)
	o.set(0)
	await(t, "some to be taken", func() bool { _, taken := o.seen(); return taken > events/4 })
	stop()
	stop = run(t, conn, o.URL)
	await(t, "all to be taken", func() bool { _, taken := o.seen(); return taken >= events })
	stop()
	also()
	o.mu.Lock()
	defer o.mu.Unlock()
	again := 0
	place := map[string]int{}
	for at, id := range o.order {
		place[id] = at + 1
		again += o.times[id] - 1
	}
	late := 0
	for i := 1; i <= events; i++ {
		at := place[idOf(i, messages.StateFailed)]
		if at == 0 {
			t.Errorf("event %d never came", i)
		}
		if at-i > 50 { // put off while the receiver ailed, or in hand at a stop
			late++
		}
	}
	if late > 30 || again > 20 || len(o.order) != events {
		t.Errorf("%d events, %d of %d came late, %d more than once", len(o.order), late, events, again)
	}
}

// TestBegin: what ended before notices were switched on is not told, what ended
// while they were off again is.
func TestBegin(t *testing.T) {
	t.Parallel()
	conn, o := brokertest.Connect(t, 1), newOffice(t)
	publish(t, conn, 1, 5, messages.StateRejected)
	apply(t, conn)
	publish(t, conn, 6, 8, messages.StateRejected)
	publish(t, conn, 9, 9, messages.StateUnresolved)
	publish(t, conn, 10, 11, messages.StateBatchCompleted, func(e *messages.Event) {
		e.Batch = &messages.Batch{Counts: messages.Counts{Legs: 2, Succeeded: 1, Rejected: 1}}
	})
	publish(t, conn, 12, 13, messages.StateBatchCompleted, func(e *messages.Event) {
		e.Batch = &messages.Batch{Counts: messages.Counts{Legs: 2, Succeeded: 2}}
	})
	if _, err := conn.JetStream().Publish(t.Context(), "ims.event.demo.copy-image.final.failed.x.1", []byte("rubbish")); err != nil {
		t.Fatal(err)
	}
	publish(t, conn, 14, 14, messages.StateFailed)
	stop := run(t, conn, o.URL)
	await(t, "seven notices", func() bool { _, taken := o.seen(); return taken == 7 })
	await(t, "nothing to be left", func() bool {
		c, err := conn.JetStream().Consumer(t.Context(), broker.StreamEvents, broker.NotifyConsumer)
		return err == nil && c.CachedInfo().NumPending == 0 && c.CachedInfo().NumAckPending == 0
	})
	stop()
	if asked, taken := o.seen(); asked != 7 || taken != 7 {
		t.Errorf("%d posts of %d events", asked, taken)
	}
}

// TestAckIsLost: who may not ack, or whose acks are lost, posts no event a second
// time.
func TestAckIsLost(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	n, _, _ := notifier(t, o.URL)
	subject, header, body := ended(t, 1, messages.StateFailed)
	for deliveries := range uint64(3) {
		msg := broker.Hand(t.Context(), broker.Delivery{Subject: subject, Header: header, Deliveries: deliveries + 1}, body)
		n.handle(t.Context(), msg)
		<-msg.Acked()
	}
	if asked, _ := o.seen(); asked != 1 {
		t.Errorf("posted %d times", asked)
	}
}

// TestConsumerGone: somebody takes the consumer away under the notifier, which
// says so.
func TestConsumerGone(t *testing.T) {
	t.Parallel()
	conn, o := watched(t), newOffice(t)
	n, _, _ := notifier(t, o.URL)
	ended := make(chan error, 1)
	go func() { ended <- n.Run(t.Context(), conn) }()
	publish(t, conn, 1, 1, messages.StateFailed)
	await(t, "the first to be taken", func() bool { _, taken := o.seen(); return taken == 1 })
	if err := conn.JetStream().DeleteConsumer(t.Context(), broker.StreamEvents, broker.NotifyConsumer); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || !strings.Contains(fmt.Sprint(err), broker.NotifyConsumer) {
		t.Errorf("got %v", err)
	}
	if err := n.Run(t.Context(), conn); err == nil {
		t.Error("without a consumer it runs")
	}
}
