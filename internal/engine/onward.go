package engine

import (
	"context"

	"github.com/imsworker/imsworker/internal/ledger"
)

// A step whose end has only one thing to follow, which asks nobody and waits
// for nothing but the broker, does that too: to go back to the loop for it
// costs as much as some of the writes. What does not succeed at once is left to
// the loop, which finds in the record what is still to be done, and nothing of
// it is begun once the engine is to stop.

// tellOnward tells that a record is submitted which was submitted just now.
func (g *Engine) tellOnward(ctx context.Context, res result) result {
	ctx = asking(ctx)
	if res.err != nil || res.record == nil || res.record.State != ledger.Submitted || ctx.Err() != nil {
		return res
	}
	if told := g.tell(ctx, task{key: res.record.Key, record: res.record, sequence: res.record.Sequence}); told.err == nil {
		res.effect = also(res.effect, told.effect)
	}
	return res
}

// finishOnward tells the end of a record that ended just now, and buries it.
func (g *Engine) finishOnward(ctx context.Context, res result) result {
	ctx = asking(ctx)
	if res.err != nil || res.record == nil || !res.record.Done() || ctx.Err() != nil {
		return res
	}
	if done := g.finish(ctx, task{key: res.record.Key, record: res.record, sequence: res.record.Sequence}); done.err == nil {
		res.record, res.again = done.record, done.again
	}
	return res
}
