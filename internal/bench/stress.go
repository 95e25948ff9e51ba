package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/imsworker/imsworker/internal/fakecloud"
)

// stress is the scenario of many jobs under way, limits off: for each that ends
// another one begins. Pollers have some of their own beside them, each job of
// theirs costs the same however many there are.
type stress struct {
	flight  int
	plain   map[time.Duration]int // jobs under way, by the time between two questions
	factor  float64
	warm    time.Duration // by the cloud's clock, before anything counts
	watched time.Duration
}

// ordinary is how long jobs take.
var ordinary = map[string]fakecloud.Span{"*": {Run: fakecloud.Duration(3 * time.Minute), Sigma: 0.6}}

func (s stress) run(ctx context.Context, b *bench) (err error) {
	unlimited := fakecloud.Switches{RatesOff: true, Durations: ordinary}
	stage, err := startStage(ctx, s.factor,
		account{name: "worker", settings: "limits: off", switches: unlimited},
		account{name: "poller10s", plain: true, switches: unlimited}, account{name: "poller1s", plain: true, switches: unlimited})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.stop()) }()
	pollers, err := stage.pollers(ctx, func(ctx context.Context, p *plain) { p.steadily(ctx, s.plain[p.every]) })
	if err != nil {
		return err
	}
	defer pollers.stop()
	if err := stage.keep("worker", s.flight); err != nil {
		return err
	}
	all, err := stage.watch(ctx, b, pollers, s.warm, s.watched)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "%d jobs under way, %.0f times faster than the wall's clock; %s counted after %s, by the cloud's clock\n\n", s.flight, s.factor, s.watched, s.warm)
	if err := tallies(b.out, all...); err != nil {
		return err
	}
	return b.tell(stressFigures(all[0], all[1], all[2]))
}

func stressFigures(worker, ten, one tally) []figure {
	return []figure{
		{"sweep_calls_per_job", worker.each(), "calls", "≤ 2.0"},
		{"sweep_delay_ratio_p95", percentile(worker.ratios, 0.95), "ratio", "≤ 1.0"},
		{"poller10s_calls_per_job", ten.each(), "calls", ""},
		{"poller10s_delay_ratio_p95", percentile(ten.ratios, 0.95), "ratio", ""},
		{"poller1s_calls_per_job", one.each(), "calls", ""},
		{"poller1s_delay_ratio_p95", percentile(one.ratios, 0.95), "ratio", ""},
	}
}

// keep has so many copies under way at the worker, from now on.
func (s *stage) keep(cloud string, flight int) error {
	s.ends.each(func(string) { _, _ = s.request(cloud, "copy-image", "/bench", copyOf) }) // one that is lost is one job less
	return s.copies(cloud, flight)
}

// pollers are those that stand beside the worker.
type pollers struct {
	all     []*plain
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// pollers starts one that asks every ten seconds, and one that asks every
// second.
func (s *stage) pollers(ctx context.Context, work func(context.Context, *plain)) (*pollers, error) {
	ten, err := s.startPlain(ctx, "poller10s", 10*time.Second)
	if err != nil {
		return nil, err
	}
	one, err := s.startPlain(ctx, "poller1s", time.Second)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &pollers{all: []*plain{ten, one}, cancel: cancel}
	for _, each := range p.all {
		p.running.Go(func() { work(ctx, each) })
	}
	return p, nil
}

// stop ends them.
func (p *pollers) stop() {
	p.cancel()
	p.running.Wait()
}

// watch lets things run for a while, then counts for another; the worker's
// tally is the first.
func (s *stage) watch(ctx context.Context, b *bench, beside *pollers, warm, watched time.Duration) ([]tally, error) {
	if err := b.wait(ctx, s, "warming up", warm); err != nil {
		return nil, err
	}
	from := s.fake.Now()
	if err := b.wait(ctx, s, "counting", watched); err != nil {
		return nil, err
	}
	s.ends.each(nil)
	to := s.fake.Now()
	all := []tally{s.tally("worker", from, to)}
	for _, p := range beside.all {
		all = append(all, p.tally(from, to))
	}
	return all, nil
}

// tally is what the worker did for a cloud between two moments.
func (s *stage) tally(cloud string, from, to time.Time) tally {
	return tallyOf(cloud, s.meter.of(cloud, from, to), s.ends.of(cloud, from, to))
}

// tally is what the poller did between two moments.
func (p *plain) tally(from, to time.Time) tally {
	p.mu.Lock()
	defer p.mu.Unlock()
	return tallyOf("plain, every "+p.every.String(), p.stage.meter.of(p.account, from, to), between(p.ended, from, to))
}

// between are the ends that were told from a moment on, up to another.
func between(all []ending, from, to time.Time) []ending {
	var some []ending
	for _, e := range all {
		if !e.told.Before(from) && e.told.Before(to) {
			some = append(some, e)
		}
	}
	return some
}
