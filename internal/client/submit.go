package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/messages"
)

// publishTime is how long a publish is repeated until the broker has confirmed it.
const publishTime = 20 * time.Second

// Submission is a request as it was published.
type Submission struct {
	Key       string `json:"key"`
	Cloud     string `json:"cloud"`
	Operation string `json:"operation"`
	Source    string `json:"source"`
	ID        string `json:"id"`
	Subject   string `json:"subject"`
	// Sequence is the message's place in the queue of requests.
	Sequence uint64 `json:"sequence"`
}

// Submit publishes a request and returns once the broker has stored it. Nothing is said about what becomes of it: see Wait.
// The right to publish that operation is enough.
func (c *Client) Submit(ctx context.Context, r messages.Request) (s Submission, err error) {
	if err := c.queue(ctx); err != nil && !errors.Is(err, broker.ErrDenied) {
		return Submission{}, err
	}
	defer c.permitted(&ctx, &err)()
	subject, header, body := messages.EncodeRequest(r)
	sequence, err := c.publish(ctx, broker.Message{Subject: subject, Header: header, Data: body})
	if err != nil {
		return Submission{}, fmt.Errorf("submit %s: %w", r.Operation, err)
	}
	return Submission{
		Key: messages.Key(r.Cloud, r.Source, r.ID), Cloud: r.Cloud, Operation: r.Operation, Source: r.Source, ID: r.ID,
		Subject: subject, Sequence: sequence,
	}, nil
}

// queue looks whether there is a queue of requests, as far as this user may look.
func (c *Client) queue(ctx context.Context) (err error) {
	defer c.permitted(&ctx, &err)()
	return c.need(ctx, broker.StreamRequests)
}

// publish gives the message an id of its own, so that a repetition after a lost answer is not stored twice.
func (c *Client) publish(ctx context.Context, m broker.Message) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, publishTime)
	defer cancel()
	m.MsgID = rand.Text()
	sequence, err := c.conn.Put(ctx, broker.StreamRequests, m)
	if errors.Is(err, broker.ErrFull) {
		return 0, fmt.Errorf("the queue of requests is full, try again later: %w", err)
	}
	return sequence, err
}
