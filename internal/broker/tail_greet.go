package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// greetWait is how long the first order of a consumer stands. It has to be
// longer than any answer takes.
const greetWait = 12 * time.Second

// greet gives the messages of a consumer's first order to each, and returns
// their number. In a cluster the node of the client may not know yet that the
// consumer listens on another one, and says that nobody does. What reads on
// would not hear of that, and wait for ever.
func (t *tail) greet(ctx context.Context, consumer jetstream.Consumer) (uint64, error) {
	var pause backoff
	for end := time.Now().Add(tryTimeout); ; {
		delivered, err := t.order(ctx, consumer)
		if err == nil || delivered > 0 || !errors.Is(err, nats.ErrNoResponders) || time.Now().After(end) {
			return delivered, err
		}
		if cause := pause.wait(ctx); cause != nil {
			return 0, cause
		}
	}
}

// order asks once and gives what comes, until the order is used up or its time
// is over. Before caughtUp the leader is asked now and then whether there is
// still something to wait for.
func (t *tail) order(ctx context.Context, consumer jetstream.Consumer) (delivered uint64, err error) {
	// An order stands for as long whenever ctx is to end: the broker takes none
	// that stands for less than two heartbeats.
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), greetWait)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	defer t.conn.onceLost(cancel)()
	batch, err := consumer.Fetch(readAhead, jetstream.FetchContext(asking), jetstream.FetchHeartbeat(t.heartbeat))
	if err != nil {
		return 0, fmt.Errorf("read the consumer: %w", err)
	}
	again := time.NewTicker(aimAgain)
	defer again.Stop()
	for {
		select {
		case msg, more := <-batch.Messages():
			if !more {
				return delivered, t.ordered(ctx, asking, batch.Error())
			}
			delivered++
			err = t.give(msg, delivered)
		case <-again.C:
			err = t.aim(asking)
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return delivered, err
		}
	}
}

// ordered says how an order has ended: that its time was over is fine.
func (t *tail) ordered(ctx, asking context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !errors.Is(asking.Err(), context.DeadlineExceeded) && asking.Err() != nil:
		return errAway
	case errors.Is(err, context.DeadlineExceeded), timedOut(err):
		return nil
	}
	return err
}
