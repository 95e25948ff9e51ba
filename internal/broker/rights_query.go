package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// MayAsk is nil where this user may ask live questions, and has ErrDenied where
// it may not. It asks one about a shard that does not exist: of so many there
// is no such one.
func (c *Conn) MayAsk(ctx context.Context, shards int) error {
	subject := QuerySubject(shards, "right")
	defer c.denied.expect(subject)()
	if _, err := c.Query(ctx, subject, nil); err != nil && !errors.Is(err, ErrNobody) {
		return fmt.Errorf("look whether questions may be asked: %w", err)
	}
	return nil
}

// MayListen is nil where this user may listen to live questions, and has
// ErrDenied where it may not. It listens to those about a shard that does not
// exist, for a moment.
func (c *Conn) MayListen(ctx context.Context, shards int) error {
	filter := QueryFilter(shards)
	defer c.denied.expect(filter)()
	watched, stop := c.denied.watch(ctx, filter)
	defer stop()
	questions, err := c.nc.SubscribeSync(filter)
	if err == nil {
		defer questions.Unsubscribe() //nolint:errcheck // the connection may be gone, and the subscription with it
		err = c.nc.FlushWithContext(watched)
	}
	switch refusal := c.nc.LastError(); { // that comes before the flush is answered, and its telling after
	case errors.Is(context.Cause(watched), ErrDenied):
		return context.Cause(watched)
	case errors.Is(refusal, nats.ErrPermissionViolation) && subjectOf(refusal) == filter:
		return fmt.Errorf("%w: %s", ErrDenied, filter)
	case err != nil:
		return fmt.Errorf("look whether questions may be listened to: %w", err)
	}
	return nil
}
