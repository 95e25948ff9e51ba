// Package shard decides which shards this replica works. Each shard is held
// through a lease in the broker that expires when its owner falls silent. The
// replicas announce themselves in the broker too; all of them make the same
// plan of who should work what, each does its part of it, and the conditional
// write of a lease decides where their views differ. What is done with a shard
// is the caller's affair.
package shard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
)

// Causes of the end of an owner's context, besides the end of Run's.
var (
	// ErrLeaseLost: the lease could not be renewed in time or was taken by
	// somebody else.
	ErrLeaseLost = errors.New("the lease of the shard is lost")
	// ErrHandedOver: another replica is to work the shard; it gets the lease as
	// soon as the owner returns.
	ErrHandedOver = errors.New("the shard is handed over to another replica")
)

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
	Shards   int           // of the whole installation
	Lease    time.Duration // how long a shard stays with a silent owner; at least a second
	Instance string        // name of this replica; leases in this name are taken at once when Run starts
	TakeAll  bool          // take every lease at once when Run starts: the broker is this process's own
	// Weight returns how many requests are in flight in a shard that this
	// replica works, false while it does not know. It must not block. nil: all
	// shards weigh the same.
	Weight func(shard int) (int, bool)
	// Changed, if not nil, is told this replica's share whenever it changes. It
	// must not block.
	Changed func(Share)
	Log     *slog.Logger
}

// Share is this replica's part of the shards.
type Share struct {
	Shards  []int // held, in order
	Members int   // replicas that share, with this one
	// Settled is false while a shard is missing that this replica should work,
	// or while a newcomer has not got its part yet.
	Settled bool
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

// Run works this replica's share of the shards: it calls own in a goroutine of
// its own for each shard whose lease it gets. The context that own gets ends
// with ErrLeaseLost or ErrHandedOver as its cause, or with ctx. The lease is
// kept until own returns, then released. A shard that is lost, or whose own
// returned early, is shared out again. When ctx ends, Run waits until every own
// has returned, renewing their leases meanwhile, and returns nil. Other errors
// are those of the options.
func Run(ctx context.Context, o Options, own func(ctx context.Context, l *Lease)) error {
	if err := o.validate(); err != nil {
		return fmt.Errorf("shards: %w", err)
	}
	newReplica(o, own).run(ctx)
	return nil
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
