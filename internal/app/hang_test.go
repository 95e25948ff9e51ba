package app

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/config"
)

// loop stands for an engine that hangs while the channel is nil.
type loop struct{ turns <-chan struct{} }

func (l *loop) Turn(ctx context.Context) error {
	select {
	case <-l.turns:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// held is a lease.
type held struct{ givenUp atomic.Pointer[time.Time] }

func (*held) Shard() int { return 3 }

func (h *held) GiveUp() {
	now := time.Now()
	h.givenUp.Store(&now)
}

// TestHang: what turns keeps its lease for as long as it likes, what hangs
// loses it within a lease and a third.
func TestHang(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		w := &worker{cfg: config.Config{Lease: 15 * time.Second}, log: slog.New(slog.NewTextHandler(&log, nil))}
		turns := make(chan struct{})
		g, lease := &loop{turns}, &held{}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go w.watch(ctx, g, lease)
		for begun := time.Now(); time.Since(begun) < time.Hour; {
			turns <- struct{}{}
			time.Sleep(14 * time.Second) // slow, but it turns
		}
		if lease.givenUp.Load() != nil {
			t.Fatal("given up while it turned")
		}
		hangs := time.Now()
		time.Sleep(time.Minute)
		synctest.Wait()
		if at := lease.givenUp.Load(); at == nil || at.Sub(hangs) > 20*time.Second {
			t.Errorf("given up at %v, it hangs since %v", at, hangs)
		}
		if said := log.String(); strings.Count(said, "hangs") != 1 || !strings.Contains(said, "shard=3") {
			t.Errorf("said %q", said)
		}
	})
}

// TestHangNot: a stop is no hang.
func TestHangNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &worker{cfg: config.Config{Lease: 15 * time.Second}, log: slog.New(slog.DiscardHandler)}
		lease := &held{}
		ctx, cancel := context.WithTimeout(t.Context(), 14*time.Second)
		defer cancel()
		w.watch(ctx, &loop{}, lease)
		if lease.givenUp.Load() != nil {
			t.Error("given up")
		}
	})
}
