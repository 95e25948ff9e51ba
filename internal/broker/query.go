package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// ErrNobody says that nobody listens to a question.
var ErrNobody = errors.New("nobody answers")

// Query asks a question of whoever listens to the subject and returns the
// answer. It is asked once: ErrNobody where nobody listens, the cause of ctx
// where no answer comes in time.
func (c *Conn) Query(ctx context.Context, subject string, question []byte) ([]byte, error) {
	watched, stop := c.denied.watch(ctx, subject)
	defer stop()
	answer, err := c.nc.RequestMsgWithContext(watched, &nats.Msg{Subject: subject, Data: question})
	switch cause := context.Cause(watched); {
	case errors.Is(cause, ErrDenied):
		return nil, cause
	case errors.Is(err, nats.ErrNoResponders):
		return nil, fmt.Errorf("ask %s: %w", subject, ErrNobody)
	case err != nil:
		return nil, fmt.Errorf("ask %s: %w", subject, err)
	}
	return answer.Data, nil
}

// Answer answers the questions that come under a filter, one after another,
// until ctx ends or the connection is closed for good, which is no error. Where
// f returns nothing, nothing is said: somebody else may.
func (c *Conn) Answer(ctx context.Context, filter string, f func(subject string, question []byte) []byte) error {
	questions, err := c.nc.SubscribeSync(filter)
	if err != nil {
		return fmt.Errorf("listen to %s: %w", filter, err)
	}
	defer questions.Unsubscribe() //nolint:errcheck // the connection may be gone, and the subscription with it
	for {
		q, err := questions.NextMsgWithContext(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrBadSubscription):
			return nil
		case errors.Is(err, nats.ErrSlowConsumer): // some were dropped; who asked them asks again
			continue
		case err != nil:
			return fmt.Errorf("listen to %s: %w", filter, err)
		}
		if answer := f(q.Subject, q.Data); answer != nil && q.Reply != "" {
			_ = c.nc.Publish(q.Reply, answer) // who asked may be gone
		}
	}
}
