package broker

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
)

// ended waits until the channel of a subscription is closed.
func ended(t *testing.T, messages <-chan *message.Message) {
	t.Helper()
	select {
	case m, open := <-messages:
		if open {
			t.Fatalf("a message came: %s", m.UUID)
		}
	case <-time.After(time.Minute):
		t.Fatal("the subscription goes on in silence")
	}
}

func TestSubscriptionEndsWithItsConsumer(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(ctx context.Context, c *Conn, stream string) error{
		"consumer": func(ctx context.Context, c *Conn, stream string) error {
			return c.js.DeleteConsumer(ctx, stream, "work")
		},
		"stream": func(ctx context.Context, c *Conn, stream string) error { return c.js.DeleteStream(ctx, stream) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connect(t)
			stream := queue(t, c, "gone", AckWait)
			s, messages := subscribe(t, c, SubscriberOptions{Stream: stream})
			mustPut(t, c, stream, Message{Subject: "test.gone.a"})
			receive(t, messages).Ack()
			if err := s.Err(); err != nil {
				t.Fatal(err)
			}
			if err := remove(t.Context(), c, stream); err != nil {
				t.Fatal(err)
			}
			ended(t, messages)
			if err := s.Err(); !errors.Is(err, ErrNoConsumer) {
				t.Errorf("got %v, want ErrNoConsumer", err)
			}
		})
	}
}

// TestSubscriptionFindsItsConsumerGone: it was removed while nothing was asked
// for, and the broker answers that nobody is there.
func TestSubscriptionFindsItsConsumerGone(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := queue(t, c, "away", AckWait)
	s, messages := subscribe(t, c, SubscriberOptions{Stream: stream, Concurrency: 1})
	mustPut(t, c, stream, Message{Subject: "test.away.a"})
	m := receive(t, messages)
	if err := c.js.DeleteConsumer(t.Context(), stream, "work"); err != nil {
		t.Fatal(err)
	}
	m.Ack()
	ended(t, messages)
	if err := s.Err(); !errors.Is(err, ErrNoConsumer) {
		t.Errorf("got %v, want ErrNoConsumer", err)
	}
}

func TestSubscriptionEndsWithoutTheRight(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nats.conf")
	write(t, file, `authorization { users: [
		{ user: admin, password: pw }
		{ user: worker, password: pw, permissions: { publish: [ "$JS.API.CONSUMER.INFO.>" ], subscribe: [ "_INBOX_worker.>" ] } }
	] }`)
	inside := startIn(t, InsideOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", ConfigFile: file})
	stream := queue(t, dial(t, Options{URL: inside.URL(), User: "admin", Password: "pw"}), "right", AckWait)
	worker := dial(t, Options{URL: inside.URL(), User: "worker", Password: "pw", InboxPrefix: "_INBOX_worker"})
	s, messages := subscribe(t, worker, SubscriberOptions{Stream: stream})
	ended(t, messages)
	if err := s.Err(); !errors.Is(err, ErrDenied) {
		t.Errorf("got %v, want ErrDenied", err)
	}
}

func TestSubscriptionEndsWithTheConnection(t *testing.T) {
	t.Parallel()
	c := connect(t)
	s, messages := subscribe(t, c, SubscriberOptions{Stream: queue(t, c, "cut", AckWait)})
	c.Close()
	ended(t, messages)
	if err := s.Err(); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("got %v, want that the connection is closed", err)
	}
}

func TestOrderlyEndIsNoFailure(t *testing.T) {
	t.Parallel()
	c := connect(t)
	s, messages := subscribe(t, c, SubscriberOptions{Stream: queue(t, c, "end", AckWait)})
	_ = s.Close()
	ended(t, messages)
	if err := s.Err(); err != nil {
		t.Errorf("got %v", err)
	}
}
