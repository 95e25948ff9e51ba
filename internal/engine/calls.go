package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
)

// calls makes those of one step wait for their turn, each in its own bucket.
// The first may be paid for already: a question starts with a token. A call
// that creates something does not pass here, its slot is taken before.
type calls struct {
	engine  *Engine
	account *account
	paid    string // bucket of a call that need not wait
}

// paced has every call of the step wait for its turn.
func (g *Engine) paced(ctx context.Context, t task) context.Context {
	if t.step.pool() == ledgerPool {
		return ctx
	}
	return ims.Paced(ctx, &calls{engine: g, account: t.entry.account, paid: t.bucket})
}

// errOver says that the engine does not run any more.
var errOver = errors.New("the shard is given up")

// Pace returns a context under which calls to a cloud of the shard that belong
// to no record wait for their turn in its budgets. It blocks for a moment, and
// fails when ctx or the engine ends; a cloud must be configured.
func (g *Engine) Pace(ctx context.Context, cloud string) (context.Context, error) {
	if _, known := g.Clouds.Account(cloud); !known { // an account of any name would stay for ever
		return nil, fmt.Errorf("cloud %q is not configured", cloud)
	}
	var a *account
	if err := g.inLoop(ctx, func() { a = g.account(cloud) }); err != nil {
		return nil, err
	}
	return ims.Paced(ctx, &calls{engine: g, account: a}), nil
}

// errNoRoom says that a call's turn would come after the time for it, errUnsure
// that the shard may be another's by then: the step is repeated later, if it is
// still ours, and nobody needs to hear of it.
var (
	errNoRoom = errors.New("the budget has no room in time")
	errUnsure = errors.New("the lease of the shard has run out")
)

// putOff reports whether a step got no answer since it did not ask.
func putOff(err error) bool { return errors.Is(err, errNoRoom) || errors.Is(err, errUnsure) }

// creating makes those calls wait that a creating call needs before it: for a
// token. Its own slot is taken.
type creating struct{ *calls }

// Wait implements ims.Pacer.
func (c creating) Wait(ctx context.Context, cloud, bucket string) error {
	if bucket != ims.IdentityBucket {
		return nil
	}
	return c.calls.Wait(ctx, cloud, bucket)
}

// Wait implements ims.Pacer. The loop gives tokens in the order in which it is
// asked, so nobody has to be woken. A process that was paused wakes with tokens
// of an owner who may not be one any more: only the lease tells.
func (c *calls) Wait(ctx context.Context, cloud, bucket string) error {
	if err := c.token(ctx, cloud, bucket); err != nil {
		return fmt.Errorf("wait for the budget %s: %w", bucket, err)
	}
	if !c.engine.Lease.Valid() {
		return fmt.Errorf("wait for the budget %s: %w", bucket, errUnsure)
	}
	return nil
}

// token waits for a token, unless the call is paid for.
func (c *calls) token(ctx context.Context, cloud, bucket string) error {
	if bucket != ims.IdentityBucket && bucket == c.paid && cloud == c.account.name {
		c.paid = ""
		return nil
	}
	for {
		at, taken, err := c.reserve(ctx, cloud, bucket)
		if err != nil {
			return err
		}
		waited := time.Until(at) > 0
		if err := sleepUntil(ctx, at); err != nil {
			return err
		}
		if taken && waited {
			taken, err = c.holds(ctx, cloud, bucket, at)
		}
		if taken || err != nil {
			return err
		}
	}
}

// reserve asks the loop for a token: when it is there, or when to ask again.
// It fails at once where ctx ends before.
func (c *calls) reserve(ctx context.Context, cloud, bucket string) (at time.Time, taken bool, err error) {
	now := time.Now()
	latest, limited := ctx.Deadline()
	if !limited {
		latest = now.Add(seekTimeout)
	}
	err = c.engine.inLoop(ctx, func() {
		p := c.engine.bucketAt(c.account, cloud, bucket)
		if conf := c.account.conf; conf != nil && conf.single(bucket) { // not ahead: a creating call may come between
			at, taken = p.Next(now), p.Take(now)
			return
		}
		at, taken = p.Reserve(now, latest)
	})
	if err == nil && !taken && at.After(latest) {
		err = errNoRoom
	}
	return at, taken, err
}

// holds reports whether a token that was waited for may be used still. If the
// cloud has throttled the bucket meanwhile it is given back; if its moment is
// long over, as after a pause of the process, it is lost: all that wait would
// use theirs at once.
func (c *calls) holds(ctx context.Context, cloud, bucket string, at time.Time) (good bool, err error) {
	err = c.engine.inLoop(ctx, func() {
		p, now := c.engine.bucketAt(c.account, cloud, bucket), time.Now()
		closed := p.Closed(now)
		if good = !closed && !p.Lapsed(at, now); closed {
			p.Return()
		}
	})
	return good, err
}

func sleepUntil(ctx context.Context, at time.Time) error {
	wait := time.Until(at)
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
