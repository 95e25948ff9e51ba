package shard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
)

// claim is what a lease says in the broker. An empty message is a released
// lease, and so is a delete marker, which the broker leaves when one expires.
type claim struct {
	Instance string `json:"instance"`
	Session  string `json:"session"` // tells two processes of one name apart
}

// holder tries to get one shard and to keep it.
type holder struct {
	Options
	shard   int
	subject string
	claim   claim
	own     func(context.Context, *Lease)
	wake    chan struct{}         // the lease may have become free
	current atomic.Pointer[Lease] // nil while the shard is not ours
	tokens  int                   // writes so far; used by one goroutine at a time
	had     bool                  // the shard was ours before
}

func newHolder(o Options, shard int, session string, own func(context.Context, *Lease)) *holder {
	return &holder{
		Options: o, shard: shard, subject: broker.LeaseSubject(shard), own: own,
		claim: claim{Instance: o.Instance, Session: session}, wake: make(chan struct{}, 1),
	}
}

func (h *holder) run(ctx context.Context) {
	for {
		lease, err := h.acquire(ctx)
		if err != nil {
			return
		}
		h.had = true
		h.hold(ctx, lease)
		if ctx.Err() == nil {
			_ = wait(ctx, h.interval(), nil) // let others have it first
		}
	}
}

// acquire waits until the lease is ours. It returns only the end of ctx as an
// error: whatever else goes wrong is tried again.
func (h *holder) acquire(ctx context.Context) (*Lease, error) {
	for ctx.Err() == nil {
		lease, err := h.try(ctx)
		if lease != nil {
			return lease, nil
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, broker.ErrConflict) {
			h.Log.WarnContext(ctx, "lease not taken", "shard", h.shard, "err", err)
		}
		pause := h.Lease / 3
		if errors.Is(err, broker.ErrConflict) {
			pause = 10 * time.Millisecond // somebody was quicker: look who
		}
		_ = wait(ctx, pause, h.wake)
	}
	return nil, context.Cause(ctx)
}

// try takes the lease if it may be taken, else it returns nil.
func (h *holder) try(ctx context.Context) (*Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, h.Lease)
	defer cancel()
	sequence, free, err := h.look(ctx)
	if err != nil || !free {
		return nil, err
	}
	asked := time.Now()
	sequence, err = h.put(ctx, h.claim, sequence)
	if err != nil {
		return nil, err
	}
	lease := newLease(h.shard, h.Lease, asked, sequence, time.Time{})
	h.current.Store(lease)
	if stored, err := h.Conn.Last(ctx, broker.StreamState, h.subject); err == nil && stored.Sequence == sequence {
		lease.mine(stored.Time)
	}
	return lease, nil
}

// look reads the lease from the leader: the sequence that a write must expect,
// and whether it may be taken.
func (h *holder) look(ctx context.Context) (sequence uint64, free bool, err error) {
	stored, err := h.Conn.Last(ctx, broker.StreamState, h.subject)
	if errors.Is(err, broker.ErrNone) {
		return 0, true, nil
	}
	if err != nil {
		return 0, false, err
	}
	return stored.Sequence, h.free(stored), nil
}

// free says whether a lease may be taken at once: it is released or expired,
// or our own. One that carries our name but was written by another process is
// ours only at the start: later it means that two run under one name, and
// taking it back would go on for ever.
func (h *holder) free(s broker.Stored) bool {
	c, held := read(s)
	return !held || c.Session == h.claim.Session || !h.had && (h.TakeAll || c.Instance == h.Instance)
}

func read(s broker.Stored) (c claim, held bool) {
	if len(s.Data) == 0 {
		return c, false
	}
	_ = json.Unmarshal(s.Data, &c) // what cannot be read is held by nobody known
	return c, true
}

func (h *holder) put(ctx context.Context, c claim, expected uint64) (uint64, error) {
	data, err := json.Marshal(c)
	if err != nil {
		return 0, fmt.Errorf("encode lease: %w", err)
	}
	return h.Conn.Put(ctx, broker.StreamState, broker.Message{
		Subject: h.subject, Data: data, TTL: h.Lease, Token: h.token(),
		Expect: &broker.Expect{Sequence: expected},
	})
}

func (h *holder) token() string {
	h.tokens++
	return fmt.Sprintf("%s-%d", h.claim.Session, h.tokens)
}

// hold runs own until it returns, with the lease kept meanwhile, and releases
// the lease unless it was lost.
func (h *holder) hold(ctx context.Context, lease *Lease) {
	h.Log.DebugContext(ctx, "shard taken", "shard", h.shard)
	work, cancel := context.WithCancelCause(ctx)
	keeping, stop := context.WithCancel(context.WithoutCancel(ctx))
	var keeper sync.WaitGroup
	keeper.Go(func() {
		if err := h.keep(keeping, lease); err != nil {
			lease.end()
			cancel(err)
			h.Log.WarnContext(ctx, "shard lost", "shard", h.shard, "err", err)
		}
	})
	h.own(work, lease)
	cancel(errDone)
	stop()
	keeper.Wait()
	h.current.Store(nil)
	if lease.Valid() {
		lease.end()
		h.release(context.WithoutCancel(ctx), lease)
	}
}

// keep renews the lease until ctx ends (nil) or the lease is lost.
func (h *holder) keep(ctx context.Context, lease *Lease) error {
	for {
		if err := wait(ctx, h.interval(), lease.lost); err != nil {
			return nil //nolint:nilerr // the end is no loss
		}
		if !lease.Valid() {
			return ErrLeaseLost
		}
		if err := h.renew(ctx, lease); err != nil {
			return err
		}
	}
}

// renew tries for as long as the lease is good; only then is it lost.
func (h *holder) renew(ctx context.Context, lease *Lease) error {
	try, cancel := context.WithTimeoutCause(ctx, lease.left(), ErrLeaseLost)
	defer cancel()
	asked := time.Now()
	sequence, err := h.put(try, h.claim, lease.last())
	switch {
	case err == nil:
		lease.extend(asked, sequence)
		return nil
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, broker.ErrConflict):
		return fmt.Errorf("%w: %w", ErrLeaseLost, err)
	case lease.Valid():
		h.Log.WarnContext(ctx, "lease not renewed", "shard", h.shard, "err", err)
		return nil
	}
	return fmt.Errorf("%w: %w", ErrLeaseLost, err)
}

// release lets others take the shard at once. The empty lease wakes them, which
// deleting the lease would not. A renewal that was under way when the owner
// returned may have moved the lease on: then it is looked for.
func (h *holder) release(ctx context.Context, lease *Lease) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	err := h.putReleased(ctx, lease.last())
	if errors.Is(err, broker.ErrConflict) {
		err = h.releaseMoved(ctx)
	}
	if err != nil {
		h.Log.WarnContext(ctx, "lease not released; others get the shard when it expires", "shard", h.shard, "err", err)
		return
	}
	h.Log.DebugContext(ctx, "shard released", "shard", h.shard)
}

func (h *holder) releaseMoved(ctx context.Context) error {
	stored, err := h.Conn.Last(ctx, broker.StreamState, h.subject)
	if err != nil {
		return err
	}
	if c, held := read(stored); !held || c.Session != h.claim.Session {
		return nil
	}
	return h.putReleased(ctx, stored.Sequence)
}

func (h *holder) putReleased(ctx context.Context, expected uint64) error {
	_, err := h.Conn.Put(ctx, broker.StreamState, broker.Message{
		Subject: h.subject, TTL: time.Second, Token: h.token(), Expect: &broker.Expect{Sequence: expected},
	})
	return err
}

// seen is told every write to the lease, in order.
func (h *holder) seen(s broker.Stored) {
	c, held := read(s)
	lease := h.current.Load()
	switch {
	case held && c.Session == h.claim.Session:
		if lease != nil {
			lease.mine(s.Time)
		}
	case lease != nil:
		lease.foreign(s.Sequence)
	case !held:
		select {
		case h.wake <- struct{}{}:
		default:
		}
	}
}
