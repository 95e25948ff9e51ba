package client

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/messages"
)

// ErrDead says that the message became a dead letter and that the events under its key, if any, are not about it.
var ErrDead = errors.New("became a dead letter")

// errDecided ends the reading of events.
var errDecided = errors.New("decided")

// takenPause is the wait before the queue is asked again whether a worker has taken a request.
const takenPause = 100 * time.Millisecond

// Wait follows a submitted request until its newest attempt has ended, and returns the final event. Every event on the way,
// the final one included, is given to each, one at a time. It ends early with the cause of ctx, or with ErrDead when the
// message was put aside without an event, because its identity belongs to another request for instance.
func (c *Client) Wait(ctx context.Context, s Submission, each func(messages.EventMeta, messages.Event)) (final messages.Event, err error) {
	defer c.permitted(&ctx, &err)()
	if err := c.need(ctx, broker.StreamEvents); err != nil {
		return messages.Event{}, err
	}
	if err := c.taken(ctx, s.Sequence); err != nil {
		return messages.Event{}, err
	}
	letter, err := c.letterOf(ctx, s)
	if err != nil {
		return messages.Event{}, err
	}
	if letter != nil && eventless[letter.Reason] {
		return messages.Event{}, letter.asError(theRequest)
	}
	w := &waiter{each: each, letter: letter}
	if err := w.run(ctx, c, s); !errors.Is(err, errDecided) {
		return messages.Event{}, err
	}
	return w.final, nil
}

// taken returns once the message has left the queue: by then its record or its dead letter is stored. Without that, the events
// of an earlier request under the same identity would be taken for this one's.
func (c *Client) taken(ctx context.Context, sequence uint64) error {
	if sequence == 0 { // a worker has made the request itself
		return nil
	}
	stream, err := c.conn.JetStream().Stream(ctx, broker.StreamRequests)
	if err != nil {
		return fmt.Errorf("look at the queue: %w", err)
	}
	for {
		if _, err := stream.GetMsg(ctx, sequence); errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(takenPause):
		}
	}
}

// letterOf returns the dead letter that the message of the submission became, or nil.
func (c *Client) letterOf(ctx context.Context, s Submission) (*DeadLetter, error) {
	var found *DeadLetter
	sequence := strconv.FormatUint(s.Sequence, 10)
	err := c.read(ctx, broker.StreamDead, broker.DeadSubject(s.Cloud, s.Operation), func(m broker.Stored) {
		if m.Header.Get(deadSequence) == sequence {
			letter := deadLetterOf(m)
			found = &letter
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	return found, nil
}

// eventless are the reasons of dead letters that never yield an event.
var eventless = map[string]bool{"identity_reused": true, "attempt": true}

const theRequest = "the request"

// asError says that what was published is this letter now. Details that begin with the reason need no second one.
func (d DeadLetter) asError(what string) error {
	detail := d.Detail
	if !strings.HasPrefix(detail, d.Reason) {
		detail = d.Reason + ": " + detail
	}
	return fmt.Errorf("%s %w: %s; `imsworker dead get %d` shows it", what, ErrDead, detail, d.Number)
}

// waiter remembers the end of the newest attempt.
type waiter struct {
	each    func(messages.EventMeta, messages.Event)
	letter  *DeadLetter // not nil: the only event of this request can be its rejection
	attempt int
	final   messages.Event
	ended   bool
}

// run reads events until the newest attempt has ended, which is errDecided.
func (w *waiter) run(ctx context.Context, c *Client, s Submission) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	caughtUp := false
	err := c.conn.Tail(ctx, broker.StreamEvents, eventFilter(s.Cloud, s.Key), func(m broker.Stored) {
		if err := w.take(m); err != nil {
			cancel(err)
		}
		if caughtUp && w.ended {
			cancel(errDecided)
		}
	}, func() {
		if caughtUp = true; w.ended {
			cancel(errDecided)
		}
	})
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func (w *waiter) take(m broker.Stored) error {
	meta, event, err := messages.DecodeEvent(m.Header, m.Data)
	if err != nil {
		return fmt.Errorf("event %s: %w", m.Subject, err)
	}
	if w.letter != nil && event.State != messages.StateRejected {
		return w.letter.asError(theRequest)
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

func eventFilter(cloud, key string) string { return "ims.event." + cloud + ".*.*.*." + key + ".>" }
