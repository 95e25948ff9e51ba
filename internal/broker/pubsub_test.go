package broker

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"
	"github.com/nats-io/nats.go/jetstream"
)

// groupSubscriber makes the durable consumer of a topic and a consumer group
// before it subscribes: in the worker the topology does that.
type groupSubscriber struct {
	*Subscriber
	group string
}

func (s groupSubscriber) name(topic string) string { return s.group + "-" + topic }

func (s groupSubscriber) SubscribeInitialize(topic string) error {
	config := puller(s.name(topic), "test.pubsub."+topic)
	config.MaxAckPending = 1000
	_, err := s.conn.js.CreateOrUpdateConsumer(context.Background(), s.o.Stream, config)
	return err
}

func (s groupSubscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	if err := s.SubscribeInitialize(topic); err != nil {
		return nil, err
	}
	return s.Subscriber.Subscribe(ctx, s.name(topic))
}

type topicPublisher struct{ *Publisher }

func (p topicPublisher) Publish(topic string, messages ...*message.Message) error {
	return p.Publisher.Publish("test.pubsub."+topic, messages...)
}

func TestPubSub(t *testing.T) {
	c := connect(t)
	stream := testStream(t, c, "pubsub", func(s *jetstream.StreamConfig) { s.Storage = jetstream.MemoryStorage })
	group := func(_ *testing.T, group string) (message.Publisher, message.Subscriber) {
		sub := NewSubscriber(c, SubscriberOptions{Stream: stream, Drain: 100 * time.Millisecond})
		return topicPublisher{NewPublisher(c, stream, 30*time.Second)}, groupSubscriber{sub, group}
	}
	tests.TestPubSub(t, tests.Features{
		ConsumerGroups: true,
		Persistent:     true,
		// A plain ack may be lost; the ledger makes a second delivery harmless, and a double ack costs 40 to 75 percent.
		ExactlyOnceDelivery: false,
		// Requests of one consumer are worked on at the same time and come again after a nak; the order of work is the engine's.
		GuaranteedOrder:                     false,
		GuaranteedOrderWithSingleSubscriber: false,
		// Any number of subscribers may share a durable consumer.
		RequireSingleInstance: false,
		// A durable consumer does not repeat what was acked.
		NewSubscriberReceivesOldMessages: false,
		// The server is in this process: there is no command that restarts it. TestSubscriberSurvivesRestart does it by hand.
		RestartServiceCommand: nil,
		// Go contexts do not travel through a broker.
		ContextPreserved:  false,
		GenerateTopicFunc: func(c tests.TestContext) string { return strings.ReplaceAll("t-"+string(c.TestID), ".", "-") },
	}, func(t *testing.T) (message.Publisher, message.Subscriber) { return group(t, "all") }, group)
}
