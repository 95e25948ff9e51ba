package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/pauses"
	"github.com/imsworker/imsworker/messages"
)

// ErrUnknown says that neither a record nor an event of a request is there.
var ErrUnknown = errors.New("no such request")

// Summary is one request in a list.
type Summary struct {
	Key       string          `json:"key"`
	Cloud     string          `json:"cloud"`
	Operation string          `json:"operation"`
	Source    string          `json:"source"`
	ID        string          `json:"id"`
	Attempt   int             `json:"attempt"`
	State     string          `json:"state"` // of the record while it lives, then how it ended
	Reason    messages.Reason `json:"reason,omitempty"`
	JobID     string          `json:"job_id,omitempty"`
	Accepted  time.Time       `json:"accepted"`
	Submitted time.Time       `json:"submitted,omitzero"`
	Finished  time.Time       `json:"finished,omitzero"`
	// Parent is the request that caused this one, if any did.
	Parent *messages.Relative `json:"parent,omitempty"`
	Paused bool               `json:"paused,omitempty"` // filled in by MarkPaused
	// Prospect is what the worker expects of it, filled in by Expect.
	Prospect *messages.Prospect `json:"prospect,omitempty"`
	// Legs are those of a bulk, as far as they were told.
	Legs *messages.Counts `json:"legs,omitempty"`
}

func summaryOf(r *ledger.Record) Summary {
	s := Summary{
		Key: r.Key, Cloud: r.Cloud, Operation: r.Operation, Source: r.Source, ID: r.ID, Attempt: r.Attempt, State: string(r.State),
		JobID: r.JobID, Accepted: r.Accepted, Submitted: r.Submitted, Finished: r.Finished, Parent: r.Parent,
	}
	if r.Done() && r.Outcome != "" {
		s.State = string(r.Outcome)
	}
	if r.Failure != nil {
		s.Reason = r.Failure.Reason
	}
	if r.Bulk != nil {
		s.Legs = r.Bulk.Counts
	}
	return s
}

func summaryOfEvent(m messages.EventMeta, e messages.Event) Summary {
	s := Summary{
		Key: m.Key, Cloud: m.Cloud, Operation: e.Request.Operation, Source: e.Request.Source, ID: e.Request.ID,
		Attempt: m.Attempt, State: string(e.State), Accepted: timeOf(e.Times.Accepted), Submitted: timeOf(e.Times.Submitted),
		Finished: timeOf(e.Times.Finished), Parent: e.Parent,
	}
	if e.Job != nil {
		s.JobID = e.Job.ID
	}
	if e.Error != nil {
		s.Reason = e.Error.Reason
	}
	if e.Batch != nil {
		s.Legs = &e.Batch.Counts
	}
	return s
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// Detail is all that is known of one request.
type Detail struct {
	Summary Summary `json:"summary"`
	// Record is nil once the tombstone is gone.
	Record *ledger.Record `json:"record"`
	// Events are those of all attempts, in the order in which they were published.
	Events []EventView `json:"events"`
	// PausedSince is filled in by MarkPaused.
	PausedSince time.Time `json:"paused_since,omitzero"`
	pausedBy    []pauses.Pause
	// Unserved says that nobody works the request's shard now; filled in by
	// Expect.
	Unserved bool `json:"unserved,omitempty"`
	// Legs are those of a bulk, filled in by FillLegs.
	Legs *Legs `json:"legs,omitempty"`
	// Family is filled in by who asks for it.
	Family *Node `json:"family,omitempty"`
}

// EventView is one event of a request.
type EventView struct {
	ID      string         `json:"id"`
	Time    time.Time      `json:"time"`
	Attempt int            `json:"attempt"`
	State   messages.State `json:"state"`
	Data    messages.Event `json:"data"`
}

// Request tells all about the request of that key. ErrUnknown: nothing is known.
func (c *Client) Request(ctx context.Context, key string) (d Detail, err error) {
	defer c.permitted(&ctx, &err)()
	record, err := c.record(ctx, key)
	if err != nil {
		return Detail{}, err
	}
	d = Detail{Record: record, Events: []EventView{}}
	if err := c.need(ctx, broker.StreamEvents); err != nil {
		return Detail{}, err
	}
	err = c.read(ctx, broker.StreamEvents, eventFilter("*", key), func(m broker.Stored) {
		if meta, event, err := messages.DecodeEvent(m.Header, m.Data); err == nil {
			d.Events = append(d.Events, EventView{meta.ID(), meta.Time, meta.Attempt, event.State, event})
			d.Summary = summaryOfEvent(meta, event)
		}
	})
	if err != nil {
		return Detail{}, fmt.Errorf("read events of %s: %w", key, err)
	}
	if record != nil {
		told := d.Summary.Legs
		if d.Summary = summaryOf(record); d.Summary.Legs == nil {
			d.Summary.Legs = told
		}
	}
	if record == nil && len(d.Events) == 0 {
		return Detail{}, fmt.Errorf("%w with key %s: events are kept for a limited time, and a request that is waiting in the queue has no record yet", ErrUnknown, key)
	}
	if d.Summary.JobID == "" {
		d.Summary.JobID = d.job(d.Summary.Attempt)
	}
	return d, nil
}

// job is the id of an attempt's job as its events tell it: records that have ended keep none.
func (d Detail) job(attempt int) (id string) {
	for _, e := range d.Events {
		if e.Attempt == attempt && e.Data.Job != nil && e.Data.Job.ID != "" {
			id = e.Data.Job.ID
		}
	}
	return id
}

// Find tells all about the one request that is known under one of several keys. ErrUnknown: under none.
func (c *Client) Find(ctx context.Context, keys ...string) (Detail, error) {
	var found []Detail
	for _, key := range keys {
		d, err := c.Request(ctx, key)
		switch {
		case err == nil:
			found = append(found, d)
		case len(keys) == 1 || !errors.Is(err, ErrUnknown):
			return Detail{}, err
		}
	}
	switch len(found) {
	case 0:
		return Detail{}, fmt.Errorf("%w under any of the keys %s: events are kept for a limited time, and a request that is waiting in the queue has no record yet",
			ErrUnknown, strings.Join(keys, ", "))
	case 1:
		return found[0], nil
	default:
		return Detail{}, fmt.Errorf("requests with that id came from %s and from %s: say which is meant", found[0].Summary.Source, found[1].Summary.Source)
	}
}

// record looks for a key in every shard, because only the broker knows which shard a cloud belongs to; nil if there is none.
func (c *Client) record(ctx context.Context, key string) (*ledger.Record, error) {
	streams, err := c.trackStreams(ctx)
	if err != nil {
		return nil, err
	}
	for _, stream := range streams {
		subject := strings.TrimSuffix(trackFilter(stream), "*") + key
		m, err := c.conn.Last(ctx, stream, subject)
		if errors.Is(err, broker.ErrNone) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read record %s: %w", key, err)
		}
		return ledger.Decode(m.Data)
	}
	return nil, nil //nolint:nilnil // none is an answer
}
