package broker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const codeNameInUse = 10058 // a stream of that name, configured otherwise

// Apply makes what is missing and updates what differs. If nothing does, no
// right to create or update is needed. A difference that cannot be mended is a
// *PlanError, found before anything is changed unless only the broker knew.
func (c *Conn) Apply(ctx context.Context, want []Stream) (Plan, error) {
	plan, refusal, err := c.plan(ctx, want)
	if err != nil {
		return nil, err
	}
	if !plan.Applicable() {
		return plan, &PlanError{Plan: plan, Err: refusal}
	}
	for _, w := range want {
		if err := c.applyStream(ctx, plan, w); err != nil {
			return plan, err
		}
	}
	return plan, nil
}

func (c *Conn) applyStream(ctx context.Context, plan Plan, w Stream) error {
	if err := c.shapeStream(ctx, plan, w); err != nil {
		return err
	}
	for _, consumer := range w.Consumers {
		mine := plan.of(w.Config.Name, consumer.Name)
		if len(mine) == 0 {
			continue
		}
		if err := c.putConsumer(ctx, w.Config.Name, consumer); err != nil {
			return blame(mine, err)
		}
	}
	return nil
}

func (c *Conn) shapeStream(ctx context.Context, plan Plan, w Stream) error {
	mine := plan.of(w.Config.Name, "")
	if len(mine) == 0 {
		return nil
	}
	if mine[0].Action == ActionCreate {
		return blame(mine, c.createStream(ctx, w))
	}
	return blame(mine, c.updateStream(ctx, w))
}

func (p Plan) of(stream, consumer string) Plan {
	var mine Plan
	for _, c := range p {
		if c.Stream == stream && c.Consumer == consumer {
			mine = append(mine, c)
		}
	}
	return mine
}

// blame turns the broker's refusal into the part of the plan that it refused.
func blame(mine Plan, err error) error {
	if err == nil {
		return nil
	}
	refused := make(Plan, 0, len(mine))
	for _, c := range mine {
		refused = append(refused, c.manual(remedyFor(err)))
	}
	return &PlanError{Plan: refused, Err: err}
}

// manual is the same change for a person to make.
func (c Change) manual(remedy string) Change {
	if c.Action == ActionCreate {
		c.Is = "missing"
	}
	c.Action, c.Remedy = ActionManual, remedy
	return c
}

func remedyFor(err error) string {
	api, known := apiError(err)
	if known && api.ErrorCode == codeNoPeers {
		return "start the servers that are missing: as many have to be up as there shall be copies (STREAM_REPLICAS)"
	}
	if errors.Is(err, ErrDenied) || transient(err) {
		return "let an administrator do it (imsworker streams --apply), or give this user the right"
	}
	if known && api.ErrorCode == codeSubjectsOverlap {
		return "another stream takes some of its subjects: give that one others, or delete it"
	}
	if api, _ := apiError(err); full(api) {
		return "make room: the requests alone reserve " + fmt.Sprint(RequestsMaxBytes>>20) + " MiB"
	}
	return "change it by hand, or delete it when it is empty"
}

func (c *Conn) createStream(ctx context.Context, w Stream) error {
	w.Config.Replicas = c.replicas(w.Config.Replicas)
	err := c.change(ctx, "STREAM.CREATE."+w.Config.Name, w.Config)
	if api, ok := apiError(err); ok && api.ErrorCode == codeNameInUse {
		return c.updateStream(ctx, w) // another replica was quicker
	}
	return err
}

// updateStream keeps what is the administrator's affair (placement, metadata,
// compression) as it is.
func (c *Conn) updateStream(ctx context.Context, w Stream) error {
	info, err := c.streamInfo(ctx, w.Config.Name)
	if err != nil {
		return err
	}
	if len(compareStream(info.Config, w.Config)) == 0 {
		return nil
	}
	return c.change(ctx, "STREAM.UPDATE."+w.Config.Name, onto(info.Config, w.Config))
}

func (c *Conn) putConsumer(ctx context.Context, stream string, want jetstream.ConsumerConfig) error {
	return c.change(ctx, consumerVerb(stream, want), struct {
		Stream string                   `json:"stream_name"`
		Config jetstream.ConsumerConfig `json:"config"`
	}{stream, want})
}

func consumerVerb(stream string, want jetstream.ConsumerConfig) string {
	verb := "CONSUMER.CREATE." + stream + "." + want.Name
	if want.FilterSubject != "" { // several stand in the body only
		verb += "." + want.FilterSubject
	}
	return verb
}

// changeTimeout bounds one change. A broker that stays silent for so long counts
// as a refusal: nobody hears the subject, which permissions may be the cause of.
const changeTimeout = 15 * time.Second

// refused says whether that is what err means, and not the end of ctx.
func refused(ctx context.Context, err error) bool {
	return errors.Is(err, ErrDenied) || err != nil && transient(err) && ctx.Err() == nil
}

// change asks for something that alters the broker.
func (c *Conn) change(ctx context.Context, verb string, question any) error {
	ctx, cancel := context.WithTimeout(ctx, changeTimeout)
	defer cancel()
	var answer struct{}
	return c.ask(ctx, verb, question, &answer)
}

// replicas is what an operator gets who asked for no number.
func (c *Conn) replicas(wanted int) int {
	if wanted > 0 {
		return wanted
	}
	if c.nc.ConnectedClusterName() != "" && len(c.nc.Servers()) >= 3 {
		return 3
	}
	return 1
}
