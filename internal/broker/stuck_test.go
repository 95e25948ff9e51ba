package broker_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
)

// TestStuckAndIdle: the last request that was repeated is given up, and nobody
// asks for anything any more. That the broker is at work again shows all the
// same, and once.
func TestStuckAndIdle(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(context.Context, *broker.Conn) error{
		"write": func(ctx context.Context, c *broker.Conn) error {
			_, err := c.Put(ctx, broker.StreamEvents, broker.Message{Subject: "ims.event.x", Token: "t", Expect: &broker.Expect{}})
			return err
		},
		"read": func(ctx context.Context, c *broker.Conn) error {
			_, err := c.Last(ctx, broker.TrackStream(0), broker.TrackFilter(0))
			return err
		},
		"subscribe": func(ctx context.Context, c *broker.Conn) error {
			s := broker.NewSubscriber(c, broker.SubscriberOptions{Stream: broker.StreamRequests})
			_, err := s.Subscribe(ctx, broker.ShardConsumer(0))
			return errors.Join(err, s.Close())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := brokertest.StartStoreless(t)
			conn := brokertest.Dial(t, server.URL())
			want := broker.Topology(broker.TopologyOptions{Shards: 1, Replicas: 1})
			if _, err := conn.Apply(t.Context(), want); err != nil {
				t.Fatal(err)
			}
			ctx, giveUp := context.WithCancelCause(t.Context())
			defer giveUp(nil)
			over, told := errors.New("nobody waits for it"), make(chan error, 8)
			conn.OnStuck(func(cause error) {
				giveUp(over)
				told <- cause
			})
			server.Off()
			if err := ask(ctx, conn); !errors.Is(err, over) {
				t.Fatalf("got %v, want that it was given up", err)
			}
			if cause := next(t, told); cause == nil {
				t.Fatal("works before it was stuck")
			}
			for asked := conn.NATS().Stats().OutMsgs + 1; conn.NATS().Stats().OutMsgs < asked; {
				time.Sleep(time.Millisecond)
			}
			if len(told) != 0 {
				t.Fatalf("told %v while nothing works", <-told)
			}
			server.On()
			if cause := next(t, told); cause != nil {
				t.Errorf("stuck again: %v", cause)
			}
			conn.Close()
			if len(told) != 0 {
				t.Errorf("told once more: %v", <-told)
			}
		})
	}
}

func next(t *testing.T, told <-chan error) error {
	t.Helper()
	select {
	case cause := <-told:
		return cause
	case <-time.After(time.Minute):
		t.Fatal("nothing is told any more")
		return nil
	}
}
