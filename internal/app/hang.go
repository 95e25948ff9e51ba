package app

import (
	"context"
	"time"
)

// turner is what works a shard; Turn returns nil whenever it is at work, and
// once it has ended.
type turner interface {
	Turn(ctx context.Context) error
}

// keeper is the lease of a shard.
type keeper interface {
	Shard() int
	GiveUp()
}

// watch gives a shard's lease up once its engine has not turned for as long as
// a lease lasts: the lease is kept beside the engine, and would keep everybody
// else away for ever. It ends with ctx. What hangs does not get better: only a
// new process helps this replica, which is not ready until then.
func (w *worker) watch(ctx context.Context, g turner, lease keeper) {
	for ctx.Err() == nil {
		turning, cancel := context.WithTimeout(ctx, w.cfg.Lease)
		err := g.Turn(turning)
		cancel()
		if err != nil && ctx.Err() == nil {
			w.log.Error("the work on a shard hangs; its lease is given up so that another replica goes on, restart this one", "shard", lease.Shard(), "for", w.cfg.Lease.String())
			lease.GiveUp()
			return
		}
		select {
		case <-time.After(w.cfg.Lease / 3):
		case <-ctx.Done():
		}
	}
}
