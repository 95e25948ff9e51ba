package shard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
)

// announcer tells the others that this replica is there, for as long as it is.
// Of two processes under one name the later one goes on; the earlier one
// notices, says so and stands back.
type announcer struct {
	Options
	session   string
	subject   string
	load      atomic.Pointer[member]
	displaced atomic.Bool
	sequence  uint64
	begun     bool // announced at least once
	tokens    int
	said      time.Time // when it was last said that the name is taken
}

func newAnnouncer(o Options, session string) *announcer {
	return &announcer{Options: o, session: session, subject: broker.MemberSubject(o.Instance)}
}

// run announces until ctx ends, then says goodbye.
func (a *announcer) run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := a.announce(ctx); err != nil && ctx.Err() == nil {
			a.Log.WarnContext(ctx, "this replica cannot be announced", "error", err)
		}
		_ = wait(ctx, a.interval(), nil)
	}
	if a.begun && !a.displaced.Load() {
		a.leave(context.WithoutCancel(ctx))
	}
}

// announce writes what this replica says about itself, unless somebody else
// has begun to speak under its name.
func (a *announcer) announce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.Lease)
	defer cancel()
	if !a.begun || a.displaced.Load() {
		if err := a.look(ctx); err != nil || a.displaced.Load() {
			return err
		}
	}
	err := a.put(ctx)
	if !errors.Is(err, broker.ErrConflict) {
		return err
	}
	if err := a.look(ctx); err != nil || a.displaced.Load() {
		return err
	}
	return a.put(ctx)
}

// look reads what stands under the name. What stood there before the first
// announcement is a predecessor's.
func (a *announcer) look(ctx context.Context) error {
	stored, err := a.Conn.Last(ctx, broker.StreamState, a.subject)
	if err != nil && !errors.Is(err, broker.ErrNone) {
		return err
	}
	a.sequence = stored.Sequence
	m, there := readMember(stored)
	foreign := a.begun && there && m.Session != a.session
	if foreign && time.Since(a.said) > time.Minute {
		a.said = time.Now()
		a.Log.ErrorContext(ctx, "another process runs under the name of this replica and was started later; this one works no shard until the other ends: give each its own IMSWORKER_INSTANCE", "instance", a.Instance)
	}
	if a.displaced.Swap(foreign) && !foreign {
		a.Log.InfoContext(ctx, "the other process of this name has ended; this replica goes on", "instance", a.Instance)
	}
	return nil
}

func (a *announcer) put(ctx context.Context) error {
	data, err := json.Marshal(a.load.Load())
	if err != nil {
		return fmt.Errorf("encode member: %w", err)
	}
	sequence, err := a.write(ctx, data, a.Lease)
	if err == nil {
		a.sequence, a.begun = sequence, true
	}
	return err
}

func (a *announcer) write(ctx context.Context, data []byte, ttl time.Duration) (uint64, error) {
	a.tokens++
	return a.Conn.Put(ctx, broker.StreamState, broker.Message{
		Subject: a.subject, Data: data, TTL: ttl, Token: fmt.Sprintf("%s-%d", a.session, a.tokens),
		Expect: &broker.Expect{Sequence: a.sequence},
	})
}

// leave tells the others not to count on this replica any more. If it does not
// come through, its announcement expires.
func (a *announcer) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if _, err := a.write(ctx, nil, time.Second); err != nil {
		a.Log.DebugContext(ctx, "the others were not told that this replica leaves", "error", err)
	}
}
