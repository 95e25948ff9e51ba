package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/bulk"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// Legs is how the legs of a bulk stand now.
type Legs struct {
	Counts messages.Counts `json:"counts"`
	// AtOnce is how many may be under way at a time.
	AtOnce int       `json:"at_once"`
	All    []LegView `json:"all"`
	// Missing are the pages that are not there; their legs are in no count.
	Missing []int `json:"missing_pages,omitempty"`
}

// LegView is a leg of a bulk and, while it is under way, what it waits for.
type LegView struct {
	messages.Leg
	// Waits is empty where that is not known: nobody has taken its request up
	// yet, or its end is not yet noted.
	Waits messages.WaitReason `json:"waits,omitempty"`
	Until *time.Time          `json:"until,omitempty"`
	// Start is when it is expected to go, of one that waits for its turn.
	Start *time.Time `json:"start,omitempty"`
	// PutOff is what the cloud, or the worker, said when it was put off.
	PutOff *messages.Failure `json:"put_off,omitempty"`
	// Unserved says that nobody works the shard of the cloud that it is asked of.
	Unserved bool `json:"unserved,omitempty"`
}

// Unsuccessful are the legs that have ended otherwise than as succeeded.
func (l *Legs) Unsuccessful() (all []LegView) {
	for _, leg := range l.All {
		if leg.State.Final() && leg.State != messages.StateSucceeded {
			all = append(all, leg)
		}
	}
	return all
}

// atOnce bounds how many records of legs are read at a time, and how many for
// one answer.
const atOnce, mostReasons = 16, 400

// FillLegs fills in the legs of a bulk that has some: of one that runs as its
// pages tell, with what those under way wait for, as the owners of their shards
// tell; of one that has ended as its events tell. What the owners do not tell
// is left out, which is no error.
func (c *Client) FillLegs(ctx context.Context, d *Detail) (err error) {
	if d.Summary.Operation != messages.OperationBulkCopy || d.Legs != nil {
		return nil
	}
	defer c.permitted(&ctx, &err)()
	streams, err := c.trackStreams(ctx)
	if err != nil {
		return err
	}
	if d.Legs, err = c.readLegs(ctx, *d, len(streams)); err != nil || d.Legs == nil {
		return err
	}
	d.Summary.Legs = &d.Legs.Counts
	return c.expectLegs(ctx, d.Legs.All, len(streams))
}

// readLegs are all that are told of the newest attempt of a bulk; nil where
// nothing is.
func (c *Client) readLegs(ctx context.Context, d Detail, shards int) (*Legs, error) {
	r := d.Record
	if r == nil || r.Buried {
		return legsOf(d.legs(), d.asked()), nil
	}
	if r.Bulk == nil || r.Bulk.Pages == 0 || r.State != ledger.Submitted && r.State != ledger.Finished {
		return nil, nil //nolint:nilnil // none is an answer
	}
	l := &Legs{AtOnce: concurrencyOf(r.Data), All: make([]LegView, 0, r.Bulk.Legs)}
	parent := bulk.Parent{Cloud: r.Cloud, Key: r.Key, Routes: r.Bulk.Routes}
	for n := range r.Bulk.Pages {
		page, err := c.page(ctx, r, n, shards)
		switch {
		case errors.Is(err, broker.ErrNone):
			l.Missing = append(l.Missing, n)
			continue
		case err != nil:
			return nil, err
		}
		for i, leg := range page.Legs {
			l.add(parent.Tell(page.First+i, leg))
		}
	}
	return l, nil
}

// concurrencyOf is how many legs of a bulk may be under way at once by its data.
func concurrencyOf(data json.RawMessage) int {
	var asked messages.BulkCopy
	_ = json.Unmarshal(data, &asked) // the worker has read it; none says nothing
	return cmp.Or(asked.Concurrency, messages.LegsAtOnce)
}

// legsOf are legs that were told of a bulk with this data, nil for none.
func legsOf(told []messages.Leg, data json.RawMessage) *Legs {
	if len(told) == 0 {
		return nil
	}
	l := &Legs{AtOnce: concurrencyOf(data), All: make([]LegView, 0, len(told))}
	for _, leg := range told {
		l.add(leg)
	}
	return l
}

func (l *Legs) add(leg messages.Leg) {
	l.All = append(l.All, LegView{Leg: leg})
	l.Counts.Count(leg.State)
}

// page reads one page of a bulk's legs. ErrNone: there is none of this attempt.
func (c *Client) page(ctx context.Context, r *ledger.Record, n, shards int) (*bulk.Page, error) {
	number := broker.ShardOf(r.Cloud, shards)
	m, err := c.conn.Last(ctx, broker.TrackStream(number), broker.TrackPageSubject(number, r.Key, n))
	if err != nil {
		return nil, fmt.Errorf("read page %d of bulk %s: %w", n, r.Key, err)
	}
	p, err := bulk.Decode(m.Data)
	if err == nil && (p.Expansion != r.Bulk.Expansion || p.Attempt != r.Attempt) {
		err = broker.ErrNone
	}
	return p, err
}

// expectLegs fills in what the legs under way wait for, asking each shard of
// their clouds.
func (c *Client) expectLegs(ctx context.Context, legs []LegView, shards int) error {
	byShard := map[int][]int{}
	for i, leg := range legs {
		if !leg.State.Final() && leg.Request != nil {
			number := broker.ShardOf(leg.Request.Cloud, shards)
			byShard[number] = append(byShard[number], i)
		}
	}
	for number, running := range byShard {
		for some := range slices.Chunk(running, messages.ProspectsPage) {
			err := c.expectSome(ctx, number, legs, some)
			if err == nil {
				continue
			}
			if errors.Is(err, ErrNoOwner) {
				unserved(legs, running)
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			break // what one owner does not tell is left out
		}
	}
	return c.readReasons(ctx, legs, shards)
}

func unserved(legs []LegView, some []int) {
	for _, i := range some {
		legs[i].Unserved = true
	}
}

// expectSome asks one owner about some legs.
func (c *Client) expectSome(ctx context.Context, number int, legs []LegView, some []int) error {
	list := make([]Summary, len(some))
	at := make([]int, len(some))
	for i, leg := range some {
		list[i].Key, at[i] = legs[leg].Request.Key, i
	}
	if err := c.expect(ctx, number, list, at); err != nil {
		return err
	}
	for i, leg := range some {
		if p := list[i].Prospect; p != nil {
			legs[leg].Waits, legs[leg].Until = p.Waits, p.Until
			if p.Ahead != nil {
				legs[leg].Start = p.Start
			}
		}
	}
	return nil
}

// putOff are the waits whose cause stands in the record.
var putOff = []messages.WaitReason{messages.WaitsParked, messages.WaitsRetry, messages.WaitsSearch, messages.WaitsPerson}

// readReasons reads the records of legs that were put off, up to a bound.
func (c *Client) readReasons(ctx context.Context, legs []LegView, shards int) error {
	together, ctx := errgroup.WithContext(ctx)
	together.SetLimit(atOnce)
	read := 0
	for i := range legs {
		leg := &legs[i]
		if !slices.Contains(putOff, leg.Waits) || read == mostReasons {
			continue
		}
		read++
		together.Go(func() error {
			number := broker.ShardOf(leg.Request.Cloud, shards)
			m, err := c.conn.Last(ctx, broker.TrackStream(number), broker.TrackSubject(number, leg.Request.Key))
			if errors.Is(err, broker.ErrNone) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("read the record of leg %d: %w", leg.Index, err)
			}
			if r, err := ledger.Decode(m.Data); err == nil && !r.Done() {
				leg.PutOff = r.Failure
			}
			return nil
		})
	}
	return together.Wait()
}
