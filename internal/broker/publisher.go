package broker

import (
	"context"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
)

// UUIDHeader carries the UUID of a Watermill message. It is not Nats-Msg-Id:
// the server drops repetitions of that in the whole stream, whatever their
// subjects. Who wants this sets Nats-Msg-Id in the metadata.
const UUIDHeader = "Ims-Message-Uuid"

// Publisher is Watermill's message.Publisher over Put. The topic is the
// subject; metadata become headers.
type Publisher struct {
	conn    *Conn
	stream  string
	timeout time.Duration
}

// NewPublisher makes a publisher for the subjects of one stream. Each message
// is tried for at most timeout.
func NewPublisher(conn *Conn, stream string, timeout time.Duration) *Publisher {
	return &Publisher{conn: conn, stream: stream, timeout: timeout}
}

// Publish stores the messages one after the other and returns after the broker
// has confirmed each. It stops at the first error.
func (p *Publisher) Publish(topic string, messages ...*message.Message) error {
	for _, msg := range messages {
		if err := p.publish(topic, msg); err != nil {
			return err
		}
	}
	return nil
}

func (p *Publisher) publish(topic string, msg *message.Message) error {
	ctx, cancel := context.WithTimeout(msg.Context(), p.timeout)
	defer cancel()
	header := make(nats.Header, len(msg.Metadata)+1)
	for name, value := range msg.Metadata {
		header[name] = []string{value}
	}
	if msg.UUID != "" {
		header[UUIDHeader] = []string{msg.UUID}
	}
	_, err := p.conn.Put(ctx, p.stream, Message{Subject: topic, Header: header, Data: msg.Payload})
	return err
}

// Close does nothing: every message was confirmed, and the connection belongs
// to whoever made it.
func (p *Publisher) Close() error { return nil }
