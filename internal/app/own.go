package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"
	"golang.org/x/sync/errgroup"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/engine"
	"github.com/imsworker/imsworker/internal/intake"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/pace"
	"github.com/imsworker/imsworker/internal/shard"
	"github.com/imsworker/imsworker/messages"
)

// own works one shard as long as its lease is ours.
func (w *worker) own(ctx context.Context, lease *shard.Lease) {
	number := lease.Shard()
	w.count.taken(1)
	defer w.count.taken(-1)
	records := ledger.New(w.conn, number)
	g := engine.New(engine.Options{
		Shard: number, Ledger: records, Events: w.events, Lease: lease, Clouds: w.clouds, Reused: w.reused, Request: w.request, Control: w.control, Held: w.held, Taken: w.twins.taken,
		Bound: pace.Bound{Ratio: w.cfg.Detect.Ratio, Min: w.cfg.Detect.Min, Max: w.cfg.Detect.Max}, SubmitTimeout: w.cfg.SubmitTimeout, TombstoneTTL: w.deps.TombstoneTTL, Drain: w.cfg.Drain,
		Durations: w.learned, Allowances: w.learned,
		Metrics: w.metrics, Trace: w.deps.Trace, Log: w.log,
	})
	w.setEngine(number, g)
	defer w.setEngine(number, nil)
	watching, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	w.background.Go(func() { w.watch(watching, g, lease) })
	// Neither goes on without the other: the shard is given up and taken again.
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error { return g.Run(ctx) })
	both.Go(func() error {
		select {
		case <-g.Ready():
			w.judgeShare()
			if w.deps.Loaded != nil {
				w.deps.Loaded(number)
			}
			both.Go(func() error { w.answer(ctx, lease, g); return nil })
			return w.takeIn(ctx, number, lease, records, g)
		case <-ctx.Done():
			return nil
		}
	})
	if err := both.Wait(); err != nil {
		w.log.Error("shard stopped; it is taken again", "shard", number, "error", err)
		w.mend(ctx)
	}
}

// mend makes streams and consumers anew that somebody has taken away.
func (w *worker) mend(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), mendTimeout)
	defer cancel()
	if _, err := w.conn.Apply(ctx, w.topology()); err != nil {
		w.log.Error("streams do not fit any more", "error", err)
	}
}

// mendTimeout bounds one comparison of the streams.
const mendTimeout = 10 * time.Second

// takeIn feeds the shard's messages to its intake, and looks after its backup
// notices, until ctx ends.
func (w *worker) takeIn(ctx context.Context, number int, lease *shard.Lease, records *ledger.Shard, g *engine.Engine) error {
	in := intake.New(intake.Options{Records: records, Dead: w.dead, Cloud: w.clouds.intake, History: w.events, Pause: w.pauses.Set, HearLeg: g.Hear, Count: w.metrics, Trace: w.deps.Trace, Log: w.log})
	desk := w.desk(number, in, g)
	in.Hear = desk.Hear
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error { return desk.Run(ctx) })
	both.Go(func() error { return w.consume(ctx, broker.ShardConsumer(number), lease.Valid, in.Handle) })
	return both.Wait()
}

// takeLeftovers makes dead letters of what kept its subject, until ctx ends.
func (w *worker) takeLeftovers(ctx context.Context) {
	for ctx.Err() == nil {
		if err := w.consume(ctx, broker.LeftoverConsumer, nil, w.dead.Leftover); err != nil {
			w.log.Error("messages with a wrong subject are not looked at; trying again", "error", err)
		}
		select {
		case <-time.After(leftoverRetry):
		case <-ctx.Done():
		}
	}
}

// leftoverRetry is the wait before the leftovers are consumed again.
const leftoverRetry = 5 * time.Second

// errConsumerEnded says that a router stopped by itself.
var errConsumerEnded = errors.New("the consumer ended")

// consume runs a router over one durable consumer until ctx ends, which is no
// error, then lets the handlers in hand finish: the subscriber drains before
// the router, which would cancel them, is closed.
func (w *worker) consume(ctx context.Context, durable string, valid func() bool, handle message.NoPublishHandlerFunc) error {
	subscriber := broker.NewSubscriber(w.conn, broker.SubscriberOptions{
		Stream: broker.StreamRequests, Durable: durable, Valid: valid, Drain: w.cfg.Drain, Log: w.log,
	})
	deliveries, err := subscriber.Subscribe(context.WithoutCancel(ctx), durable)
	if err != nil {
		return errors.Join(err, subscriber.Close())
	}
	router, err := message.NewRouter(message.RouterConfig{CloseTimeout: w.cfg.Drain}, watermill.NopLogger{})
	if err != nil {
		return errors.Join(fmt.Errorf("make router for %s: %w", durable, err), subscriber.Close())
	}
	router.AddConsumerHandler(durable, durable, subscribed{deliveries, subscriber}, broker.WarnRepeats(w.log, handle))
	ran := make(chan error, 1)
	go func() { ran <- router.Run(context.WithoutCancel(ctx)) }()
	select {
	case <-ctx.Done():
		return errors.Join(subscriber.Close(), router.Close(), <-ran)
	case err := <-ran:
		return fmt.Errorf("consumer %s: %w", durable, errors.Join(errConsumerEnded, err, subscriber.Err(), subscriber.Close(), router.Close()))
	}
}

// subscribed is a subscription that stands already. A router whose own
// subscribing fails leaves goroutines behind.
type subscribed struct {
	deliveries <-chan *message.Message
	subscriber message.Subscriber
}

// Subscribe implements message.Subscriber.
func (s subscribed) Subscribe(context.Context, string) (<-chan *message.Message, error) {
	return s.deliveries, nil
}

// Close implements message.Subscriber.
func (s subscribed) Close() error { return s.subscriber.Close() }

// reused stores the dead letter of a record whose identity belonged to
// another request, long ago.
func (w *worker) reused(ctx context.Context, r *ledger.Record) error {
	w.metrics.Request(r.Cloud, r.Operation, "dead")
	return w.dead.Store(ctx, intake.Letter{
		Cloud: r.Cloud, Operation: r.Operation, Subject: messages.RequestSubject(r.Cloud, r.Operation), Body: r.Data,
		Header: messages.ReplayHeaders(messages.Identity{Source: r.Source, ID: r.ID}, r.Attempt),
	}, intake.Verdict{Reason: intake.ReasonIdentityReused, Problems: messages.Problems{{
		Message: "the identity belongs to an earlier request with other data, which is left as it is; give each request an id of its own",
	}}})
}

// request publishes a request that follows another one. Its id is the same
// whoever publishes it: a second time changes nothing.
func (w *worker) request(ctx context.Context, r messages.Request) error {
	subject, header, body := messages.EncodeRequest(r)
	_, err := w.conn.Put(ctx, broker.StreamRequests, broker.Message{Subject: subject, Header: header, Data: body})
	return err
}

// control publishes what one cloud's shard has to tell another's, or its own.
func (w *worker) control(ctx context.Context, cloud, verb string, data []byte) error {
	_, err := w.conn.Put(ctx, broker.StreamRequests, broker.Message{Subject: messages.ControlSubject(cloud, verb), Data: data})
	return err
}

func (w *worker) addresses() Addresses {
	a := Addresses{HTTP: w.server.Addr()}
	if w.inside != nil {
		a.Broker = w.inside.URL()
	}
	if w.hooks != nil {
		a.Hooks = w.hooks.Addr()
	}
	return a
}

// inFlight counts the requests of a cloud that have not ended. It is an error
// if an engine does not answer.
func (w *worker) inFlight(name string) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	n := 0
	for _, g := range w.running() {
		census, err := g.Census(ctx)
		if err != nil {
			return 0, fmt.Errorf("count what is in flight: %w", err)
		}
		for _, group := range census.Groups {
			if group.Cloud == name {
				n += group.Count
			}
		}
	}
	return n, nil
}
