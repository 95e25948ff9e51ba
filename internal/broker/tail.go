package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrRewound says that a stream has fewer messages than were read from it: it
// was made anew or set back. Whoever built something on it must begin again.
var ErrRewound = errors.New("the stream was set back")

// Tail calls each for every message under filter, in the stream's order: first
// all that is there, then what comes, until ctx ends. caughtUp is called once,
// after the last message that was there at the start, also when there was none;
// a message that was replaced meanwhile may come, in its newer form, after it.
// Lost connections and restarts of servers are survived without a gap and
// without a repetition. Both functions are called from the goroutine that
// called Tail, never at the same time; while they run nothing more than a few
// hundred messages is fetched. It returns the context's cause, or what cannot
// be waited out.
func (c *Conn) Tail(ctx context.Context, stream, filter string, each func(Stored), caughtUp func()) error {
	t := &tail{conn: c, stream: stream, filter: filter, each: each, caughtUp: caughtUp, heartbeat: leastHeartbeat}
	return t.run(ctx)
}

// TailAfter is Tail for the messages behind the one with that sequence alone,
// as they come; 0 stands before the first.
func (c *Conn) TailAfter(ctx context.Context, stream, filter string, after uint64, each func(Stored)) error {
	t := &tail{conn: c, stream: stream, filter: filter, each: each, position: after, heartbeat: leastHeartbeat}
	return t.run(ctx)
}

// run reads with one consumer after the other.
func (t *tail) run(ctx context.Context) error {
	if err := subjectFits(t.filter); err != nil {
		return fmt.Errorf("tail %s %s: %w", t.stream, shown(t.filter), err)
	}
	var pause backoff
	for {
		before := t.position
		err := t.follow(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil && !t.passing(err) {
			return fmt.Errorf("tail %s %s: %w", t.stream, t.filter, err)
		}
		if errors.Is(err, jetstream.ErrNoHeartbeat) {
			t.heartbeat = min(2*t.heartbeat, mostHeartbeat)
		}
		if t.position > before {
			pause = backoff{}
		}
		if cause := pause.wait(ctx); cause != nil {
			return cause
		}
	}
}

// tail is the state that outlives one consumer.
type tail struct {
	conn     *Conn
	stream   string
	filter   string
	each     func(Stored)
	caughtUp func() // nil after its call
	position uint64 // sequence of the last message given to each
	target   uint64 // sequence of the last message that was there at the start

	heartbeat time.Duration // of the server while it has nothing to say; grows while it comes too late
}

// The server's heartbeat. Two that are missing end a consumer: its server may be
// gone. Where every answer takes seconds, so does a heartbeat.
const leastHeartbeat, mostHeartbeat = time.Second, 5 * time.Second

// passing says whether a new consumer may go on where the old one ended.
func (t *tail) passing(err error) bool {
	return transient(err) || errors.Is(err, jetstream.ErrConsumerDeleted) || errors.Is(err, errGap) ||
		errors.Is(err, jetstream.ErrConsumerNotFound) || errors.Is(err, jetstream.ErrMsgIteratorClosed)
}

var errGap = errors.New("a message of the consumer is missing")

// follow reads with one consumer until that ends.
func (t *tail) follow(ctx context.Context) error {
	if err := t.prepare(ctx); err != nil {
		return err
	}
	consumer, err := t.consumer(ctx)
	if err != nil {
		return err
	}
	delivered, err := t.greet(ctx, consumer)
	if err != nil {
		return err
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(readAhead), jetstream.PullHeartbeat(t.heartbeat),
		jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return fmt.Errorf("read the consumer: %w", err)
	}
	defer messages.Stop()
	defer context.AfterFunc(ctx, messages.Stop)()
	defer t.conn.onceLost(messages.Stop)()
	for {
		msg, err := t.wait(ctx, messages)
		if err != nil {
			return err
		}
		delivered++
		if err := t.give(msg, delivered); err != nil {
			return err
		}
	}
}

// readAhead is how many messages are asked for at once.
const readAhead = 512

// prepare finds out where the news begins, or that the stream was set back.
func (t *tail) prepare(ctx context.Context) error {
	if t.position > 0 {
		if err := t.notRewound(ctx); err != nil {
			return err
		}
	}
	return t.aim(ctx)
}

func (t *tail) notRewound(ctx context.Context) error {
	info, err := t.conn.streamInfo(ctx, t.stream)
	if err != nil {
		return err
	}
	return rewound(info, t.position)
}

// rewound judges what a stream says of itself to one who has read up to a
// position. A copy answers also where there is no leader, or where the others
// do not hear it: it may not have yet what was read.
func rewound(info jetstream.StreamInfo, position uint64) error {
	switch {
	case info.State.LastSeq >= position:
		return nil
	case !led(info.Cluster):
		return errUnled
	}
	return fmt.Errorf("%w: from message %d to %d", ErrRewound, position, info.State.LastSeq)
}

// aim asks the leader for the last message to be read before caughtUp. It is
// asked again when nothing comes any more: the message may have been removed
// meanwhile.
func (t *tail) aim(ctx context.Context) error {
	if t.caughtUp == nil {
		return nil
	}
	last, err := t.conn.Last(ctx, t.stream, t.filter)
	if err != nil && !errors.Is(err, ErrNone) {
		return err
	}
	if t.target == 0 || last.Sequence < t.target {
		t.target = last.Sequence
	}
	t.arrived()
	return nil
}

func (t *tail) arrived() {
	if t.caughtUp != nil && t.position >= t.target {
		t.caughtUp()
		t.caughtUp = nil
	}
}

func (t *tail) consumer(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	consumer, err := t.conn.js.CreateConsumer(ctx, t.stream, jetstream.ConsumerConfig{
		FilterSubject:     t.filter,
		DeliverPolicy:     jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:       t.position + 1,
		AckPolicy:         jetstream.AckNonePolicy,
		MaxDeliver:        1,
		MemoryStorage:     true,
		Replicas:          1,
		InactiveThreshold: 15 * time.Second,
	})
	if err != nil {
		return nil, fmt.Errorf("make a consumer: %w", inWords(err))
	}
	return consumer, nil
}

// give gives one message to each. delivered is its number in this consumer.
func (t *tail) give(msg jetstream.Msg, delivered uint64) error {
	meta, err := msg.Metadata()
	if err != nil {
		return fmt.Errorf("read the delivery: %w", err)
	}
	if meta.Sequence.Consumer != delivered {
		return errGap
	}
	t.each(Stored{Subject: msg.Subject(), Sequence: meta.Sequence.Stream, Time: meta.Timestamp, Header: msg.Headers(), Data: msg.Data()})
	t.position = meta.Sequence.Stream
	t.arrived()
	return nil
}

// aimAgain is how long nothing may come before caughtUp until the leader is asked
// whether there is still something to wait for.
const aimAgain = 250 * time.Millisecond

// wait returns the next message. The client looks for missing heartbeats only
// within one call of Next, so the short calls before caughtUp add up here.
func (t *tail) wait(ctx context.Context, messages jetstream.MessagesContext) (jetstream.Msg, error) {
	for silent := time.Duration(0); t.caughtUp != nil; silent += aimAgain {
		msg, err := messages.Next(jetstream.NextMaxWait(aimAgain))
		if !timedOut(err) {
			return msg, err
		}
		if err := t.aim(ctx); err != nil {
			return nil, err
		}
		if t.caughtUp != nil && silent >= 2*t.heartbeat {
			return nil, jetstream.ErrNoHeartbeat
		}
	}
	return messages.Next()
}
