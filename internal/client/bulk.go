package client

import (
	"context"
	"encoding/json"
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

// asked is the request's data as its events tell it, nil where they are gone.
func (d Detail) asked() json.RawMessage {
	for _, e := range d.Events {
		if e.State == messages.StateAccepted && len(e.Data.Request.Data) > 0 {
			return e.Data.Request.Data
		}
	}
	return nil
}

// legNodes are some legs of a bulk, each as the chain of its requests, and how
// many there are beside them.
func (c *Client) legNodes(ctx context.Context, d Detail, asked string, left *int) (nodes []Node, more int, err error) {
	if d.Summary.Operation != messages.OperationBulkCopy {
		return nil, 0, nil
	}
	l := d.Legs
	if l == nil {
		streams, err := c.trackStreams(ctx)
		if err != nil {
			return nil, 0, err
		}
		if l, err = c.readLegs(ctx, d, len(streams)); err != nil || l == nil {
			return nil, 0, err
		}
	}
	for _, chain := range l.shown(asked) {
		n, err := c.chainNode(ctx, chain, asked, left)
		if err != nil {
			return nil, 0, err
		}
		nodes = append(nodes, n)
	}
	return nodes, len(l.All) - len(nodes), nil
}

// chainNode tells of the requests of a leg, each below the one before.
func (c *Client) chainNode(ctx context.Context, chain []messages.Relative, asked string, left *int) (first Node, err error) {
	var below []Node
	for _, r := range slices.Backward(chain) {
		if first, err = c.nodeOf(ctx, r, asked, left); err != nil {
			return first, err
		}
		first.Children = append(first.Children, below...)
		below = []Node{first}
	}
	return first, nil
}

// shown are the chains of the legs that are worth most to be seen, in their
// order: that of the request that was asked for, those that did not succeed,
// and those under way, before others.
func (l *Legs) shown(asked string) (chains [][]messages.Relative) {
	var ranked [4][]int
	for i, leg := range l.All {
		if leg.Request == nil {
			continue
		}
		rank := 3
		switch {
		case slices.ContainsFunc(leg.chain(), func(r messages.Relative) bool { return r.Key == asked }):
			rank = 0
		case leg.State.Final() && leg.State != messages.StateSucceeded:
			rank = 1
		case !leg.State.Final():
			rank = 2
		}
		ranked[rank] = append(ranked[rank], i)
	}
	first := slices.Concat(ranked[:]...)
	first = first[:min(len(first), legsShown)]
	slices.Sort(first)
	for _, i := range first {
		chains = append(chains, l.All[i].chain())
	}
	return chains
}

// chain are the requests of a leg, one after the other.
func (l LegView) chain() []messages.Relative {
	return append(slices.Clone(l.Steps), l.Request.Relative)
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
