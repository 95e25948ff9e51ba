package client

import (
	"context"
	"fmt"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/config"
)

// Streams is what the broker should have, and how it differs.
type Streams struct {
	Streams []broker.Stream `json:"streams"`
	// Plan is empty if everything fits, and if the broker was not asked.
	Plan  broker.Plan `json:"plan"`
	Asked bool        `json:"-"`
}

// Expected returns the streams that workers with this configuration use.
func Expected(c config.Config) Streams {
	replicas := c.StreamReplicas
	if c.IsInside() {
		replicas = 1
	}
	return Streams{Plan: broker.Plan{}, Streams: broker.Topology(broker.TopologyOptions{
		Shards: c.Shards, Replicas: replicas, EventsMaxAge: c.EventsMaxAge, Notify: c.NotifyURL != "",
	})}
}

// Streams compares the broker's streams with what they should be. Nothing is changed.
func (c *Client) Streams(ctx context.Context, cfg config.Config) (Streams, error) {
	s := Expected(cfg)
	plan, err := c.conn.Plan(ctx, s.Streams)
	if err != nil {
		return Streams{}, fmt.Errorf("compare streams: %w", err)
	}
	s.Plan, s.Asked = append(s.Plan, plan...), true
	return s, nil
}
