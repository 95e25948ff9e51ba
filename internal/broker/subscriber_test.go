package broker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// queue makes a stream with one durable consumer "work" on it.
func queue(t *testing.T, c *Conn, name string, ackWait time.Duration) string {
	t.Helper()
	stream := testStream(t, c, name, nil)
	config := puller("work", "test."+name+".>")
	config.AckWait = ackWait
	if _, err := c.js.CreateConsumer(t.Context(), stream, config); err != nil {
		t.Fatal(err)
	}
	return stream
}

func subscribe(t *testing.T, c *Conn, o SubscriberOptions) (*Subscriber, <-chan *message.Message) {
	t.Helper()
	s := NewSubscriber(c, o)
	t.Cleanup(func() { _ = s.Close() })
	messages, err := s.Subscribe(t.Context(), "work")
	if err != nil {
		t.Fatal(err)
	}
	return s, messages
}

func receive(t *testing.T, messages <-chan *message.Message) *message.Message {
	t.Helper()
	select {
	case m := <-messages:
		return m
	case <-time.After(20 * time.Second):
		t.Fatal("no message came")
		return nil
	}
}

// TestAnswersOnTheWire listens to what the broker is really told.
func TestAnswersOnTheWire(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := queue(t, c, "wire", time.Minute)
	told, err := c.nc.SubscribeSync("$JS.ACK." + stream + ".>")
	if err != nil {
		t.Fatal(err)
	}
	_, messages := subscribe(t, c, SubscriberOptions{Stream: stream, AckWait: time.Minute})
	for _, want := range []struct {
		bytes string
		do    func(*message.Message)
	}{
		{"+ACK", func(m *message.Message) { m.Ack() }},
		{`-NAK {"delay": 90000000000}`, func(m *message.Message) { Delay(m, 90*time.Second); m.Nack() }},
		{"+TERM not a request", func(m *message.Message) { Terminate(m, "not a\nrequest"); m.Nack() }},
		{"+ACK", func(m *message.Message) { Delay(m, time.Hour); m.Ack() }},
	} {
		mustPut(t, c, stream, Message{Subject: "test.wire.a", Data: []byte(want.bytes)})
		m := receive(t, messages)
		for string(m.Payload) != want.bytes { // what was nak-ed comes again
			m.Ack()
			m = receive(t, messages)
			_, _ = told.NextMsg(5 * time.Second)
		}
		want.do(m)
		answer, err := told.NextMsg(5 * time.Second)
		if err != nil || string(answer.Data) != want.bytes {
			t.Fatalf("got %q, %v, want %q", answer.Data, err, want.bytes)
		}
	}
}

func TestDeliveryIsRenewed(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := queue(t, c, "renew", time.Second)
	_, messages := subscribe(t, c, SubscriberOptions{Stream: stream, AckWait: time.Second})
	told, err := c.nc.SubscribeSync("$JS.ACK." + stream + ".>")
	if err != nil {
		t.Fatal(err)
	}
	mustPut(t, c, stream, Message{Subject: "test.renew.a"})
	m := receive(t, messages)
	for range 5 { // 2 s, twice the time after which it would come again
		if answer, err := told.NextMsg(5 * time.Second); err != nil || string(answer.Data) != "+WPI" {
			t.Fatalf("got %v, %v", answer, err)
		}
	}
	select {
	case again := <-messages:
		t.Fatalf("delivered again: %v", again.UUID)
	default:
	}
	m.Ack()
}

func TestDeliveryCarriesEverything(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := queue(t, c, "every", AckWait)
	_, messages := subscribe(t, c, SubscriberOptions{Stream: stream})
	header := nats.Header{"traceparent": {"one", "two"}, "Traceparent": {"three"}, "empty": {""}, jetstream.MsgIDHeader: {"m"}}
	seq := mustPut(t, c, stream, Message{Subject: "test.every.thing", Header: header, Data: []byte("body")})
	m := receive(t, messages)
	d, ok := DeliveryOf(m)
	if !ok || d.Subject != "test.every.thing" || d.Stream != stream || d.StreamSequence != seq || d.Deliveries != 1 || time.Since(d.Time) > time.Minute {
		t.Errorf("got %+v", d)
	}
	if !slices.Equal(d.Header["traceparent"], []string{"one", "two"}) || !slices.Equal(d.Header["Traceparent"], []string{"three"}) {
		t.Errorf("got %v", d.Header)
	}
	if m.Metadata["traceparent"] != "one" || m.Metadata["Traceparent"] != "three" || m.Metadata[jetstream.MsgIDHeader] != "m" || string(m.Payload) != "body" {
		t.Errorf("got %v", m.Metadata)
	}
	Delay(m, time.Millisecond)
	m.Nack()
	m = receive(t, messages)
	if d, _ := DeliveryOf(m); d.Deliveries != 2 {
		t.Errorf("got %d deliveries, want 2", d.Deliveries)
	}
	m.Ack()
	if _, ok := DeliveryOf(message.NewMessage("x", nil)); ok {
		t.Error("a delivery out of nothing")
	}
}

func TestFetchesOnlyWhileValid(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := queue(t, c, "valid", AckWait)
	var valid atomic.Bool
	_, messages := subscribe(t, c, SubscriberOptions{Stream: stream, Valid: valid.Load})
	asked, err := c.nc.SubscribeSync("$JS.API.CONSUMER.MSG.NEXT." + stream + ".work")
	if err != nil {
		t.Fatal(err)
	}
	mustPut(t, c, stream, Message{Subject: "test.valid.a"})
	if m, err := asked.NextMsg(time.Second); err == nil {
		t.Fatalf("fetched without a lease: %s", m.Data)
	}
	valid.Store(true)
	receive(t, messages).Ack()
	for range 3 {
		m, err := asked.NextMsg(5 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(m.Data), `"batch":64`) || len(m.Data) == 0 {
			t.Errorf("got %s, want at most 64 messages at once", m.Data)
		}
	}
}

func TestConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := queue(t, c, "bound", AckWait)
	fill(t, c, "bound", 50)
	_, messages := subscribe(t, c, SubscriberOptions{Stream: stream, Concurrency: 3})
	consumer, err := c.js.Consumer(t.Context(), stream, "work")
	if err != nil {
		t.Fatal(err)
	}
	held := make([]*message.Message, 0, 3)
	for done := 0; done < 50; {
		for len(held) < min(3, 50-done) {
			held = append(held, receive(t, messages))
		}
		if info, err := consumer.Info(t.Context()); err != nil || info.NumAckPending > 3 {
			t.Fatalf("%d messages in hand, %v", info.NumAckPending, err)
		}
		for _, m := range held {
			m.Ack()
			done++
		}
		held = held[:0]
		eventually(t, "acks arrive", func() bool {
			info, err := consumer.Info(t.Context())
			return err == nil && int(info.AckFloor.Consumer) >= done
		})
	}
}

// TestCloseDrains: what is in a handler's hands is finished, what is not goes
// back at once.
func TestCloseDrains(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := queue(t, c, "drain", time.Minute)
	s, messages := subscribe(t, c, SubscriberOptions{Stream: stream, AckWait: time.Minute})
	fill(t, c, "drain", 10)
	m := receive(t, messages)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		_ = s.Close()
	}()
	_, other := subscribe(t, c, SubscriberOptions{Stream: stream, AckWait: time.Minute})
	for range 9 {
		receive(t, other).Ack()
	}
	select {
	case <-closed:
		t.Fatal("closed while a handler works")
	default:
	}
	if m.Context().Err() != nil {
		t.Fatal("the handler was cut short")
	}
	m.Ack()
	<-closed
	if _, open := <-messages; open {
		t.Error("the channel is still open")
	}
	if _, err := s.Subscribe(t.Context(), "work"); err == nil {
		t.Error("subscribed after Close")
	}
	eventually(t, "all acked", func() bool {
		consumer, err := c.js.Consumer(t.Context(), stream, "work")
		return err == nil && consumer.CachedInfo().NumAckPending == 0 // the look-up above is fresh
	})
}

func TestDrainHasALimit(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := queue(t, c, "limit", time.Minute)
	s, messages := subscribe(t, c, SubscriberOptions{Stream: stream, Drain: 50 * time.Millisecond})
	mustPut(t, c, stream, Message{Subject: "test.limit.a"})
	m := receive(t, messages)
	_ = s.Close()
	if got := context.Cause(m.Context()); got != ErrClosed { //nolint:errorlint // the very cause
		t.Errorf("got %v, want ErrClosed", got)
	}
}

func TestSubscriberSurvivesRestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inside := startIn(t, InsideOptions{Dir: dir, Listen: "127.0.0.1:0"})
	c := dial(t, Options{URL: inside.URL()})
	stream := queue(t, c, "live", time.Second)
	_, messages := subscribe(t, c, SubscriberOptions{Stream: stream, AckWait: time.Second})
	mustPut(t, c, stream, Message{Subject: "test.live.a", Data: []byte("a")})
	receive(t, messages).Ack()
	address := strings.TrimPrefix(inside.URL(), "nats://")
	inside.Stop()
	startIn(t, InsideOptions{Dir: dir, Listen: address})
	mustPut(t, c, stream, Message{Subject: "test.live.b", Data: []byte("b")})
	for {
		m := receive(t, messages)
		m.Ack()
		if string(m.Payload) == "b" {
			return
		}
	}
}

func TestSubscribeWithoutConsumer(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := testStream(t, c, "none", nil)
	if _, err := NewSubscriber(c, SubscriberOptions{Stream: stream}).Subscribe(within(t), "nobody"); err == nil || !strings.Contains(err.Error(), "nobody of "+stream) {
		t.Errorf("got %v", err)
	}
}

// TestRouter runs the subscriber under Watermill's router as the worker does:
// the handler's error decides, and stopping loses no finished work.
func TestRouter(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := queue(t, c, "route", time.Minute)
	router, err := message.NewRouter(message.RouterConfig{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	sub := NewSubscriber(c, SubscriberOptions{Stream: stream, AckWait: time.Minute})
	begun, finish := make(chan struct{}, 1), make(chan struct{})
	router.AddConsumerHandler("work", "work", sub, func(m *message.Message) error {
		d, _ := DeliveryOf(m)
		if d.Deliveries == 1 {
			Delay(m, 10*time.Millisecond)
			return fmt.Errorf("not yet")
		}
		begun <- struct{}{}
		<-finish
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- router.Run(ctx) }()
	mustPut(t, c, stream, Message{Subject: "test.route.a"})
	<-begun
	cancel()
	close(finish)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if err := sub.Close(); err != nil {
		t.Fatal(err)
	}
	consumer, err := c.js.Consumer(t.Context(), stream, "work")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the finished work is acked", func() bool {
		info, err := consumer.Info(t.Context())
		return err == nil && info.NumAckPending == 0
	})
}
