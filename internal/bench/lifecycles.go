package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"syscall"
	"time"

	"github.com/nats-io/nats.go"
)

// lifecycles is the scenario of whole lives: the worker with everything on but
// limits, a floor with as many durable writes a life, and one with three. Each
// contestant gets a broker of its own, in a process of its own with an empty
// store, and a cloud that answers at once; they take turns.
type lifecycles struct {
	clouds int
	flight int // requests under way at the same time
	rounds int
	window time.Duration
}

// contestant is one of those that are compared.
type contestant struct {
	name  string
	file  string // beginning of its profiles' names
	start func(ctx context.Context, nc *nats.Conn, cloud string) (stop func() error, err error)
	seen  []measure
}

func (s lifecycles) run(ctx context.Context, b *bench) error {
	var figures []figure
	for _, sync := range []bool{false, true} {
		found, err := s.compare(ctx, b, sync)
		if err != nil {
			return err
		}
		figures = append(figures, found...)
	}
	return b.tell(figures)
}

// compare lets the contestants take turns at one setting of the broker.
func (s lifecycles) compare(ctx context.Context, b *bench, sync bool) ([]figure, error) {
	worker := &contestant{name: "worker", file: "worker", start: s.worker}
	same := &contestant{name: "floor, same writes", file: "floor_same"}
	three := &contestant{name: "floor, 3 writes", file: "floor_3", start: floorOf(threeWrites)}
	for round := range s.rounds {
		for _, c := range []*contestant{worker, same, three} {
			if c == same && round == 0 {
				c.start = floorOf(planOf(int(math.Round(worker.seen[0].writes))))
			}
			profile := ""
			if round == 0 {
				profile = c.file + suffix(sync)
			}
			m, err := s.turn(ctx, b, c, sync, profile)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			c.seen = append(c.seen, m)
		}
	}
	fmt.Fprintf(b.out, "one broker, sync always: %t; %d requests under way on %d clouds; medians of %d rounds\n\n", sync, s.flight, s.clouds, s.rounds)
	if err := table(b.out, rows(worker, same, three)); err != nil {
		return nil, err
	}
	return results(worker, same, three, suffix(sync)), nil
}

func suffix(sync bool) string {
	if sync {
		return "_r1_sync"
	}
	return "_r1"
}

func (s lifecycles) worker(ctx context.Context, nc *nats.Conn, cloud string) (func() error, error) {
	return startWorker(ctx, nc, cloudsYAML(cloud, cloudNames(s.clouds)))
}

func floorOf(p plan) func(context.Context, *nats.Conn, string) (func() error, error) {
	return func(ctx context.Context, nc *nats.Conn, cloud string) (func() error, error) {
		return startFloor(ctx, nc, cloud, p)
	}
}

// turn measures one contestant once.
func (s lifecycles) turn(ctx context.Context, b *bench, c *contestant, sync bool, profile string) (m measure, err error) {
	broker, err := startBroker(ctx, sync, b.profilePath(profile, "broker"))
	if err != nil {
		return measure{}, err
	}
	var own time.Duration
	defer func() {
		used := broker.stop()
		if m.lives > 0 {
			m.own, m.broker = own/time.Duration(m.lives), used/time.Duration(m.lives)
		}
	}()
	cloud, err := startCloud(ctx)
	if err != nil {
		return measure{}, err
	}
	defer cloud.stop()
	nc, err := nats.Connect(broker.url)
	if err != nil {
		return measure{}, fmt.Errorf("connect: %w", err)
	}
	defer nc.Close()
	runtime.GC()
	stop, err := c.start(ctx, nc, cloud.url)
	if err != nil {
		return measure{}, err
	}
	begun := processorTime()
	m, err = s.drive(ctx, b, nc, profile)
	own = processorTime() - begun
	if m.lives > 0 {
		m.calls = float64(cloud.calls.Load()) / float64(m.lives)
	}
	return m, errors.Join(err, stop())
}

// drive sends requests and watches them end.
func (s lifecycles) drive(ctx context.Context, b *bench, nc *nats.Conn, profile string) (measure, error) {
	l, err := startLoad(nc.ConnectedUrl(), cloudNames(s.clouds), s.flight)
	if err != nil {
		return measure{}, err
	}
	defer l.nc.Close()
	finish, err := b.profiled(profile)
	if err != nil {
		return measure{}, err
	}
	rate, err := l.watch(ctx, s.flight, s.window)
	if err := errors.Join(err, finish()); err != nil {
		return measure{}, err
	}
	if err := l.finish(ctx); err != nil {
		return measure{}, err
	}
	writes, err := stored(ctx, nc)
	lives := l.sent.Load()
	return measure{rate: rate, lives: lives, writes: float64(writes) / float64(lives)}, err
}

// processorTime is what this process has used so far.
func processorTime() time.Duration {
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
