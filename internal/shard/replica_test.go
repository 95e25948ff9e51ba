package shard

import (
	"bytes"
	"errors"
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
