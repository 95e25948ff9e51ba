package broker

import (
	"context"
	"time"
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

// known turns the broker's word for no time, which is before Unix's, into ours.
func known(at time.Time) time.Time {
	if at.Unix() <= 0 {
		return time.Time{}
	}
	return at
}
