package shard

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a broker and where it stores.
type site struct {
	dir    string
	inside *broker.Inside
}

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{dir: t.TempDir()}
	s.start(t, "127.0.0.1:0")
	if _, err := s.dial(t).Apply(t.Context(), broker.Topology(broker.TopologyOptions{Shards: 2, EventsMaxAge: time.Hour})); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) start(t *testing.T, listen string) {
	t.Helper()
	inside, err := broker.StartInside(broker.InsideOptions{Dir: s.dir, Listen: listen})
	if err != nil {
		t.Fatal(err)
	}
	s.inside = inside
	t.Cleanup(inside.Stop)
}

func (s *site) address() string { return strings.TrimPrefix(s.inside.URL(), "nats://") }

func (s *site) dial(t *testing.T) *broker.Conn {
	t.Helper()
	c, err := broker.Dial(context.Background(), broker.Options{URL: s.inside.URL()}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// pausable is a broker connection whose writes can be held up, as those of a
// process that does not run.
type pausable struct {
	*broker.Conn
	paused atomic.Bool
}

func (p *pausable) Put(ctx context.Context, stream string, m broker.Message) (uint64, error) {
	if p.paused.Load() {
		<-ctx.Done()
		return 0, context.Cause(ctx)
	}
	return p.Conn.Put(ctx, stream, m)
}

// runner is one Run.
type runner struct {
	store  *pausable
	cancel context.CancelFunc
	done   chan error

	mu     sync.Mutex
	leases map[int]*Lease
	causes []error
	taken  int
	finish chan struct{} // nil: own returns when its context ends; else also waits for this
}

func (s *site) run(t *testing.T, instance string, change func(*Options, *runner)) *runner {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &runner{store: &pausable{Conn: s.dial(t)}, cancel: cancel, done: make(chan error, 1), leases: map[int]*Lease{}}
	o := Options{Conn: r.store, Shards: 1, Lease: 1500 * time.Millisecond, Instance: instance, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&o, r)
	}
	go func() { r.done <- Run(ctx, o, r.own) }()
	t.Cleanup(func() { r.stop(t) })
	return r
}

func (r *runner) own(ctx context.Context, l *Lease) {
	r.mu.Lock()
	r.leases[l.Shard()] = l
	r.taken++
	r.mu.Unlock()
	<-ctx.Done()
	if r.finish != nil {
		<-r.finish
	}
	r.mu.Lock()
	r.causes = append(r.causes, context.Cause(ctx))
	delete(r.leases, l.Shard())
	r.mu.Unlock()
}

func (r *runner) lease(shard int) *Lease {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.leases[shard]
}

func (r *runner) owns(shard int) bool {
	l := r.lease(shard)
	return l != nil && l.Valid()
}

func (r *runner) stop(t *testing.T) {
	t.Helper()
	r.cancel()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
	r.done <- nil
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("waited in vain: %s", what)
}

func TestTakeRenewRelease(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := s.run(t, "a", nil)
	eventually(t, "the shard", func() bool { return a.owns(0) })
	first := a.lease(0).Renewed()
	if first.IsZero() || time.Since(first).Abs() > time.Minute {
		t.Errorf("renewed at %v", first)
	}
	b := s.run(t, "b", func(o *Options, _ *runner) { o.Lease = time.Minute }) // it renews every 2 s only
	eventually(t, "a renewal", func() bool { return a.lease(0).Renewed().After(first) })
	eventually(t, "it outlives its time", func() bool { return a.lease(0).Renewed().Sub(first) > 2*time.Second })
	if b.taken != 0 {
		t.Fatal("two owners")
	}
	asked := time.Now()
	a.stop(t)
	eventually(t, "the release wakes the other", func() bool { return b.owns(0) })
	if waited := time.Since(asked); waited > 5*time.Second {
		t.Errorf("it took %s", waited)
	}
	if a.taken != 1 || !errors.Is(a.causes[0], context.Canceled) {
		t.Errorf("taken %d times, ended by %v", a.taken, a.causes)
	}
}

// TestPausedOwner: an owner that does not run loses its lease by its own
// clocks, and the other takes the shard when the broker lets the lease expire.
func TestPausedOwner(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := s.run(t, "a", nil)
	eventually(t, "a owns", func() bool { return a.owns(0) })
	old := a.lease(0)
	a.store.paused.Store(true)
	b := s.run(t, "b", nil)
	eventually(t, "b takes over", func() bool {
		if b.owns(0) && old.Valid() {
			t.Error("two valid leases")
		}
		return b.owns(0)
	})
	eventually(t, "a was told", func() bool { a.mu.Lock(); defer a.mu.Unlock(); return len(a.causes) == 1 })
	if !errors.Is(a.causes[0], ErrLeaseLost) {
		t.Errorf("got %v, want ErrLeaseLost", a.causes[0])
	}
	a.store.paused.Store(false)
	b.stop(t)
	eventually(t, "a takes it again", func() bool { return a.owns(0) })
	if old.Valid() {
		t.Error("an ended lease is valid again")
	}
}

// TestGiveUp: an owner that hangs keeps nobody from going on with its shard,
// and its replica is not settled before it has returned.
func TestGiveUp(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var settled atomic.Bool
	a := s.run(t, "a", func(o *Options, r *runner) {
		r.finish = make(chan struct{})
		o.Changed = func(s Share) { settled.Store(s.Settled) }
	})
	eventually(t, "a owns and is settled", func() bool { return a.owns(0) && settled.Load() })
	a.lease(0).GiveUp()
	eventually(t, "a is not settled", func() bool { return !settled.Load() })
	b := s.run(t, "b", nil)
	eventually(t, "b takes over", func() bool { return b.owns(0) })
	if settled.Load() || a.taken != 1 {
		t.Errorf("settled %v, taken %d times while its owner hangs", settled.Load(), a.taken)
	}
	close(a.finish)
	eventually(t, "a is settled again", settled.Load)
	if !errors.Is(a.causes[0], ErrLeaseLost) {
		t.Errorf("got %v, want ErrLeaseLost", a.causes[0])
	}
}

func TestRestartUnderTheSameName(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	long := func(o *Options, _ *runner) { o.Lease = time.Minute }
	a := s.run(t, "a", long)
	eventually(t, "a owns", func() bool { return a.owns(0) })
	old := a.lease(0)
	again := s.run(t, "a", long) // the first is dead for all it knows
	eventually(t, "the second a owns", func() bool { return again.owns(0) })
	eventually(t, "the first has lost it", func() bool { return !old.Valid() })
	eventually(t, "the first does not fight", func() bool { a.mu.Lock(); defer a.mu.Unlock(); return len(a.causes) == 1 })
	if !again.owns(0) || a.owns(0) {
		t.Error("the shard went back")
	}
	other := s.run(t, "b", func(o *Options, _ *runner) { o.Lease, o.TakeAll = time.Minute, true })
	eventually(t, "who takes all owns", func() bool { return other.owns(0) })
}

// TestStopKeepsTheLease: while own still works on its end, nobody else gets the
// shard, however long that takes.
func TestStopKeepsTheLease(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := s.run(t, "a", func(_ *Options, r *runner) { r.finish = make(chan struct{}) })
	eventually(t, "a owns", func() bool { return a.owns(0) })
	lease := a.lease(0)
	b := s.run(t, "b", nil)
	a.cancel()
	first := lease.Renewed()
	eventually(t, "renewals go on", func() bool { return lease.Renewed().Sub(first) > 2*time.Second })
	if !lease.Valid() || b.owns(0) {
		t.Fatal("the lease was given up while its owner still works")
	}
	close(a.finish)
	eventually(t, "b owns", func() bool { return b.owns(0) })
}

// TestBrokerAway: the lease is good until its time is over, then own is told,
// and when the broker is back the shard is taken again.
func TestBrokerAway(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := s.run(t, "a", nil)
	eventually(t, "a owns", func() bool { return a.owns(0) })
	lease, address := a.lease(0), s.address()
	s.inside.Stop()
	if !lease.Valid() {
		t.Error("lost with the connection")
	}
	eventually(t, "it runs out", func() bool { return !lease.Valid() })
	eventually(t, "own is told", func() bool { a.mu.Lock(); defer a.mu.Unlock(); return len(a.causes) == 1 })
	if !errors.Is(a.causes[0], ErrLeaseLost) {
		t.Errorf("got %v, want ErrLeaseLost", a.causes[0])
	}
	s.start(t, address)
	eventually(t, "taken again", func() bool { return a.owns(0) })
}

// TestOwnReturnsEarly: the shard is released and taken again, by whomever.
func TestOwnReturnsEarly(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var times atomic.Int32
	err := Run(ctx, Options{Conn: s.dial(t), Shards: 1, Lease: time.Second, Instance: "a", Log: slog.New(slog.DiscardHandler)},
		func(context.Context, *Lease) {
			if times.Add(1) == 3 {
				cancel()
			}
		})
	if err != nil || times.Load() < 3 {
		t.Errorf("got %v after %d times", err, times.Load())
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	err := Run(t.Context(), Options{}, nil)
	for _, want := range []string{"shards", "lease", "instance"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to name %s", err, want)
		}
	}
}

func TestLeaseEndsByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLease(3, 15*time.Second, time.Now(), 7, time.Now())
		time.Sleep(14 * time.Second)
		if !l.Valid() {
			t.Fatal("ended too early")
		}
		l.extend(time.Now(), 8)
		l.foreign(8)
		time.Sleep(14 * time.Second)
		if !l.Valid() || l.left() != time.Second {
			t.Fatalf("a renewal did not count, %s left", l.left())
		}
		time.Sleep(time.Second)
		if l.Valid() {
			t.Fatal("valid after its time")
		}
		l.extend(time.Now(), 9)
		l.foreign(10)
		if l.Valid() {
			t.Fatal("valid after somebody else wrote")
		}
	})
}

// TestFreshNeedsBothClocks: a time without a monotonic reading stands for a
// wall clock that ran on while the machine slept.
func TestFreshNeedsBothClocks(t *testing.T) {
	t.Parallel()
	now := time.Now()
	if !fresh(now, now.Add(9*time.Second), 10*time.Second) {
		t.Error("not fresh after 9 of 10 s")
	}
	if fresh(now, now.Add(10*time.Second), 10*time.Second) {
		t.Error("fresh after 10 of 10 s")
	}
	if fresh(now.Round(0), now.Round(0).Add(time.Hour), 10*time.Second) {
		t.Error("fresh though the wall clock says no")
	}
}
