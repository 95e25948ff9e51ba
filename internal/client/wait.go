package client

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/messages"
)

// ErrDead says that the request became a dead letter without an event of its own.
var ErrDead = errors.New("the request became a dead letter")

// errDecided ends Wait's readers.
var errDecided = errors.New("decided")

// Wait follows a submitted request until its newest attempt has ended, and returns the final event. Every event on the way,
// the final one included, is given to each, one at a time. It ends early with the cause of ctx, or with ErrDead when the
// message was put aside without an event, because its identity belongs to another request for instance.
func (c *Client) Wait(ctx context.Context, s Submission, each func(messages.EventMeta, messages.Event)) (messages.Event, error) {
	if err := c.need(ctx, broker.StreamEvents); err != nil {
		return messages.Event{}, err
	}
	w := &waiter{each: each}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return w.events(ctx, c, s) })
	group.Go(func() error { return w.deadLetter(ctx, c, s) })
	if err := group.Wait(); !errors.Is(err, errDecided) {
		return messages.Event{}, err
	}
	return w.final, nil
}

// waiter remembers the end of the newest attempt.
type waiter struct {
	each    func(messages.EventMeta, messages.Event)
	attempt int
	final   messages.Event
	ended   bool
}

func (w *waiter) events(ctx context.Context, c *Client, s Submission) error {
	return c.follow(ctx, broker.StreamEvents, eventFilter(s.Cloud, s.Key), func(m broker.Stored) error { return w.take(m) }, w.decided)
}

func (w *waiter) take(m broker.Stored) error {
	meta, event, err := messages.DecodeEvent(m.Header, m.Data)
	if err != nil {
		return fmt.Errorf("event %s: %w", m.Subject, err)
	}
	if meta.Attempt < w.attempt {
		return nil
	}
	if meta.Attempt > w.attempt {
		w.attempt, w.ended = meta.Attempt, false
	}
	w.each(meta, event)
	if event.State.Final() {
		w.final, w.ended = event, true
	}
	return nil
}

func (w *waiter) decided() error {
	if w.ended {
		return errDecided
	}
	return nil
}

// deadLetter ends with ErrDead if the message of the submission lies among the dead letters and no event will come. A
// rejection has an event too, which is waited for.
func (w *waiter) deadLetter(ctx context.Context, c *Client, s Submission) error {
	none := func() error { return nil }
	return c.follow(ctx, broker.StreamDead, deadSubject(s.Cloud, s.Operation), func(m broker.Stored) error {
		d := deadLetterOf(m)
		if d.Header.Get(deadSequence) != strconv.FormatUint(s.Sequence, 10) || d.Reason != string(identityReused) {
			return nil
		}
		return fmt.Errorf("%w: %s: %s", ErrDead, d.Reason, d.Detail)
	}, none)
}

// follow hands over the messages under filter until one of the functions returns an error, which follow returns, or ctx ends.
// settled is called after the stream was read to its end, and after each message since.
func (c *Client) follow(ctx context.Context, stream, filter string, each func(broker.Stored) error, settled func() error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	caughtUp := false
	stop := func(err error) {
		if err != nil {
			cancel(err)
		}
	}
	err := c.conn.Tail(ctx, stream, filter, func(m broker.Stored) {
		stop(each(m))
		if caughtUp {
			stop(settled())
		}
	}, func() {
		caughtUp = true
		stop(settled())
	})
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func eventFilter(cloud, key string) string { return "ims.event." + cloud + ".*.*.*." + key + ".>" }
