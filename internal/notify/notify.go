// Package notify posts what did not succeed to a receiver by HTTP, as
// CloudEvents in binary mode: each event at least once, under the same ce-id
// however often, and nothing lost while the receiver is away. Where it stands
// is known to the broker alone, in one durable consumer for all replicas.
//
// What did not succeed is decided by messages and by the consumer's filters in
// broker; who is told, and what they make of it, is the receiver's business.
package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/messages"
)

// atOnce is how many events one replica posts at once. What is fetched beyond
// that would wait for a receiver that is away in no better order.
const atOnce = 4

// mostDrain is how long stopping waits for calls under way. One that is cut off
// is made again by another replica.
const mostDrain = 5 * time.Second

// Options are what a notifier works with.
type Options struct {
	URL       string // of the receiver; it may hold secrets and is never shown
	UserAgent string
	Drain     time.Duration // how long stopping may take; less is used
	Log       *slog.Logger
}

// Notifier posts events. Run it; nothing else is needed.
type Notifier struct {
	o       Options
	to      *receiver
	gate    *gate
	tries   *tries
	source  source
	metrics *metrics
}

// New returns a notifier and registers its metrics. Close ends the connections
// that it keeps. The error never shows the URL.
func New(o Options, reg prometheus.Registerer) (*Notifier, error) {
	to, err := newReceiver(o.URL, o.UserAgent)
	if err != nil {
		return nil, err
	}
	n := &Notifier{o: o, to: to, gate: newGate(), tries: newTries()}
	n.metrics = newMetrics(reg, func() bool { return n.gate.failing() || n.source.failing() })
	return n, nil
}

// Close ends the connections that are kept.
func (n *Notifier) Close() { n.to.client.CloseIdleConnections() }

// Receiver is where the events go, without anything that may be secret.
func (n *Notifier) Receiver() string { return n.to.shown }

// Run posts until ctx ends, which is no error, then waits a moment for the calls
// under way. It returns an error when nothing can be fetched any more, and may
// be called again.
func (n *Notifier) Run(ctx context.Context, conn *broker.Conn) (err error) {
	defer func() { n.source.ended(err) }()
	subscriber := broker.NewSubscriber(conn, broker.SubscriberOptions{
		Stream: broker.StreamEvents, Durable: broker.NotifyConsumer, AckWait: broker.NotifyAckWait,
		Concurrency: atOnce, Drain: min(n.o.Drain, mostDrain), Log: n.o.Log,
	})
	deliveries, err := subscriber.Subscribe(ctx, broker.NotifyConsumer)
	if err != nil {
		return errors.Join(err, subscriber.Close())
	}
	n.source.begun()
	n.work(ctx, deliveries)
	err = errors.Join(subscriber.Err(), subscriber.Close())
	if ctx.Err() == nil {
		return fmt.Errorf("consumer %s ended: %w", broker.NotifyConsumer, err)
	}
	return nil
}

// work posts what is delivered until there is no more. A delivery in hand is
// renewed by the subscriber for as long as it takes.
func (n *Notifier) work(ctx context.Context, deliveries <-chan *message.Message) {
	var hands sync.WaitGroup
	defer hands.Wait()
	for msg := range deliveries {
		n.source.works()
		hands.Go(func() { n.handle(ctx, msg) })
	}
}

// handle decides about one delivery: ack once the receiver has taken the event
// or never will, else nack, upon which it comes again.
func (n *Notifier) handle(ctx context.Context, msg *message.Message) {
	d, found := broker.DeliveryOf(msg)
	if !found {
		msg.Nack()
		return
	}
	id, due, err := notSucceeded(d, msg.Payload)
	if err != nil {
		n.o.Log.WarnContext(ctx, "what stands among the events is none; it is not posted", "subject", d.Subject, "sequence", d.StreamSequence, "error", err)
	}
	if !due || n.post(ctx, msg, d, id) {
		msg.Ack()
		return
	}
	msg.Nack()
}

// notSucceeded reads an event's id and whether somebody should hear of it: of
// the ends of bulks only the data tells.
func notSucceeded(d broker.Delivery, body []byte) (id string, due bool, err error) {
	m, e, err := messages.DecodeEvent(d.Header, body)
	return m.ID(), err == nil && e.NotSucceeded(), err
}

// post posts one event and says whether it is done with. While nothing reaches
// the receiver at all the event stays in hand, so that the oldest goes first
// when it is back. Any other failure may be the event's own: it comes again
// later, and the next one is tried.
func (n *Notifier) post(ctx context.Context, msg *message.Message, d broker.Delivery, id string) bool {
	if n.tries.finished(id) {
		return true // the ack was lost
	}
	for {
		p, err := n.gate.enter(ctx)
		if err != nil {
			return false // stopping; somebody else goes on
		}
		a := n.to.post(msg.Context(), d.Header, msg.Payload)
		n.hear(ctx, p, a)
		switch a.outcome {
		case taken:
			n.tries.finish(id)
			return true
		case refused, failed:
			return n.again(ctx, msg, d, id, a)
		case cut:
			return false
		case unreached:
		}
	}
}

// hear passes what the receiver said on to the gate and the metrics. Only a
// change of its state, or of its reason, is worth a line in the log.
func (n *Notifier) hear(ctx context.Context, p pass, a answer) {
	n.metrics.count(a)
	switch n.gate.leave(p, a) {
	case closed, worse:
		n.o.Log.WarnContext(ctx, "what did not succeed cannot be posted; it waits", "receiver", n.to.shown, "why", a.why)
	case opened:
		n.o.Log.InfoContext(ctx, "what did not succeed is posted again", "receiver", n.to.shown)
	}
}

// again has an event come again later, or gives it up where the receiver has
// refused it too often while it took others.
func (n *Notifier) again(ctx context.Context, msg *message.Message, d broker.Delivery, id string, a answer) (done bool) {
	refusals := n.tries.failed(id, a.outcome == refused, n.gate.lastTaken())
	log := n.o.Log.With("receiver", n.to.shown, "id", id, "subject", d.Subject, "why", a.why, "tries", d.Deliveries)
	if refusals >= mostRefusals {
		n.tries.finish(id)
		n.metrics.givenUp.Inc()
		log.ErrorContext(ctx, "the receiver refuses an event for good; it is not posted again")
		return true
	}
	if refusals == 1 {
		log.WarnContext(ctx, "the receiver refuses an event; it is posted again later")
	}
	wait := waitAfter(d.Deliveries)
	n.gate.giveBack(wait)
	broker.Delay(msg, wait)
	return false
}
