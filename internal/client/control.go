package client

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/messages"
)

// Controlled says what a control message asked for.
type Controlled struct {
	Key     string `json:"key"`
	Cloud   string `json:"cloud"`
	Verb    string `json:"verb"`
	Attempt int    `json:"attempt"` // that it answers; the next one is what it opens
}

// Control publishes a control message about a request and returns once the worker has taken it. Without an attempt in it, the
// newest one is meant. What cannot be done is ErrDead, with the worker's reason.
func (c *Client) Control(ctx context.Context, verb string, data messages.Control) (done Controlled, err error) {
	defer c.permitted(&ctx, &err)()
	detail, err := c.Request(ctx, data.Key)
	if err != nil {
		return Controlled{}, err
	}
	if data.Attempt == 0 {
		data.Attempt = detail.Summary.Attempt
	}
	cloud := detail.Summary.Cloud
	body, err := json.Marshal(data)
	if err != nil {
		return Controlled{}, fmt.Errorf("encode %s: %w", verb, err)
	}
	sequence, err := c.publish(ctx, broker.Message{Subject: messages.ControlSubject(cloud, verb), Data: body})
	if err != nil {
		return Controlled{}, fmt.Errorf("%s %s: %w", verb, data.Key, err)
	}
	if err := c.taken(ctx, sequence); err != nil {
		return Controlled{}, err
	}
	letter, err := c.letterOf(ctx, Submission{Cloud: cloud, Operation: verb, Sequence: sequence})
	if err == nil && letter != nil {
		err = letter.asError()
	}
	return Controlled{Key: data.Key, Cloud: cloud, Verb: verb, Attempt: data.Attempt}, err
}
