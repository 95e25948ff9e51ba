package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// TestNothingComesBack kills the server after many records were replaced and
// others had ended, their tombstones expired, all in the same blocks of its
// store. With a limit of one message a subject, that server brings the
// replaced ones back to life.
func TestNothingComesBack(t *testing.T) {
	t.Parallel()
	const records = 400
	server := brokertest.StartProcess(t)
	conn := brokertest.Dial(t, server.URL())
	want := broker.Topology(broker.TopologyOptions{Shards: 1, Replicas: 1, EventsMaxAge: time.Hour})
	if _, err := conn.Apply(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	s := ledger.New(conn, 0)
	living := map[string]uint64{}
	for i := range records {
		r := record(fmt.Sprint(i))
		lead(t, s, r, i%3 != 0)
		if i%3 == 0 {
			living[r.Key] = r.Sequence
		}
	}
	deadline := time.Now().Add(20 * time.Second)
	for left(t, conn) != len(living) {
		if time.Now().After(deadline) {
			t.Fatalf("%d records are left, want %d", left(t, conn), len(living))
		}
		time.Sleep(10 * time.Millisecond)
	}
	server.Kill()
	server.Start()
	seen := follow(t, s)
	for key, sequence := range seen {
		if living[key] == 0 {
			t.Errorf("record %s has come back, version %d", key, sequence)
		} else if living[key] != sequence {
			t.Errorf("record %s: version %d, want %d", key, sequence, living[key])
		}
	}
	if len(seen) != len(living) {
		t.Errorf("%d records, want %d", len(seen), len(living))
	}
}

// lead takes a record through its states, to its end or not.
func lead(t *testing.T, s *ledger.Shard, r *ledger.Record, end bool) {
	t.Helper()
	err := s.Create(t.Context(), r)
	for _, state := range []ledger.State{ledger.Submitting, ledger.Submitted} {
		r.State = state
		err = errors.Join(err, s.Update(t.Context(), r))
	}
	if end {
		r.State, r.Outcome, r.Finished = ledger.Finished, messages.StateSucceeded, time.Now().UTC()
		err = errors.Join(err, s.Update(t.Context(), r), s.Bury(t.Context(), r, time.Second))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func left(t *testing.T, conn *broker.Conn) int {
	t.Helper()
	info, err := streamInfo(t, conn)
	if err != nil {
		t.Fatal(err)
	}
	return int(info.State.Msgs)
}

// follow reads everything that is there, the versions by their keys.
func follow(t *testing.T, s *ledger.Shard) map[string]uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	seen := map[string]uint64{}
	err := s.Follow(ctx, func(r *ledger.Record) {
		if seen[r.Key] != 0 {
			t.Errorf("record %s stands there twice", r.Key)
		}
		seen[r.Key] = r.Sequence
	}, cancel, func(subject string, err error) { t.Errorf("%s: %v", subject, err) })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("follow: %v", err)
	}
	return seen
}
