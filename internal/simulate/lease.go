package simulate

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/shard"
)

// right is a lease as the engine sees it.
type right interface{ Valid() bool }

// lease is one shard's lease in the hands of a process: the real one's rules
// (conditional renewals, a time to live, an empty message for a release)
// without its sharing, whose rhythm would cost most of a simulated year. Some
// plans use the real leases instead.
type lease struct {
	mu    sync.Mutex
	until time.Time
}

// Valid reports whether nobody else can have the lease at this moment.
func (l *lease) Valid() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Now().Before(l.until)
}

func (l *lease) extend(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until = until
}

// work owns shards until ctx ends.
func (r *replica) work(ctx context.Context) {
	w := r.world
	if w.realLeases {
		w.must(shard.Run(ctx, shard.Options{Conn: r.conn, Shards: w.shards, Lease: leaseTime, Instance: r.process.name, Log: w.logOf(r.process.name)},
			func(ctx context.Context, l *shard.Lease) { r.own(ctx, l.Shard(), l) }))
		return
	}
	var all sync.WaitGroup
	for number := range w.shards {
		all.Go(func() { r.want(ctx, number) })
	}
	all.Wait()
}

// want takes the shard whenever its lease is free.
func (r *replica) want(ctx context.Context, number int) {
	subject := broker.LeaseSubject(number)
	t, _ := r.world.streams.follow(broker.StreamState, subject)
	defer r.world.streams.leave(broker.StreamState, t)
	var newest broker.Stored
	for ctx.Err() == nil {
		for _, m := range t.batch() {
			newest = m
		}
		if len(newest.Data) == 0 || string(newest.Data) == r.process.name {
			if now, err := r.conn.Last(ctx, broker.StreamState, subject); err == nil || errors.Is(err, broker.ErrNone) {
				newest = now // a delete marker may be gone too
			}
			if len(newest.Data) == 0 || string(newest.Data) == r.process.name {
				r.take(ctx, number, subject, newest.Sequence)
			}
			_ = r.process.sleep(ctx, time.Second) // let others have it first
			continue
		}
		select {
		case <-t.wake:
		case <-ctx.Done():
		}
	}
}

// take writes the lease and works the shard as long as it can be renewed.
func (r *replica) take(ctx context.Context, number int, subject string, sequence uint64) {
	l := &lease{}
	if sequence = r.write(ctx, l, subject, sequence); sequence == 0 {
		return
	}
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	worked := make(chan struct{})
	go func() {
		defer close(worked)
		r.own(work, number, l)
	}()
	for {
		timer := time.NewTimer(leaseTime / 3)
		select {
		case <-timer.C:
		case <-worked:
			timer.Stop()
			r.release(l, subject, sequence)
			return
		}
		if sequence = r.write(context.WithoutCancel(ctx), l, subject, sequence); sequence == 0 {
			l.extend(time.Time{})
			cancel(shard.ErrLeaseLost)
			<-worked
			return
		}
	}
}

// write renews the lease; 0: it is lost, or was never had.
func (r *replica) write(ctx context.Context, l *lease, subject string, sequence uint64) uint64 {
	asked := time.Now()
	limit := leaseTime
	if l.Valid() {
		l.mu.Lock()
		limit = time.Until(l.until)
		l.mu.Unlock()
	}
	try, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	next, err := r.conn.Put(try, broker.StreamState, broker.Message{
		Subject: subject, Data: []byte(r.process.name), TTL: leaseTime, Expect: &broker.Expect{Sequence: sequence}, Token: r.world.token(r.process.name),
	})
	if err != nil {
		return 0
	}
	l.extend(asked.Add(leaseTime))
	return next
}

// release lets others take the shard at once.
func (r *replica) release(l *lease, subject string, sequence uint64) {
	if !l.Valid() {
		return
	}
	l.extend(time.Time{})
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_, _ = r.conn.Put(ctx, broker.StreamState, broker.Message{
		Subject: subject, TTL: time.Second, Expect: &broker.Expect{Sequence: sequence}, Token: r.world.token(r.process.name),
	})
}
