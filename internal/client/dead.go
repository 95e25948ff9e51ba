package client

import (
	"context"
	"errors"
	"fmt"
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
	Number uint64     `json:"number"`
	Status DeadStatus `json:"status"`
	// Cloud and Operation are tokens of the original's subject, _ where that names none; of control messages and backup notices
	// the verb stands in the place of the operation.
	Cloud     string      `json:"cloud"`
	Operation string      `json:"operation"`
	Time      time.Time   `json:"time"`
	Subject   string      `json:"subject"` // of the original
	Reason    string      `json:"reason"`
	Detail    string      `json:"detail"`
	Header    nats.Header `json:"header,omitempty"` // the original's and ours
	Body      string      `json:"body,omitempty"`
	// Log is what people did with it, oldest first.
	Log []DeadEntry `json:"log,omitempty"`
}

// DeadLetters calls each with the dead letters that the filter chooses, oldest first.
func (c *Client) DeadLetters(ctx context.Context, f DeadFilter, each func(DeadLetter)) (err error) {
	defer c.permitted(&ctx, &err)()
	if err := c.need(ctx, broker.StreamDead); err != nil {
		return err
	}
	logs, err := c.deadLogs(ctx, broker.DeadLogFilter())
	if err != nil {
		return err
	}
	if f.Status == DeadDropped {
		f.dropped(logs, each)
		return nil
	}
	err = c.read(ctx, broker.StreamDead, f.subject(), func(m broker.Stored) {
		if d := deadLetterOf(m).with(logs[m.Sequence]); f.matches(d) {
			each(d)
		}
	})
	if err != nil {
		return fmt.Errorf("read dead letters: %w", err)
	}
	return nil
}

// DeadLetter returns the dead letter of that number, or ErrNoDeadLetter. Of one that was dropped it tells what the log has kept.
func (c *Client) DeadLetter(ctx context.Context, number uint64) (d DeadLetter, err error) {
	defer c.permitted(&ctx, &err)()
	if err := c.need(ctx, broker.StreamDead); err != nil {
		return DeadLetter{}, err
	}
	logs, err := c.deadLogs(ctx, broker.DeadLogSubject(number))
	if err != nil {
		return DeadLetter{}, err
	}
	stream, err := c.conn.JetStream().Stream(ctx, broker.StreamDead)
	if err != nil {
		return DeadLetter{}, fmt.Errorf("read dead letter %d: %w", number, err)
	}
	m, err := stream.GetMsg(ctx, number)
	switch {
	case err == nil && len(strings.Split(m.Subject, ".")) == deadTokens:
		for _, name := range directGet {
			m.Header.Del(name)
		}
		return deadLetterOf(broker.Stored{Subject: m.Subject, Sequence: m.Sequence, Time: m.Time, Header: m.Header, Data: m.Data}).with(logs[number]), nil
	case err != nil && !errors.Is(err, jetstream.ErrMsgNotFound):
		return DeadLetter{}, fmt.Errorf("read dead letter %d: %w", number, err)
	}
	if gone, ok := droppedLetter(number, logs[number]); ok {
		return gone, nil
	}
	return DeadLetter{}, fmt.Errorf("%w: %d; `imsworker dead ls` lists their numbers", ErrNoDeadLetter, number)
}

// deadTokens is how many tokens the subject of a dead letter has.
const deadTokens = 4

// with adds the log, and how the letter stands by it.
func (d DeadLetter) with(log []DeadEntry) DeadLetter {
	d.Log, d.Status = log, DeadOpen
	if n := len(log); n > 0 && log[n-1].Did == DidReplay {
		d.Status = DeadReplayed
	}
	return d
}

func deadLetterOf(m broker.Stored) DeadLetter {
	d := DeadLetter{
		Number: m.Sequence, Cloud: "_", Operation: "_", Time: m.Time, Subject: m.Header.Get(deadSubjectOf), Reason: m.Header.Get(deadReason),
		Detail: m.Header.Get(deadDetail), Header: m.Header, Body: string(m.Data),
	}
	if tokens := strings.Split(m.Subject, "."); len(tokens) == deadTokens {
		d.Cloud, d.Operation = tokens[2], tokens[3]
	}
	if t, err := time.Parse(time.RFC3339Nano, m.Header.Get(deadTime)); err == nil {
		d.Time = t
	}
	return d
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
