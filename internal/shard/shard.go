// Package shard decides which shards this replica may work: each is held
// through a lease in the broker that expires when its owner falls silent. What
// is done with a shard is the caller's affair.
package shard

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
)

// ErrLeaseLost is the cause of an owner's context that ends because the lease
// could not be renewed in time or was taken by somebody else.
var ErrLeaseLost = errors.New("the lease of the shard is lost")

// errDone ends what was begun beside an owner that has returned.
var errDone = errors.New("the owner has returned")

// Store is what leases need of the broker.
type Store interface {
	Put(ctx context.Context, stream string, m broker.Message) (uint64, error)
	Last(ctx context.Context, stream, subject string) (broker.Stored, error)
	Tail(ctx context.Context, stream, filter string, each func(broker.Stored), caughtUp func()) error
}

// Options say which leases are wanted and by whom.
type Options struct {
	Conn     Store         // a connection of its own, so that no load delays a renewal
	Shards   int           // all of them are wanted
	Lease    time.Duration // how long a shard stays with a silent owner; at least a second
	Instance string        // name of this replica; leases in this name are taken at once when Run starts
	TakeAll  bool          // take every lease at once when Run starts: the broker is this process's own
	Log      *slog.Logger
}

func (o Options) validate() error {
	var problems []error
	if o.Shards < 1 {
		problems = append(problems, fmt.Errorf("%d shards: at least one is needed", o.Shards))
	}
	if o.Lease < time.Second {
		problems = append(problems, fmt.Errorf("lease of %s: the broker counts whole seconds, at least one is needed", o.Lease))
	}
	if o.Instance == "" {
		problems = append(problems, errors.New("the instance has no name"))
	}
	return errors.Join(problems...)
}

// interval is the time between two renewals.
func (o Options) interval() time.Duration { return min(2*time.Second, o.Lease/3) }

// Run takes every shard that is free, its owner's lease expired or released,
// and calls own for it in a goroutine of its own. The context that own gets ends with
// ErrLeaseLost as its cause when the lease is lost, or with ctx. A lost shard is
// taken again as soon as that is possible, and so is one whose own returned
// early. When ctx ends, Run waits until every own has returned, renewing their
// leases meanwhile, releases them and returns nil. Other errors are those of
// the options.
func Run(ctx context.Context, o Options, own func(ctx context.Context, l *Lease)) error {
	if err := o.validate(); err != nil {
		return fmt.Errorf("shards: %w", err)
	}
	session := rand.Text()
	holders := make([]*holder, o.Shards)
	for shard := range holders {
		holders[shard] = newHolder(o, shard, session, own)
	}
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	var watcher, running sync.WaitGroup
	watcher.Go(func() { watch(watching, o, holders) })
	for _, h := range holders {
		running.Go(func() { h.run(ctx) })
	}
	running.Wait()
	stop()
	watcher.Wait()
	return nil
}

// watch tells the holders what happens to their leases. Without it they would
// find out too, only later.
func watch(ctx context.Context, o Options, holders []*holder) {
	bySubject := make(map[string]*holder, len(holders))
	for _, h := range holders {
		bySubject[h.subject] = h
	}
	for ctx.Err() == nil {
		err := o.Conn.Tail(ctx, broker.StreamState, broker.LeaseFilter, func(s broker.Stored) {
			if h, found := bySubject[s.Subject]; found {
				h.seen(s)
			}
		}, func() {})
		if ctx.Err() == nil {
			o.Log.WarnContext(ctx, "leases cannot be watched; trying again", "err", err)
			_ = wait(ctx, time.Second, nil)
		}
	}
}

// wait ends after d, with a wake-up, or with ctx, whose cause it returns.
func wait(ctx context.Context, d time.Duration, wake <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-wake:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}
