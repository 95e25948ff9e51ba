package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// ErrNoConsumer says that a durable consumer, or its stream, does not exist any
// more.
var ErrNoConsumer = errors.New("the consumer is gone")

// lasting says why a fetch that began at start, and ended with err or nothing,
// will not go better: nil where it may. A missing right shows in no answer,
// and "no responders" means an election or a consumer that is gone; only a
// look tells which.
func (s *subscription) lasting(ctx context.Context, start time.Time, err error) error {
	if denied, _ := s.conn.denied.since(s.nextSubject(), start); denied {
		return fmt.Errorf("%w: %s", ErrDenied, s.nextSubject())
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrConnectionClosed):
		return err
	case transient(err) && !errors.Is(err, nats.ErrNoResponders):
		return nil
	}
	return s.gone(ctx)
}

func (s *subscription) nextSubject() string {
	return s.conn.api + "CONSUMER.MSG.NEXT." + s.o.Stream + "." + s.name
}

// gone looks for the consumer. Only a plain "not there" counts. Who does nothing
// but fetch notices only here that the broker does not do its work, so it looks
// for a whole pause between two tries longer than that takes.
func (s *subscription) gone(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stuckAfter+longestPause)
	defer cancel()
	_, found, err := s.conn.lookConsumer(ctx, s.o.Stream, s.name)
	api, ok := apiError(err)
	if err == nil && !found || ok && api.ErrorCode == codeStreamNotFound {
		return fmt.Errorf("%w: %s of %s", ErrNoConsumer, s.name, s.o.Stream)
	}
	return nil
}
