package broker

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/nats-io/nats.go"
)

// Delivery is what the broker says about a message besides its content.
type Delivery struct {
	Subject        string
	Stream         string
	StreamSequence uint64
	Time           time.Time   // when it was stored, by the broker's clock
	Deliveries     uint64      // this one included
	Header         nats.Header // with every value of a repeated header, names in their own case; not to be changed
}

// handed is a delivery in a handler's hands: what it is, and the fate that the
// handler chose for it beyond ack and nack.
type handed struct {
	Delivery

	mu     sync.Mutex
	delay  time.Duration
	term   bool
	reason string
}

type handedKey struct{}

func handedOf(msg *message.Message) (*handed, bool) {
	h, found := msg.Context().Value(handedKey{}).(*handed)
	return h, found
}

// DeliveryOf returns what the broker says about a message, or false when it did
// not come from a Subscriber.
func DeliveryOf(msg *message.Message) (Delivery, bool) {
	h, found := handedOf(msg)
	if !found {
		return Delivery{}, false
	}
	return h.Delivery, true
}

// Hand makes the message that a Subscriber hands to a handler for a delivery,
// for tests and simulations of what stands behind one. What Delay and Terminate
// choose for it is kept and never sent.
func Hand(ctx context.Context, d Delivery, payload []byte) *message.Message {
	return (&handed{Delivery: d}).message(ctx, payload)
}

// Delay has the broker wait for d before it delivers the message again, instead
// of the time that grows with each delivery. It takes effect with Nack, that
// is, when the handler returns an error.
func Delay(msg *message.Message, d time.Duration) {
	if h, found := handedOf(msg); found {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.delay = d
	}
}

// Terminate has the broker never deliver the message again. It takes effect
// with Nack. The reason is shown in the broker's advisory.
func Terminate(msg *message.Message, reason string) {
	if h, found := handedOf(msg); found {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.term, h.reason = true, strings.Join(strings.Fields(reason), " ")
	}
}

// nak tells the broker what the handler chose.
func (h *handed) nak(msg pulled) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.term:
		return msg.term(h.reason)
	case h.delay > 0:
		return msg.nak(h.delay)
	}
	return msg.nak(jitter(nakDelay(h.Deliveries)))
}

// The wait after a nack for which the handler chose none.
const (
	leastNakDelay = 100 * time.Millisecond
	mostNakDelay  = 10 * time.Second
)

// nakDelay doubles with each delivery: a handler that cannot succeed for now
// would else be called thousands of times a second.
func nakDelay(deliveries uint64) time.Duration {
	d := leastNakDelay
	for ; deliveries > 1 && d < mostNakDelay; deliveries-- {
		d *= 2
	}
	return min(d, mostNakDelay)
}

func newHanded(msg pulled) (*handed, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return nil, fmt.Errorf("read the delivery of a message on %s: %w", msg.Subject, err)
	}
	return &handed{Delivery: Delivery{
		Subject: msg.Subject, Stream: meta.Stream, StreamSequence: meta.Sequence.Stream,
		Time: meta.Timestamp, Deliveries: meta.NumDelivered, Header: msg.Header,
	}}, nil
}

// message makes Watermill's form of it: metadata is the first value of each
// header, the UUID is UUIDHeader's or, without one, stream and sequence.
func (h *handed) message(ctx context.Context, payload []byte) *message.Message {
	id := h.Header.Get(UUIDHeader)
	if id == "" {
		id = fmt.Sprintf("%s-%d", h.Stream, h.StreamSequence)
	}
	msg := message.NewMessage(id, payload)
	for name, values := range h.Header {
		if len(values) > 0 {
			msg.Metadata[name] = values[0]
		}
	}
	msg.SetContext(context.WithValue(ctx, handedKey{}, h))
	return msg
}
