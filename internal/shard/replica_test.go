package shard

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
)

// TestFailureIsSaidOnce: a broker that is away for hours is no news each second.
func TestFailureIsSaidOnce(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	r := newReplica(Options{Shards: 1, Lease: time.Second, Log: slog.New(slog.NewTextHandler(&out, nil))}, nil)
	try := func(err error) {
		r.busy++
		r.conclude(outcome{holder: r.holders[0], err: err}, time.Now())
	}
	for _, err := range []error{errors.New("away"), errors.New("away"), nil, errors.New("away"), broker.ErrConflict} {
		try(err)
	}
	if n := strings.Count(out.String(), "lease not taken"); n != 2 {
		t.Errorf("said %d times, want 2:\n%s", n, out.String())
	}
}

// TestUnreadableLeaseIsNobodys: it is waited for, not counted as ours.
func TestUnreadableLeaseIsNobodys(t *testing.T) {
	t.Parallel()
	r := newReplica(Options{Shards: 1, Lease: time.Second, Log: slog.New(slog.DiscardHandler)}, nil)
	now := time.Now()
	r.table.learn(broker.Stored{Subject: broker.LeaseSubject(0), Data: []byte("{")}, now)
	if owner := r.view().owners[0]; owner == r.session {
		t.Error("counted as ours")
	}
	if l := r.table.leases[0]; r.mayTake(r.holders[0], l, r.session, now) || !r.mayTake(r.holders[0], l, r.session, now.Add(time.Minute)) {
		t.Error("not waited for, or for ever")
	}
}

// TestLossesAreOneLine: all leases run out within a moment where the broker is
// away.
func TestLossesAreOneLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	l := &losses{}
	l.say(log)
	for _, shard := range []int{4, 15, 0} {
		l.note(shard, fmt.Errorf("put ims.lease.%02d: away", shard))
	}
	l.say(log)
	l.say(log)
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `shards="[0 4 15]" error="put ims.lease.04: away"`) {
		t.Errorf("said %q", got)
	}
}
