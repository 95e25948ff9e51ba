package client

import (
	"context"
	"errors"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/messages"
)

// Node is one request among those that caused it and that it caused.
type Node struct {
	Key       string `json:"key"`
	Cloud     string `json:"cloud"`
	Operation string `json:"operation"`
	// State is empty where nothing is known of the request: it waits in the
	// queue, or its events are gone.
	State string `json:"state"`
	// Reason is why it was put off, or did not succeed.
	Reason   messages.Reason `json:"reason,omitempty"`
	Attempt  int             `json:"attempt"`
	Asked    bool            `json:"asked"` // the one that was asked for
	Children []Node          `json:"children"`
	// MoreLegs are those of a bulk that are not among the children.
	MoreLegs int `json:"more_legs,omitempty"`
}

// familySize is how many requests of one family are looked at.
const familySize = 200

// Family tells of the requests that caused one and that it caused: the first
// of them, with all that follows. It is nil for a request that is alone.
func (c *Client) Family(ctx context.Context, d Detail) (first *Node, err error) {
	defer c.permitted(&ctx, &err)()
	if d.parent() == nil && len(d.next()) == 0 && d.Summary.Operation != messages.OperationBulkCopy {
		return nil, nil //nolint:nilnil // none is an answer
	}
	top := d
	for range handlers.StepDepth {
		up := top.parent()
		if up == nil {
			break
		}
		above, err := c.Request(ctx, up.Key)
		if errors.Is(err, ErrUnknown) {
			break
		}
		if err != nil {
			return nil, err
		}
		top = above
	}
	left := familySize
	n, err := c.descend(ctx, top, d.Summary.Key, &left)
	if n.Asked && len(n.Children) == 0 {
		return nil, err
	}
	return &n, err
}

// descend tells of a request and of what follows it.
func (c *Client) descend(ctx context.Context, d Detail, asked string, left *int) (n Node, err error) {
	s := d.Summary
	n = Node{Key: s.Key, Cloud: s.Cloud, Operation: s.Operation, State: s.State, Reason: s.Reason, Attempt: s.Attempt, Asked: s.Key == asked, Children: []Node{}}
	for _, child := range d.next() {
		if *left--; *left < 0 {
			break
		}
		below, err := c.Request(ctx, child.Key)
		if errors.Is(err, ErrUnknown) {
			n.Children = append(n.Children, Node{Key: child.Key, Cloud: child.Cloud, Operation: child.Operation, Children: []Node{}})
			continue
		}
		if err != nil {
			return n, err
		}
		node, err := c.descend(ctx, below, asked, left)
		if err != nil {
			return n, err
		}
		n.Children = append(n.Children, node)
	}
	var legs []Node
	legs, n.MoreLegs, err = c.legNodes(ctx, d, asked, left)
	n.Children = append(n.Children, legs...)
	return n, err
}

// parent is the request that caused this one, nil where none did.
func (d Detail) parent() *messages.Relative {
	if d.Record != nil && d.Record.Parent != nil {
		return d.Record.Parent
	}
	for _, e := range d.Events {
		if e.Data.Parent != nil {
			return e.Data.Parent
		}
	}
	return nil
}

// next are the requests that this one caused.
func (d Detail) next() (all []messages.Relative) {
	for _, e := range d.Events {
		all = append(all, e.Data.Next...)
	}
	return all
}
