package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Fill is how full a stream is.
type Fill struct {
	Messages uint64
	// Oldest is the broker's time of the oldest message that is there, zero
	// where there is none; Newest that of the last one ever stored, which may be
	// gone, zero where there was none.
	Oldest, Newest time.Time
}

// Fill looks at a stream. It needs no right that the start does not need; the
// broker's troubles are waited out until ctx ends.
func (c *Conn) Fill(ctx context.Context, stream string) (Fill, error) {
	info, err := c.streamInfo(ctx, stream)
	if err != nil {
		return Fill{}, err
	}
	f := Fill{Messages: info.State.Msgs, Newest: known(info.State.LastTime)}
	if f.Messages > 0 {
		f.Oldest = known(info.State.FirstTime)
	}
	return f, nil
}

// FillOf looks at the messages of a stream under filter alone. Of what is gone
// it knows nothing: Newest is of what is there, and Oldest is not told. Beside
// what Fill needs it wants the right to read single messages.
func (c *Conn) FillOf(ctx context.Context, stream, filter string) (Fill, error) {
	var info jetstream.StreamInfo
	if err := c.ask(ctx, "STREAM.INFO."+stream, infoQuestion{filter}, &info); err != nil {
		return Fill{}, fmt.Errorf("look at %s of stream %s: %w", filter, stream, err)
	}
	var f Fill
	for _, messages := range info.State.Subjects {
		f.Messages += messages
	}
	if f.Messages == 0 {
		return f, nil
	}
	last, err := c.Last(ctx, stream, filter)
	if errors.Is(err, ErrNone) { // removed meanwhile
		return Fill{}, nil
	}
	f.Newest = last.Time
	return f, err
}

type infoQuestion struct {
	Filter string `json:"subjects_filter"`
}

// known turns the broker's word for no time, which is before Unix's, into ours.
func known(at time.Time) time.Time {
	if at.Unix() <= 0 {
		return time.Time{}
	}
	return at
}
