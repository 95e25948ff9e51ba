package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

// ErrClosed is the cause of a message's context that ends because its handler
// did not finish within the subscriber's time for draining. Its message is
// delivered again.
var ErrClosed = errors.New("the subscriber was closed")

// At most this many messages are asked for at once, for at most this long: what
// a paused process has asked for is lost to others for that time only. The
// server is given nine tenths of the time.
const (
	fetchMessages = 64
	fetchWait     = time.Second
)

// fetchPatience is how long the broker's word that a fetch is over is waited
// for. A message that comes when nobody listens any more is lost until its
// AckWait is over.
const fetchPatience = 3 * fetchWait

// SubscriberOptions say what a Subscriber reads and how.
type SubscriberOptions struct {
	Stream      string
	Durable     string        // the durable consumer; "": the topic of Subscribe names it
	AckWait     time.Duration // as configured on the consumer; a delivery in a handler's hands is renewed well within it; 0: AckWait of the topology
	Concurrency int           // messages in handlers' hands at once, for each Subscribe; 0: 64
	Valid       func() bool   // messages are fetched only while it is true; nil: always
	Drain       time.Duration // how long Close waits for handlers; 0: 20 s
	Log         *slog.Logger  // nil: none
}

// Subscriber is Watermill's message.Subscriber over durable pull consumers that
// exist already. Handlers of different messages run at the same time. Ack, and
// Nack with what Delay and Terminate chose, are sent without waiting for an
// answer: one that is lost means one more delivery.
type Subscriber struct {
	conn *Conn
	o    SubscriberOptions

	mu      sync.Mutex
	closing chan struct{}
	closed  bool
	err     error // the first that ended a subscription
	running sync.WaitGroup
}

// NewSubscriber makes a subscriber; it does nothing until Subscribe.
func NewSubscriber(conn *Conn, o SubscriberOptions) *Subscriber {
	if o.AckWait == 0 {
		o.AckWait = AckWait
	}
	if o.Concurrency == 0 {
		o.Concurrency = fetchMessages
	}
	if o.Valid == nil {
		o.Valid = func() bool { return true }
	}
	if o.Drain == 0 {
		o.Drain = 20 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Subscriber{conn: conn, o: o, closing: make(chan struct{})}
}

// Subscribe reads until ctx ends, Close is called or nothing can be fetched any
// more; the handlers finish, and the channel is closed. Whether it was the end
// or a failure says Err. Messages have ctx's values but do not end with it, so
// that work in hand is finished. It fails when the consumer does not exist.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	if s.o.Durable != "" {
		topic = s.o.Durable
	}
	if err := s.exists(ctx, topic); err != nil {
		return nil, fmt.Errorf("subscribe to %s of %s: %w", topic, s.o.Stream, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("subscribe to %s of %s: %w", topic, s.o.Stream, ErrClosed)
	}
	sub := newSubscription(s, topic)
	s.running.Go(func() { sub.run(ctx) })
	return sub.out, nil
}

// exists fails where the consumer does not.
func (s *Subscriber) exists(ctx context.Context, name string) error {
	return s.conn.repeat(ctx, "CONSUMER.INFO."+s.o.Stream+"."+name, func(limit time.Duration) error {
		try, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		_, err := s.conn.js.Consumer(try, s.o.Stream, name)
		return inWords(err)
	})
}

// Err says why a channel was closed although nobody wanted it: ErrNoConsumer,
// ErrDenied, or that the connection is down for good. It is nil while all is
// well and after an orderly end.
func (s *Subscriber) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

func (s *Subscriber) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// Close ends all subscriptions: it fetches no more, waits for the handlers for
// as long as Drain says, then ends their contexts, and closes the channels.
func (s *Subscriber) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	s.running.Wait()
	return nil
}
