package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrConflict says that a condition did not hold: somebody else has written.
var ErrConflict = errors.New("somebody else has written meanwhile")

// ErrNone says that no message stands under a subject.
var ErrNone = errors.New("no such message")

// ErrFull says that the stream has no room for now. The same Put may succeed
// later.
var ErrFull = errors.New("stream is full")

// Message is what Put stores.
type Message struct {
	Subject string
	Header  nats.Header // not changed by Put
	Data    []byte
	Expect  *Expect       // nil: no condition
	Token   string        // written as TokenHeader; unique to this write and its repetitions. Without it a conditional write whose answer was lost looks like a conflict
	TTL     time.Duration // 0: kept; else at least a second
	Rollup  bool          // removes everything older under the same subject
	MsgID   string        // Nats-Msg-Id, for the stream's duplicate window
}

// Expect is the condition of a conditional write.
type Expect struct {
	Subject  string // "" means the message's own; may hold wildcards
	Sequence uint64 // of the last message under that subject; 0 means there is none
}

// Put stores a message and returns its sequence in the stream. It repeats
// time-outs, missing responders, elections and lost connections until ctx
// ends, and returns what went wrong last together with the context's cause.
//
// A condition that does not hold is ErrConflict, unless the last message of
// the subject carries the own token: then an earlier try had succeeded, and
// its sequence is returned. A full stream is ErrFull at once, and what no
// server takes ErrTooLarge, before it is sent. An unconditional message without
// MsgID may be stored twice when an answer was lost.
func (c *Conn) Put(ctx context.Context, stream string, m Message) (uint64, error) {
	if m.TTL > 0 && m.TTL < time.Second {
		return 0, fmt.Errorf("put %s: time to live %s is less than a second", m.Subject, m.TTL)
	}
	msg := m.encode()
	if err := c.fits(m, msg); err != nil {
		return 0, fmt.Errorf("put %s: %w", shown(m.Subject), err)
	}
	start, seq := time.Now(), uint64(0)
	err := c.repeat(ctx, "STREAM.INFO."+stream, func(limit time.Duration) (err error) {
		if seq, err = c.putOnce(ctx, stream, limit, msg); err == nil {
			return nil
		}
		if denied, _ := c.denied.since(m.Subject, start); denied {
			return ErrDenied
		}
		return err
	})
	if err != nil {
		return c.refused(ctx, stream, m, err)
	}
	c.moves.took(time.Now())
	return seq, nil
}

// mostOwnHeaders is how many headers Put adds to a message.
const mostOwnHeaders = 6

func (m Message) encode() *nats.Msg {
	h := make(nats.Header, len(m.Header)+mostOwnHeaders)
	maps.Copy(h, m.Header)
	values := make([]string, 0, mostOwnHeaders) // room for all at once
	set := func(name, value string) {
		if value != "" {
			n := len(values)
			values = append(values, value)
			h[name] = values[n : n+1 : n+1]
		}
	}
	set(TokenHeader, m.Token)
	set(jetstream.MsgIDHeader, m.MsgID)
	if m.TTL > 0 {
		set(jetstream.MsgTTLHeader, m.TTL.String())
	}
	if m.Rollup {
		set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	}
	if m.Expect != nil {
		set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(m.Expect.Sequence, 10))
		set(jetstream.ExpectedLastSubjSeqSubjHeader, m.Expect.Subject)
	}
	return &nats.Msg{Subject: m.Subject, Header: h, Data: m.Data}
}

func (c *Conn) putOnce(ctx context.Context, stream string, limit time.Duration, msg *nats.Msg) (uint64, error) {
	reply, err := c.request(ctx, limit, msg)
	if err != nil {
		return 0, err
	}
	if seq, plain := plainAck(reply.Data, stream); plain {
		return seq, nil
	}
	var ack struct {
		jetstream.PubAck
		apiAnswer
	}
	if err := json.Unmarshal(reply.Data, &ack); err != nil {
		return 0, fmt.Errorf("read the broker's answer: %w", err)
	}
	if full(ack.Error) {
		return 0, fmt.Errorf("%w: %w", ErrFull, ack.Error)
	}
	if ack.Error != nil {
		return 0, ack.Error
	}
	if ack.Stream != stream {
		return 0, fmt.Errorf("it went to stream %q, not to %s", ack.Stream, stream)
	}
	return ack.Sequence, nil
}

// plainAck reads what nearly every answer is, the stream that was meant and a
// sequence: {"stream":"IMS_TRACK_05", "seq":17}. It is one write of eight that
// a request takes, and decoding it with care costs as much as sending it.
func plainAck(data []byte, stream string) (sequence uint64, plain bool) {
	rest, named := strings.CutPrefix(string(data), `{"stream":"`+stream+`",`)
	rest, numbered := strings.CutPrefix(strings.TrimLeft(rest, " "), `"seq":`)
	digits, whole := strings.CutSuffix(rest, "}")
	sequence, err := strconv.ParseUint(digits, 10, 64)
	return sequence, named && numbered && whole && err == nil
}

// full tells a stream without room from a store that is in trouble: both have
// the same code.
func full(api *jetstream.APIError) bool {
	if api == nil {
		return false
	}
	switch api.ErrorCode {
	case codeNoResources, codeNoMemory, codeNoStorage:
		return true
	case codeStoreFailed:
		return strings.HasPrefix(api.Description, "maximum ")
	}
	return false
}

// refused explains an error that repeating does not cure.
func (c *Conn) refused(ctx context.Context, stream string, m Message, err error) (uint64, error) {
	if tooLarge(err) {
		return 0, fmt.Errorf("put %s: %w: %w", m.Subject, ErrTooLarge, err)
	}
	if api, ok := apiError(err); !ok || api.ErrorCode != codeWrongLast {
		return 0, fmt.Errorf("put %s: %w", m.Subject, err)
	}
	if m.Token == "" {
		return 0, fmt.Errorf("put %s: %w", m.Subject, ErrConflict)
	}
	last, lookErr := c.Last(ctx, stream, m.Subject)
	switch {
	case lookErr == nil && last.Header.Get(TokenHeader) == m.Token:
		return last.Sequence, nil
	case lookErr == nil || errors.Is(lookErr, ErrNone):
		return 0, fmt.Errorf("put %s: %w", m.Subject, ErrConflict)
	}
	return 0, fmt.Errorf("put %s: look whether it is there: %w", m.Subject, lookErr)
}
