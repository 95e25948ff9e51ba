package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// legsShown is how many legs of a bulk stand in its family.
const legsShown = 20

// addCounts fills in how the legs of bulks that live stand, as their progress
// was told last.
func (c *Client) addCounts(ctx context.Context, list []Summary) error {
	for i, s := range list {
		if s.Operation != messages.OperationBulkCopy || s.Legs != nil || s.State != string(ledger.Submitted) {
			continue
		}
		m, err := c.conn.Last(ctx, broker.StreamEvents, messages.EventSubject(s.Cloud, s.Operation, messages.StateBatchProgress, s.Key, s.Attempt))
		if errors.Is(err, broker.ErrNone) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read the progress of %s: %w", s.Key, err)
		}
		if _, e, err := messages.DecodeEvent(m.Header, m.Data); err == nil && e.Batch != nil {
			list[i].Legs = &e.Batch.Counts
		}
	}
	return nil
}

// legs are those of the newest attempt of a bulk that was told.
func (d Detail) legs() (all []messages.Leg) {
	for _, e := range d.Events {
		if e.State == messages.StateBatchLegs && e.Attempt == d.Summary.Attempt && e.Data.Batch != nil {
			all = append(all, e.Data.Batch.Legs...)
		}
	}
	return all
}

// legNodes are the first legs of a bulk, each as the chain of its requests.
func (c *Client) legNodes(ctx context.Context, d Detail, asked string, left *int) (nodes []Node, err error) {
	for _, leg := range d.legs() {
		if leg.Request == nil || len(nodes) == legsShown {
			continue
		}
		chain := append(append([]messages.Relative{}, leg.Steps...), leg.Request.Relative)
		below := []Node{}
		for _, r := range slices.Backward(chain) {
			var n Node
			if n, err = c.nodeOf(ctx, r, asked, left); err != nil {
				return nil, err
			}
			n.Children = append(n.Children, below...)
			below = []Node{n}
		}
		nodes = append(nodes, below...)
	}
	return nodes, nil
}

// nodeOf tells of a request and of what follows it; one of which nothing is
// known has no state.
func (c *Client) nodeOf(ctx context.Context, r messages.Relative, asked string, left *int) (Node, error) {
	unknown := Node{Key: r.Key, Cloud: r.Cloud, Operation: r.Operation, Asked: r.Key == asked, Children: []Node{}}
	if *left--; *left < 0 {
		return unknown, nil
	}
	d, err := c.Request(ctx, r.Key)
	if errors.Is(err, ErrUnknown) {
		return unknown, nil
	}
	if err != nil {
		return unknown, err
	}
	return c.descend(ctx, d, asked, left)
}
