package client

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/pauses"
	"github.com/imsworker/imsworker/messages"
)

// Pause publishes that nothing new of an operation (of all, where it is empty)
// is to be submitted to a cloud, or with resume that it goes on, and returns
// once a worker has taken it.
func (c *Client) Pause(ctx context.Context, cloud, operation string, resume bool) (done Controlled, err error) {
	defer c.permitted(&ctx, &err)()
	if err := c.need(ctx, broker.StreamRequests); err != nil {
		return Controlled{}, err
	}
	done = Controlled{Cloud: cloud, Operation: operation, Verb: messages.VerbPause}
	if resume {
		done.Verb = messages.VerbResume
	}
	body, err := json.Marshal(messages.Control{Operation: operation})
	if err != nil {
		return done, fmt.Errorf("encode %s: %w", done.Verb, err)
	}
	err = c.control(ctx, &done, body)
	return done, err
}

// Pauses lists what is paused now.
func (c *Client) Pauses(ctx context.Context) (list []pauses.Pause, err error) {
	defer c.permitted(&ctx, &err)()
	if err := c.need(ctx, broker.StreamState); err != nil {
		return nil, err
	}
	err = c.read(ctx, broker.StreamState, broker.PausedPrefix+">", func(m broker.Stored) {
		if p, err := pauses.Read(m); err == nil && p.Paused {
			list = append(list, p)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read what is paused: %w", err)
	}
	return list, nil
}

// MarkPaused marks those of a list that wait because somebody has paused them.
func MarkPaused(list []Summary, paused []pauses.Pause) {
	for i, s := range list {
		list[i].Paused = len(heldBack(s, paused)) > 0
	}
}

// MarkPaused notes what the request waits for that somebody has paused, and
// since when.
func (d *Detail) MarkPaused(paused []pauses.Pause) {
	d.pausedBy = heldBack(d.Summary, paused)
	if d.Summary.Paused = len(d.pausedBy) > 0; d.Summary.Paused {
		d.PausedSince = d.pausedBy[0].At
	}
}

func heldBack(s Summary, paused []pauses.Pause) []pauses.Pause {
	if s.State != string(ledger.Accepted) && s.State != string(ledger.Parked) {
		return nil
	}
	return pauses.Of(paused, s.Cloud, s.Operation)
}

// waitsForResume is what a request waits for that somebody has paused. Each
// pause is taken back by itself.
func (d Detail) waitsForResume() string {
	waits := make([]string, len(d.pausedBy))
	for i, p := range d.pausedBy {
		what, resume := "the cloud", p.Cloud
		if p.Operation != "" {
			what, resume = p.Operation, p.Cloud+" --operation "+p.Operation
		}
		waits[i] = fmt.Sprintf("for `imsworker resume %s`: somebody has paused %s at %s", resume, what, p.At.UTC().Format(time.RFC3339))
	}
	return strings.Join(waits, "; and ")
}
