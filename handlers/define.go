package handlers

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// plan is an operation as its own file writes it: D is the request's data, C
// the few calls of the cloud that it needs.
type plan[D, C any] struct {
	name   string
	bucket string
	slot   string // see Operation.Slot
	policy Policy

	takes    string // see Operation.Takes
	unmarked bool   // see Operation.Unmarked

	options func(D) messages.Options
	// rules find what the schema cannot say. They see only the fields in which
	// the schema found nothing wrong.
	rules []rule[D]
	// checks are asked of the cloud before the call.
	checks []check[D, C]
	// policyOf is nil where all requests have the operation's policy.
	policyOf func(D) Policy
	begins   string // the bucket of the first of several calls; empty where it is the operation's
	// bucketOf is nil where all creating calls take from the operation's bucket.
	bucketOf func(d D, imageID string) string
	// destination is nil where results appear in the cloud that is asked.
	destination func(D) Destination

	submit func(ctx context.Context, cloud C, data D, call Call) (Submission, error)
	// all may name images in any order; nil where the work makes none.
	all func(ctx context.Context, cloud C, data D, s Search) ([]ims.Image, error)
	// parts are the origins of the images that a request makes, one of each;
	// nil where it makes one image.
	parts func(D) []string
	// find is nil where the first of all, or its parts, is what Find finds.
	find    func(ctx context.Context, cloud C, data D, s Search) (Found, error)
	read    func(data D, job ims.Job) Outcome                                     // nil: the images that it names
	already func(data D, refusal error) (Found, error)                            // nil: it tells nothing
	check   func(ctx context.Context, cloud C, data D, s Search) (Found, error)   // nil: a job or an image is followed
	ended   func(ctx context.Context, cloud C, data D) (bool, error)              // nil: nothing else can tell
	mark    func(ctx context.Context, cloud C, data D, key, imageID string) error // nil: the creating call does
	unmark  func(ctx context.Context, cloud C, imageID string) error              // nil: nothing is marked
}

// define makes a row of the table. It panics if the client lacks a call, which
// is a mistake in this program. The schema is compiled when the first request
// is judged: most commands judge none, and all schemas take longer than they.
func define[D, C any](p plan[D, C]) Operation {
	if _, ok := any((*ims.Client)(nil)).(C); !ok {
		panic(fmt.Sprintf("handlers: *ims.Client lacks a call of %s", p.name))
	}
	schema := sync.OnceValue(func() form { return mustForm(p.name) })
	return Operation{
		Name:     p.name,
		Bucket:   p.bucket,
		Begins:   p.begins,
		Slot:     p.slot,
		Policy:   p.policy,
		Takes:    p.takes,
		Checked:  p.check != nil,
		Marks:    p.mark != nil,
		Unmarked: p.unmarked,
		Makes:    p.all != nil,
		Several:  p.parts != nil,
		Listed:   p.all != nil && p.destination == nil && p.check == nil,
		Abroad:   p.destination != nil,
		Rules:    named(p.rules, p.checks),
		bucketOf: bucketOf(p),
		decode: func(data []byte, profile ims.Profile) (Work, messages.Problems) {
			d, ps := decode(schema(), data, func(d D) messages.Problems { return judge(p.rules, d, profile) })
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

// bucketOf reads the data for a plan's own bucketOf; data that cannot be read
// is for others to complain of.
func bucketOf[D, C any](p plan[D, C]) func(data []byte, imageID string) string {
	if p.bucketOf == nil {
		return nil
	}
	return func(data []byte, imageID string) string {
		var d D
		if json.Unmarshal(data, &d) != nil {
			return p.bucket
		}
		return p.bucketOf(d, imageID)
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

func (w work[D, C]) Destination() (Destination, bool) {
	if w.plan.destination == nil {
		return Destination{}, false
	}
	return w.plan.destination(w.data), true
}

func (w work[D, C]) Submit(ctx context.Context, c *ims.Client, call Call) (Submission, error) {
	return w.plan.submit(ctx, w.cloud(c), w.data, call)
}

func (w work[D, C]) Find(ctx context.Context, c *ims.Client, s Search) (Found, error) {
	if w.plan.find != nil {
		return w.plan.find(ctx, w.cloud(c), w.data, s)
	}
	if w.plan.parts != nil {
		images, err := w.plan.all(ctx, w.cloud(c), w.data, s)
		if err != nil {
			return Found{}, err
		}
		return findParts(images, w.plan.parts(w.data))
	}
	all, err := w.All(ctx, c, s)
	if err != nil {
		return Found{}, err
	}
	return first(all)
}

func (w work[D, C]) All(ctx context.Context, c *ims.Client, s Search) ([]Found, error) {
	if w.plan.all == nil {
		return nil, nil
	}
	images, err := w.plan.all(ctx, w.cloud(c), w.data, s)
	if err != nil {
		return nil, err
	}
	return bestFirst(images), nil
}

func (w work[D, C]) Already(refusal error) (Found, error) {
	if w.plan.already == nil {
		return Found{}, ErrNotFound
	}
	return w.plan.already(w.data, refusal)
}

func (w work[D, C]) Read(job ims.Job) Outcome {
	if w.plan.read == nil {
		return OutcomeOf(job)
	}
	return w.plan.read(w.data, job)
}

func (w work[D, C]) Check(ctx context.Context, c *ims.Client, s Search) (Found, error) {
	return w.plan.check(ctx, w.cloud(c), w.data, s)
}

func (w work[D, C]) Preflight(ctx context.Context, c *ims.Client) error {
	return ask(ctx, w.plan.checks, w.cloud(c), w.data)
}

func (w work[D, C]) Ended(ctx context.Context, c *ims.Client) (bool, error) {
	if w.plan.ended == nil {
		return true, nil
	}
	return w.plan.ended(ctx, w.cloud(c), w.data)
}

func (w work[D, C]) Mark(ctx context.Context, c *ims.Client, key, imageID string) error {
	if w.plan.mark == nil {
		return nil
	}
	return w.plan.mark(ctx, w.cloud(c), w.data, key, imageID)
}

func (w work[D, C]) Unmark(ctx context.Context, c *ims.Client, imageID string) error {
	if w.plan.unmark == nil {
		return nil
	}
	return w.plan.unmark(ctx, w.cloud(c), imageID)
}
