package handlers

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// plan is an operation as its own file writes it: D is the request's data, C
// the few calls of the cloud that it needs.
type plan[D, C any] struct {
	name   string
	bucket string
	policy Policy

	options func(D) messages.Options
	// rules finds what the schema cannot say. It sees only the fields in which
	// the schema found nothing wrong.
	rules func(D, ims.Profile) messages.Problems
	// policyOf is nil where all requests have the operation's policy.
	policyOf func(D) Policy

	submit func(ctx context.Context, cloud C, data D, key string) (Submission, error)
	// all may name images in any order.
	all       func(ctx context.Context, cloud C, data D, s Search) ([]ims.Image, error)
	preflight func(ctx context.Context, cloud C, data D) error         // nil: nothing to ask
	ended     func(ctx context.Context, cloud C, data D) (bool, error) // nil: nothing else can tell
	unmark    func(ctx context.Context, cloud C, imageID string) error
}

// define makes a row of the table. It panics if the client lacks a call or
// the schema is missing: both are mistakes in this program.
func define[D, C any](p plan[D, C]) Operation {
	if _, ok := any((*ims.Client)(nil)).(C); !ok {
		panic(fmt.Sprintf("handlers: *ims.Client lacks a call of %s", p.name))
	}
	form := mustForm(p.name)
	return Operation{
		Name:   p.name,
		Bucket: p.bucket,
		Policy: p.policy,
		decode: func(data []byte, profile ims.Profile) (Work, messages.Problems) {
			d, ps := decode(form, data, func(d D) messages.Problems { return p.rules(d, profile) })
			if len(ps) > 0 {
				return nil, ps.Limited()
			}
			return work[D, C]{plan: p, data: d}, nil
		},
		reopen: func(data []byte) (Work, error) {
			var d D
			if err := json.Unmarshal(data, &d); err != nil {
				return nil, fmt.Errorf("read data of %s: %w", p.name, err)
			}
			return work[D, C]{plan: p, data: d}, nil
		},
	}
}

// work is one request of an operation.
type work[D, C any] struct {
	plan plan[D, C]
	data D
}

// cloud narrows the client to the calls of the operation; define has checked
// that it has them.
func (w work[D, C]) cloud(c *ims.Client) C { return any(c).(C) }

func (w work[D, C]) Options() messages.Options { return w.plan.options(w.data) }

func (w work[D, C]) Policy() Policy {
	if w.plan.policyOf == nil {
		return w.plan.policy
	}
	return w.plan.policyOf(w.data)
}

func (w work[D, C]) Submit(ctx context.Context, c *ims.Client, key string) (Submission, error) {
	return w.plan.submit(ctx, w.cloud(c), w.data, key)
}

func (w work[D, C]) Find(ctx context.Context, c *ims.Client, s Search) (Found, error) {
	all, err := w.All(ctx, c, s)
	if err != nil {
		return Found{}, err
	}
	return first(all)
}

func (w work[D, C]) All(ctx context.Context, c *ims.Client, s Search) ([]Found, error) {
	images, err := w.plan.all(ctx, w.cloud(c), w.data, s)
	if err != nil {
		return nil, err
	}
	return bestFirst(images), nil
}

func (w work[D, C]) Preflight(ctx context.Context, c *ims.Client) error {
	if w.plan.preflight == nil {
		return nil
	}
	return w.plan.preflight(ctx, w.cloud(c), w.data)
}

func (w work[D, C]) Ended(ctx context.Context, c *ims.Client) (bool, error) {
	if w.plan.ended == nil {
		return true, nil
	}
	return w.plan.ended(ctx, w.cloud(c), w.data)
}

func (w work[D, C]) Unmark(ctx context.Context, c *ims.Client, imageID string) error {
	return w.plan.unmark(ctx, w.cloud(c), imageID)
}
