package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// Controlled says what a control message asked for.
type Controlled struct {
	Key       string `json:"key,omitempty"`
	Cloud     string `json:"cloud"`
	Operation string `json:"operation,omitempty"` // of a pause or resume
	Verb      string `json:"verb"`
	Attempt   int    `json:"attempt,omitempty"` // that it answers
	// Sequence is the message's place in the queue of requests.
	Sequence uint64 `json:"sequence"`
}

// ErrCannot says that nothing was published, because no worker would carry it out.
var ErrCannot = errors.New("cannot be done")

// Control publishes a control message about a request and returns once the worker has taken it. Without an attempt in it, the
// newest one is meant. What surely cannot be done is ErrCannot, in the worker's words, and leaves no trace; what turns out so
// only at the worker is ErrDead.
func (c *Client) Control(ctx context.Context, verb string, data messages.Control) (done Controlled, err error) {
	defer c.permitted(&ctx, &err)()
	detail, err := c.Request(ctx, data.Key)
	if err != nil {
		return Controlled{}, err
	}
	if data.Attempt == 0 {
		data.Attempt = detail.Summary.Attempt
	}
	done = Controlled{Key: data.Key, Cloud: detail.Summary.Cloud, Verb: verb, Attempt: data.Attempt}
	body, err := json.Marshal(data)
	if err != nil {
		return Controlled{}, fmt.Errorf("encode %s: %w", verb, err)
	}
	if problem := detail.cannot(verb, body); problem != "" {
		return Controlled{}, fmt.Errorf("%s %w: %s", verb, ErrCannot, problem)
	}
	err = c.control(ctx, &done, body)
	return done, err
}

// control publishes the message and waits until it is taken.
func (c *Client) control(ctx context.Context, done *Controlled, body []byte) error {
	sequence, err := c.publish(ctx, broker.Message{Subject: messages.ControlSubject(done.Cloud, done.Verb), Data: body})
	if err != nil {
		return fmt.Errorf("%s %s: %w", done.Verb, cmp.Or(done.Key, done.Cloud), err)
	}
	done.Sequence = sequence
	if err := c.taken(ctx, sequence); err != nil {
		return err
	}
	letter, err := c.letterOf(ctx, Submission{Cloud: done.Cloud, Operation: done.Verb, Sequence: sequence})
	if err == nil && letter != nil {
		return letter.asError("the control message")
	}
	return err
}

// cannot says in words why a worker would not carry out a control message; empty where that is for the worker to find out.
func (d Detail) cannot(verb string, body []byte) string {
	c, problems := messages.ReadControl(verb, d.Summary.Cloud, body)
	if len(problems) > 0 {
		return problems.Error()
	}
	last := d.last()
	if verb == messages.VerbCancel {
		if last == nil {
			return ""
		}
		problem, _ := last.CannotCancel(d.Summary.Cloud, c)
		return problem
	}
	if last == nil || last.Attempt > c.Attempt {
		return ""
	}
	if problem := last.CannotReopen(d.Summary.Cloud, verb, c); problem != "" {
		return problem
	}
	if last.Data == nil && !d.tells(last.Attempt, messages.StateAccepted) {
		return last.NoData()
	}
	return ""
}

// last is the newest attempt: its record, or what its final event says of it; nil where neither is there.
func (d Detail) last() *ledger.Record {
	if d.Record != nil || !messages.State(d.Summary.State).Final() {
		return d.Record
	}
	s := d.Summary
	r := &ledger.Record{Key: s.Key, Cloud: s.Cloud, Attempt: s.Attempt, State: ledger.Finished, Outcome: messages.State(s.State)}
	if end := d.Events[len(d.Events)-1].Data.Cancel; end != nil {
		r.Cancel = &ledger.Cancel{By: end.By, Delete: end.Image == messages.CancelDeleted}
	}
	return r
}

// tells reports whether there is an event of that attempt and state.
func (d Detail) tells(attempt int, state messages.State) bool {
	return slices.ContainsFunc(d.Events, func(e EventView) bool { return e.Attempt == attempt && e.State == state })
}
