package pauses_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/pauses"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// follow learns what is stored, as a process that starts does.
func follow(t *testing.T, p *pauses.Pauses) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_ = p.Follow(ctx, cancel, func(subject string, err error) { t.Errorf("%s: %v", subject, err) })
}

func TestPauses(t *testing.T) {
	t.Parallel()
	conn := brokertest.Connect(t, 1)
	changes := 0
	p := pauses.New(conn, func(pauses.Pause) { changes++ })
	start := time.Now()
	say := func(operation string, paused bool, message uint64) {
		t.Helper()
		at := start.Add(time.Duration(message) * time.Second)
		if err := p.Set(t.Context(), pauses.Pause{Cloud: "demo", Operation: operation, Paused: paused, At: at, Message: message}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(copies, others bool) {
		t.Helper()
		for _, who := range []*pauses.Pauses{p, pauses.New(conn, func(pauses.Pause) {})} {
			follow(t, who)
			if who.Paused("demo", "copy-image") != copies || who.Paused("demo", "tag-image") != others || who.Paused("other", "copy-image") {
				t.Errorf("copies %v, others %v", who.Paused("demo", "copy-image"), who.Paused("demo", "tag-image"))
			}
		}
	}
	want(false, false)
	say("copy-image", true, 1)
	want(true, false)
	say("", true, 2)
	want(true, true)
	say("copy-image", false, 3)
	say("copy-image", true, 1) // comes again
	want(true, true)
	say("", false, 4)
	want(false, false)
	if changes != 4 {
		t.Errorf("%d changes, want 4", changes)
	}
}

// restored is a store that is set back to what it held before.
type restored struct {
	at     chan struct{} // closed: a backup is put in its place
	before []broker.Stored
	after  []broker.Stored
}

func (r *restored) Tail(ctx context.Context, _, _ string, each func(broker.Stored), caughtUp func()) error {
	stored := r.before
	select {
	case <-r.at:
		stored = r.after
	default:
	}
	for _, m := range stored {
		each(m)
	}
	caughtUp()
	select {
	case <-r.at:
		return ctx.Err()
	default:
		return broker.ErrRewound
	}
}

func (r *restored) Put(context.Context, string, broker.Message) (uint64, error) { return 12, nil }

func (r *restored) Last(context.Context, string, string) (broker.Stored, error) {
	return r.after[0], nil
}

// TestRestoredPause: a worker that runs while the broker gets a backup from
// before holds to what the backup says, though it has learned later news, and
// to what is said after it.
func TestRestoredPause(t *testing.T) {
	t.Parallel()
	stored := func(cloud string, paused bool, sequence uint64) broker.Stored {
		data, err := json.Marshal(pauses.Pause{Cloud: cloud, Paused: paused, At: time.Now(), Message: sequence})
		if err != nil {
			t.Fatal(err)
		}
		return broker.Stored{Subject: broker.PausedPrefix + cloud + "._", Data: data, Sequence: sequence}
	}
	store := &restored{
		at:     make(chan struct{}),
		before: []broker.Stored{stored("demo", false, 20), stored("lost", true, 21)},
		after:  []broker.Stored{stored("demo", true, 10)},
	}
	var told []string
	p := pauses.New(store, func(c pauses.Pause) { told = append(told, fmt.Sprint(c.Cloud, " ", c.Paused)) })
	follow := func() error {
		return p.Follow(t.Context(), func() {}, func(subject string, err error) { t.Errorf("%s: %v", subject, err) })
	}
	if err := follow(); !errors.Is(err, broker.ErrRewound) {
		t.Fatalf("got %v", err)
	}
	if !p.Paused("demo", "copy-image") || !p.Paused("third", "copy-image") {
		t.Error("something may be submitted before it is read what the backup has paused")
	}
	close(store.at)
	if err := follow(); err != nil {
		t.Fatal(err)
	}
	if !p.Paused("demo", "copy-image") || p.Paused("lost", "copy-image") || p.Paused("third", "copy-image") {
		t.Errorf("demo %v, lost %v, third %v", p.Paused("demo", "copy-image"), p.Paused("lost", "copy-image"), p.Paused("third", "copy-image"))
	}
	if err := p.Set(t.Context(), pauses.Pause{Cloud: "demo", At: time.Now().Add(time.Minute), Message: 11}); err != nil || p.Paused("demo", "copy-image") {
		t.Errorf("what is said after the restore is not learned: %v", err)
	}
	if want := []string{"lost true", "demo true", "lost false", "demo false"}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
}
