package client

import (
	"context"
	"fmt"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
)

// Drop removes a dead letter for good: its body and headers are overwritten in the broker's store. Who did it, when and why
// stays in the log, with the letter's subject, reason and detail. The log says so before: what was cut off between is finished
// by dropping it again. Skipped: it is gone already. Once begun it goes on though ctx ends.
func (c *Client) Drop(ctx context.Context, number uint64, act Act) (d DeadLetter, err error) {
	defer c.permitted(&ctx, &err)()
	if d, err = c.DeadLetter(ctx, number); err != nil {
		return DeadLetter{}, err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("drop dead letter %d: %w", number, err)
		}
	}()
	n := len(d.Log)
	if d.Status == DeadDropped {
		return d, skip("%s has dropped it at %s", d.Log[n-1].By, d.Log[n-1].Time.UTC().Format(time.RFC3339))
	}
	if act.Dry {
		return d, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), actTime)
	defer cancel()
	if n == 0 || d.Log[n-1].Did != DidDrop {
		kept := d
		kept.Header, kept.Body, kept.Log = nil, "", nil
		if err := c.note(ctx, &d, DeadEntry{Did: DidDrop, By: act.By, Why: act.Why, Letter: &kept}); err != nil {
			return d, err
		}
	}
	d.Status = DeadDropped
	return d, c.conn.Delete(ctx, broker.StreamDead, number)
}
