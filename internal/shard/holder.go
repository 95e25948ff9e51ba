package shard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
)

// holder takes one shard's lease, keeps it while the shard is worked and
// gives it up. Whether it should is decided elsewhere.
type holder struct {
	Options
	shard   int
	subject string
	session string
	own     func(context.Context, *Lease)
	lost    *losses
	current atomic.Pointer[Lease] // nil while the shard is not ours
	heir    atomic.Pointer[string]
	weight  atomic.Int64 // requests in flight, as last known
	tokens  atomic.Int64 // writes so far

	// What the goroutine that decides notes.
	busy      bool      // taking or holding
	giving    bool      // its end was asked for
	failing   bool      // it could not be tried, and that was said
	notBefore time.Time // not to be tried before
	inherited string    // a session whose lease may be taken over, once
	end       context.CancelCauseFunc
}

func newHolder(o Options, shard int, session string, own func(context.Context, *Lease), lost *losses) *holder {
	return &holder{Options: o, shard: shard, subject: broker.LeaseSubject(shard), session: session, own: own, lost: lost}
}

// run takes the lease if it may be taken, then works the shard until ctx ends
// or the lease is lost. False: it was not taken.
func (h *holder) run(ctx context.Context) (bool, error) {
	lease, err := h.try(ctx)
	if lease == nil {
		return false, err
	}
	h.hold(ctx, lease)
	return true, nil
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
	sequence, err = h.put(ctx, sequence)
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
	c, held := readClaim(stored)
	return stored.Sequence, !held || c.Session == h.session || h.inherited != "" && c.Session == h.inherited, nil
}

func (h *holder) put(ctx context.Context, expected uint64) (uint64, error) {
	if h.Weight != nil {
		if n, known := h.Weight(h.shard); known {
			h.weight.Store(int64(n))
		}
	}
	data, err := json.Marshal(claim{Instance: h.Instance, Session: h.session, Weight: int(h.weight.Load())})
	if err != nil {
		return 0, fmt.Errorf("encode lease: %w", err)
	}
	return h.Conn.Put(ctx, broker.StreamState, broker.Message{
		Subject: h.subject, Data: data, TTL: h.Lease, Token: h.token(),
		Expect: &broker.Expect{Sequence: expected},
	})
}

func (h *holder) token() string { return fmt.Sprintf("%s-%d", h.session, h.tokens.Add(1)) }

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
			h.lost.note(h.shard, err)
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
	sequence, err := h.put(try, lease.last())
	switch {
	case err == nil:
		lease.extend(asked, sequence)
		return nil
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, broker.ErrConflict):
		return fmt.Errorf("%w: %w", ErrLeaseLost, err)
	case lease.Valid():
		h.Log.WarnContext(ctx, "lease not renewed", "shard", h.shard, "error", err)
		return nil
	case errors.Is(err, ErrLeaseLost): // why the try ended
		return err
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
		h.Log.WarnContext(ctx, "lease not released; others get the shard when it expires", "shard", h.shard, "error", err)
		return
	}
	h.Log.DebugContext(ctx, "shard released", "shard", h.shard)
}

func (h *holder) releaseMoved(ctx context.Context) error {
	stored, err := h.Conn.Last(ctx, broker.StreamState, h.subject)
	if err != nil {
		return err
	}
	if c, held := readClaim(stored); !held || c.Session != h.session {
		return nil
	}
	return h.putReleased(ctx, stored.Sequence)
}

func (h *holder) putReleased(ctx context.Context, expected uint64) error {
	header := nats.Header{}
	if heir := h.heir.Load(); heir != nil && *heir != "" {
		header.Set(broker.HeirHeader, *heir)
	}
	_, err := h.Conn.Put(ctx, broker.StreamState, broker.Message{
		Subject: h.subject, Header: header, TTL: time.Second, Token: h.token(), Expect: &broker.Expect{Sequence: expected},
	})
	return err
}

// seen is told every write to the lease, in order.
func (h *holder) seen(s broker.Stored) {
	lease := h.current.Load()
	if lease == nil {
		return
	}
	if c, held := readClaim(s); held && c.Session == h.session {
		lease.mine(s.Time)
		return
	}
	lease.foreign(s.Sequence)
}
