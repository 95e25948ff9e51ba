package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func (c *Conn) streamInfo(ctx context.Context, stream string) (jetstream.StreamInfo, error) {
	var info jetstream.StreamInfo
	if err := c.ask(ctx, "STREAM.INFO."+stream, nil, &info); err != nil {
		return info, fmt.Errorf("look at stream %s: %w", stream, err)
	}
	return info, nil
}

func timedOut(err error) bool {
	return errors.Is(err, nats.ErrTimeout) || errors.Is(err, context.DeadlineExceeded)
}
