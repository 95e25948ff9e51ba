package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
)

// ErrTopology says that streams or consumers differ from what they should be in
// a way that Apply cannot mend.
var ErrTopology = errors.New("streams do not fit")

// What a Change asks for.
const (
	ActionCreate = "create" // the stream or consumer is missing
	ActionUpdate = "update" // Apply can do it
	ActionManual = "manual" // only a person can, or another user; it stops the start
)

// Change is one difference between what is and what should be.
type Change struct {
	Stream   string `json:"stream"`
	Consumer string `json:"consumer,omitempty"`
	Action   string `json:"action"`
	Field    string `json:"field,omitempty"`
	Is       string `json:"is,omitempty"`
	Should   string `json:"should,omitempty"`
	Remedy   string `json:"remedy,omitempty"` // what a person can do
}

// Plan is everything that Apply would do or that stops it. Empty means that
// all streams fit.
type Plan []Change

// Applicable says whether Apply can do all of it.
func (p Plan) Applicable() bool {
	for _, c := range p {
		if c.Action == ActionManual {
			return false
		}
	}
	return true
}

// String is the plan as a table for people: one line a difference.
func (p Plan) String() string {
	if len(p) == 0 {
		return "all streams are as they should be\n"
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "STREAM\tCONSUMER\tACTION\tFIELD\tIS\tSHOULD BE\tWHAT TO DO")
	for _, c := range p {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Stream, c.Consumer, c.Action, c.Field, c.Is, c.Should, c.Remedy)
	}
	_ = w.Flush()
	return b.String()
}

// PlanError is a plan that cannot be applied; errors.Is(err, ErrTopology).
type PlanError struct {
	Plan Plan
	Err  error // what the broker said, nil when nothing was tried
}

// Error holds the whole plan, so that a log line or a terminal shows it.
func (e *PlanError) Error() string {
	text := ErrTopology.Error() + ":\n" + e.Plan.String()
	if e.Err != nil {
		text = ErrTopology.Error() + " (" + e.Err.Error() + "):\n" + e.Plan.String()
	}
	return strings.TrimSuffix(text, "\n")
}

// Unwrap gives ErrTopology and what the broker said.
func (e *PlanError) Unwrap() []error {
	if e.Err == nil {
		return []error{ErrTopology}
	}
	return []error{ErrTopology, e.Err}
}

// Plan compares the broker's streams with want, field by field, looks whether
// other streams are in the way and whether this user may do what is missing, and
// changes nothing. It needs the right to look at streams and consumers.
func (c *Conn) Plan(ctx context.Context, want []Stream) (Plan, error) {
	plan, _, err := c.plan(ctx, want)
	return plan, err
}

// plan also returns the first refusal for lack of rights.
func (c *Conn) plan(ctx context.Context, want []Stream) (plan Plan, refusal, err error) {
	if plan, err = c.compare(ctx, want); err != nil {
		return nil, nil, err
	}
	if err := c.overlaps(ctx, plan, want); err != nil {
		return nil, nil, err
	}
	if refusal, err = c.rights(ctx, plan, want); err != nil {
		return nil, nil, err
	}
	return plan, refusal, nil
}

func (c *Conn) compare(ctx context.Context, want []Stream) (Plan, error) {
	var plan Plan
	for _, w := range want {
		info, found, err := c.lookStream(ctx, w.Config.Name)
		if err != nil {
			return nil, err
		}
		if !found {
			plan = append(plan, missingStream(w)...)
			continue
		}
		plan = append(plan, compareStream(info.Config, w.Config)...)
		consumers, err := c.planConsumers(ctx, w)
		if err != nil {
			return nil, err
		}
		plan = append(plan, consumers...)
	}
	return plan, nil
}

func missingStream(w Stream) Plan {
	plan := Plan{{Stream: w.Config.Name, Action: ActionCreate}}
	for _, consumer := range w.Consumers {
		plan = append(plan, Change{Stream: w.Config.Name, Consumer: consumer.Name, Action: ActionCreate})
	}
	return plan
}

func (c *Conn) planConsumers(ctx context.Context, w Stream) (Plan, error) {
	var plan Plan
	for _, want := range w.Consumers {
		is, found, err := c.lookConsumer(ctx, w.Config.Name, want.Name)
		if err != nil {
			return nil, err
		}
		if !found {
			plan = append(plan, Change{Stream: w.Config.Name, Consumer: want.Name, Action: ActionCreate})
			continue
		}
		plan = append(plan, compareConsumer(w.Config.Name, is, want)...)
	}
	return plan, nil
}
