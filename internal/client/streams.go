package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/config"
)

// Streams is what the broker should have, and how it differs.
type Streams struct {
	Streams []broker.Stream `json:"streams"`
	// Plan is empty if everything fits, and if the broker was not asked.
	Plan broker.Plan `json:"plan"`
	// Done is what ApplyStreams has made and updated.
	Done  broker.Plan `json:"done,omitempty"`
	Asked bool        `json:"-"`
}

// Others are who reads events, as far as the environment of a worker does not
// say so.
type Others struct {
	Notifier bool     // a notifier, also where NOTIFY_URL is not set
	Readers  []string // see broker.TopologyOptions
}

// Expected returns the streams that workers with this configuration use.
func Expected(c config.Config, o Others) Streams {
	replicas := c.StreamReplicas
	if c.IsInside() {
		replicas = 1
	}
	return Streams{Plan: broker.Plan{}, Streams: broker.Topology(broker.TopologyOptions{
		Shards: c.Shards, Replicas: replicas, EventsMaxAge: c.EventsMaxAge, Notify: o.Notifier || c.NotifyURL != "", Readers: o.Readers,
	})}
}

// Streams compares the broker's streams with what they should be. Nothing is changed.
func (c *Client) Streams(ctx context.Context, cfg config.Config, o Others) (Streams, error) {
	s := Expected(cfg, o)
	plan, err := c.conn.Plan(ctx, s.Streams)
	if err != nil {
		return Streams{}, fmt.Errorf("compare streams: %w", err)
	}
	s.Plan, s.Asked = append(s.Plan, plan...), true
	return s, nil
}

// ApplyStreams makes what is missing and updates what differs, then compares again. Where something cannot be mended, Plan
// says what, and what a person can do: found before anything is changed, unless only the broker knew.
func (c *Client) ApplyStreams(ctx context.Context, cfg config.Config, o Others) (Streams, error) {
	done, err := c.conn.Apply(ctx, Expected(cfg, o).Streams)
	if stuck, ok := errors.AsType[*broker.PlanError](err); ok {
		s := Expected(cfg, o)
		s.Plan, s.Asked = stuck.Plan, true
		return s, nil
	}
	if err != nil {
		return Streams{}, fmt.Errorf("apply streams: %w", err)
	}
	s, err := c.Streams(ctx, cfg, o)
	s.Done = done
	return s, err
}
