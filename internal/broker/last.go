package broker

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// Stored is a message as it lies in a stream.
type Stored struct {
	Subject  string
	Sequence uint64
	Time     time.Time // the broker's clock
	Header   nats.Header
	Data     []byte
}

type msgGetQuestion struct {
	LastFor string `json:"last_by_subj"`
}

type msgGetAnswer struct {
	Message struct {
		Subject  string    `json:"subject"`
		Sequence uint64    `json:"seq"`
		Header   []byte    `json:"hdrs,omitempty"`
		Data     []byte    `json:"data,omitempty"`
		Time     time.Time `json:"time"`
	} `json:"message"`
}

// Last returns the newest message under a subject, which may hold wildcards.
// The stream's leader answers, never a follower that lags. ErrNone when there
// is none; elections and lost connections are waited out until ctx ends.
func (c *Conn) Last(ctx context.Context, stream, subject string) (Stored, error) {
	if err := subjectFits(subject); err != nil {
		return Stored{}, fmt.Errorf("read %s: %w", shown(subject), err)
	}
	var answer msgGetAnswer
	err := c.ask(ctx, "STREAM.MSG.GET."+stream, msgGetQuestion{LastFor: subject}, &answer)
	if api, ok := apiError(err); ok && api.ErrorCode == codeMsgNotFound {
		return Stored{}, fmt.Errorf("read %s: %w", subject, ErrNone)
	}
	if err != nil {
		return Stored{}, fmt.Errorf("read %s: %w", subject, err)
	}
	m := answer.Message
	header, err := decodeHeader(m.Header)
	if err != nil {
		return Stored{}, fmt.Errorf("read %s: header of message %d: %w", subject, m.Sequence, err)
	}
	return Stored{Subject: m.Subject, Sequence: m.Sequence, Time: m.Time, Header: header, Data: m.Data}, nil
}

func decodeHeader(raw []byte) (nats.Header, error) {
	if len(raw) == 0 {
		return nats.Header{}, nil
	}
	return nats.DecodeHeadersMsg(raw)
}
