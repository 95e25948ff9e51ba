package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/messages"
)

// The headers that a dead letter carries beside the original's.
const (
	deadReason    = "Ims-Dead-Reason"
	deadDetail    = "Ims-Dead-Detail"
	deadSubjectOf = "Ims-Dead-Subject"
	deadTime      = "Ims-Dead-Time"
	deadSequence  = "Ims-Dead-Sequence"
	deadSource    = "Ims-Dead-Request-Source"
	deadID        = "Ims-Dead-Request-Id"
	deadPrefix    = "Ims-Dead-"
	origPrefix    = "Ims-Orig-"
)

// directGet are headers that the broker adds to its answer; the message does not have them.
var directGet = []string{jetstream.SequenceHeader, jetstream.StreamHeader, jetstream.SubjectHeader, jetstream.TimeStampHeaer}

// ErrNoDeadLetter says that no dead letter has that number.
var ErrNoDeadLetter = errors.New("no such dead letter")

// DeadLetter is a message that could not become a record.
type DeadLetter struct {
	// Number is its place in the stream of dead letters, by which commands name it.
	Number  uint64      `json:"number"`
	Time    time.Time   `json:"time"`
	Subject string      `json:"subject"` // of the original
	Reason  string      `json:"reason"`
	Detail  string      `json:"detail"`
	Header  nats.Header `json:"header"` // the original's and ours
	Body    string      `json:"body"`
}

// DeadLetters lists the dead letters of a cloud, or of all where it is empty, oldest first.
func (c *Client) DeadLetters(ctx context.Context, cloud string) (list []DeadLetter, err error) {
	defer c.permitted(&ctx, &err)()
	if err := c.need(ctx, broker.StreamDead); err != nil {
		return nil, err
	}
	filter := "ims.dead.>"
	if cloud != "" {
		filter = "ims.dead." + cloud + ".>"
	}
	list = []DeadLetter{}
	if err := c.read(ctx, broker.StreamDead, filter, func(m broker.Stored) { list = append(list, deadLetterOf(m)) }); err != nil {
		return nil, fmt.Errorf("read dead letters: %w", err)
	}
	return list, nil
}

// DeadLetter returns the dead letter of that number, or ErrNoDeadLetter.
func (c *Client) DeadLetter(ctx context.Context, number uint64) (d DeadLetter, err error) {
	defer c.permitted(&ctx, &err)()
	if err := c.need(ctx, broker.StreamDead); err != nil {
		return DeadLetter{}, err
	}
	stream, err := c.conn.JetStream().Stream(ctx, broker.StreamDead)
	if err != nil {
		return DeadLetter{}, fmt.Errorf("read dead letter %d: %w", number, err)
	}
	m, err := stream.GetMsg(ctx, number)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return DeadLetter{}, fmt.Errorf("%w: %d; `imsworker dead ls` lists their numbers", ErrNoDeadLetter, number)
	}
	if err != nil {
		return DeadLetter{}, fmt.Errorf("read dead letter %d: %w", number, err)
	}
	for _, name := range directGet {
		m.Header.Del(name)
	}
	return deadLetterOf(broker.Stored{Subject: m.Subject, Sequence: m.Sequence, Time: m.Time, Header: m.Header, Data: m.Data}), nil
}

func deadLetterOf(m broker.Stored) DeadLetter {
	d := DeadLetter{
		Number: m.Sequence, Time: m.Time, Subject: m.Header.Get(deadSubjectOf), Reason: m.Header.Get(deadReason),
		Detail: m.Header.Get(deadDetail), Header: m.Header, Body: string(m.Data),
	}
	if t, err := time.Parse(time.RFC3339Nano, m.Header.Get(deadTime)); err == nil {
		d.Time = t
	}
	return d
}

// Replayed says what a replay published.
type Replayed struct {
	Number  uint64 `json:"number"`
	Key     string `json:"key"`
	Attempt int    `json:"attempt"`
	Subject string `json:"subject"`
}

// Replay publishes the original of a dead letter again, under its own identity and as the attempt after the last. The dead
// letter stays. What was wrong with its body is still wrong; a replay helps when the worker's side has changed since.
func (c *Client) Replay(ctx context.Context, d DeadLetter) (r Replayed, err error) {
	defer c.permitted(&ctx, &err)()
	if strings.HasPrefix(d.Subject, "ims.backup.") && strings.HasSuffix(d.Subject, "."+messages.VerbReady) && strings.Count(d.Subject, ".") == 3 {
		return c.replayNotice(ctx, d)
	}
	cloud, ok := requestCloud(d.Subject)
	if !ok {
		return Replayed{}, fmt.Errorf("dead letter %d was published to %s, which no worker can read: publish its body to ims.request.<cloud>.<operation>", d.Number, d.Subject)
	}
	identity := d.identity()
	key := messages.Key(cloud, identity.Source, identity.ID)
	attempt, err := c.lastAttempt(ctx, key)
	if err != nil {
		return Replayed{}, fmt.Errorf("replay dead letter %d: %w", d.Number, err)
	}
	header := d.original()
	maps.Copy(header, messages.ReplayHeaders(identity, attempt+1))
	if _, err := c.publish(ctx, broker.Message{Subject: d.Subject, Header: header, Data: []byte(d.Body)}); err != nil {
		return Replayed{}, fmt.Errorf("replay dead letter %d: %w", d.Number, err)
	}
	return Replayed{Number: d.Number, Key: key, Attempt: attempt + 1, Subject: d.Subject}, nil
}

// replayNotice gives notice of a backup again. It has no key: whether it leads to a request is for the worker's rules to say.
func (c *Client) replayNotice(ctx context.Context, d DeadLetter) (Replayed, error) {
	if _, err := c.publish(ctx, broker.Message{Subject: d.Subject, Header: d.original(), Data: []byte(d.Body)}); err != nil {
		return Replayed{}, fmt.Errorf("replay dead letter %d: %w", d.Number, err)
	}
	return Replayed{Number: d.Number, Subject: d.Subject}, nil
}

// requestCloud is the cloud that a request's subject names.
func requestCloud(subject string) (string, bool) {
	tokens := strings.Split(subject, ".")
	if len(tokens) != 4 || tokens[0] != "ims" || tokens[1] != "request" {
		return "", false
	}
	return tokens[2], true
}

// original returns the headers that the sender chose: ours are cut, and those of the broker with them, since conditions of
// the first publish would be asked again.
func (d DeadLetter) original() nats.Header {
	header := nats.Header{}
	for name, values := range d.Header {
		canonical := http.CanonicalHeaderKey(name)
		if !strings.HasPrefix(canonical, deadPrefix) && !strings.HasPrefix(canonical, origPrefix) && !strings.HasPrefix(canonical, "Nats-") {
			header[name] = values
		}
	}
	return header
}

// identity is the one under which the original was received. The intake notes it wherever it could be read; without that, the
// place in the queue still tells this message from others.
func (d DeadLetter) identity() messages.Identity {
	if id := d.Header.Get(deadID); id != "" {
		return messages.Identity{Source: d.Header.Get(deadSource), ID: id}
	}
	return messages.Identity{Source: messages.PlainSource, ID: d.Header.Get(deadSequence) + "-" + strconv.FormatInt(d.Time.UnixNano(), 10)}
}

// lastAttempt is the highest attempt that a key ever had, 0 if none.
func (c *Client) lastAttempt(ctx context.Context, key string) (int, error) {
	detail, err := c.Request(ctx, key)
	if errors.Is(err, ErrUnknown) {
		return 0, nil
	}
	last := detail.Summary.Attempt
	for _, e := range detail.Events {
		last = max(last, e.Attempt)
	}
	return last, err
}

func deadSubject(cloud, operation string) string { return "ims.dead." + cloud + "." + operation }
