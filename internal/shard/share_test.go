package shard

import (
	"errors"
	"log/slog"
	"testing"
	"time"
)

// shards lists what a runner owns now.
func (r *runner) shards() (list []int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for shard, l := range r.leases {
		if l.Valid() {
			list = append(list, shard)
		}
	}
	return list
}

// sixteen has a runner share as many shards as there are by default.
func sixteen(o *Options, _ *runner) { o.Shards = 16 }

// oneOwner fails if a shard has two valid leases.
func oneOwner(t *testing.T, rs ...*runner) {
	t.Helper()
	owned := map[int]bool{}
	for _, r := range rs {
		for _, shard := range r.shards() {
			if owned[shard] {
				t.Errorf("shard %d has two owners", shard)
			}
			owned[shard] = true
		}
	}
}

// TestReplicasShare: who comes gets its part, what the leaver worked is shared
// by the others at once, and nothing moves without a reason.
func TestReplicasShare(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := s.run(t, "a", sixteen)
	eventually(t, "a works all", func() bool { return len(a.shards()) == 16 })
	b := s.run(t, "b.example:7", sixteen)
	eventually(t, "two halves", func() bool { return len(a.shards()) == 8 && len(b.shards()) == 8 })
	oneOwner(t, a, b)
	if !errors.Is(a.causes[0], ErrHandedOver) {
		t.Errorf("a shard was handed over with the cause %v", a.causes[0])
	}
	c := s.run(t, "c", sixteen)
	eventually(t, "three parts", func() bool {
		return len(a.shards()) >= 5 && len(b.shards()) >= 5 && len(c.shards()) >= 5 && len(a.shards())+len(b.shards())+len(c.shards()) == 16
	})
	if c.taken > 6 || a.taken != 16 || b.taken != 8 {
		t.Errorf("more changed hands than was needed: a took %d, b %d, c %d", a.taken, b.taken, c.taken)
	}
	begun := time.Now()
	b.stop(t)
	eventually(t, "two halves again", func() bool { return len(a.shards()) == 8 && len(c.shards()) == 8 })
	if took := time.Since(begun); took > time.Second {
		t.Logf("handed over within %s", took)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.causes) > 11 {
		t.Errorf("a gave up %d shards", len(a.causes))
	}
}

// TestSharesByWeight: a replica that joins is given what evens the requests in
// flight, not the number of shards.
func TestSharesByWeight(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	weigh := func(o *Options, _ *runner) {
		o.Shards = 8
		o.Weight = func(shard int) (int, bool) {
			if shard == 3 {
				return 5000, true
			}
			return 500, true
		}
	}
	a := s.run(t, "a", weigh)
	eventually(t, "a works all", func() bool { return len(a.shards()) == 8 })
	first := a.lease(0).Renewed()
	eventually(t, "the weights are known", func() bool { return a.lease(0).Renewed().After(first) })
	b := s.run(t, "b", weigh)
	eventually(t, "the heavy one weighs as much as all others", func() bool {
		return len(a.shards())+len(b.shards()) == 8 && len(b.shards()) > 0 && (len(a.shards()) == 1 || len(b.shards()) == 1)
	})
}

// TestSettled: a replica is settled when it has its share, also where that is
// nothing.
func TestSettled(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	shares := make(chan Share, 100)
	tell := func(o *Options, _ *runner) { o.Changed = func(s Share) { shares <- s } }
	a := s.run(t, "a", tell)
	until(t, shares, func(s Share) bool { return s.Settled && len(s.Shards) == 1 && s.Members == 1 })
	b := s.run(t, "b", tell)
	until(t, shares, func(s Share) bool { return s.Settled && len(s.Shards) == 0 && s.Members == 2 })
	a.stop(t)
	until(t, shares, func(s Share) bool { return s.Settled && len(s.Shards) == 1 && s.Members == 1 })
	eventually(t, "b works the shard", func() bool { return b.owns(0) })
}

func until(t *testing.T, shares <-chan Share, holds func(Share) bool) {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		select {
		case s := <-shares:
			if holds(s) {
				return
			}
		case <-late:
			t.Fatal("the share did not become what was expected")
		}
	}
}

// TestSameNameTwice: of two processes under one name the later one works, the
// earlier one says so, and goes on when the other ends.
func TestSameNameTwice(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	said := make(chan string, 100)
	a := s.run(t, "a", func(o *Options, _ *runner) { o.Log = slog.New(errorsTo(said)) })
	eventually(t, "a owns", func() bool { return a.owns(0) })
	again := s.run(t, "a", nil)
	eventually(t, "the second owns", func() bool { return again.owns(0) })
	select {
	case <-said:
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was said")
	}
	if a.owns(0) {
		t.Error("two owners")
	}
	again.stop(t)
	eventually(t, "the first goes on", func() bool { return a.owns(0) })
}

// errorsTo is a handler that passes on what is logged as an error.
func errorsTo(said chan<- string) slog.Handler {
	return slog.NewTextHandler(lines(said), &slog.HandlerOptions{Level: slog.LevelError})
}

type lines chan<- string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}
