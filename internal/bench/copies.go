package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/imsworker/imsworker/internal/fakecloud"
)

// copies is the scenario of a bulk of copies in an account that takes 15 in
// five minutes, or, secretly, fewer.
type copies struct {
	requests int
	allowed  int // in five minutes; the worker believes in 15
	factor   float64
	prefix   string // of the figures
}

// copyWindow is the time that the limit of copies speaks of.
const copyWindow = 5 * time.Minute

func (s copies) run(ctx context.Context, b *bench) (err error) {
	limited := fakecloud.Switches{Durations: ordinary, Limits: map[string]fakecloud.Limit{"copy": {Count: s.allowed, Window: fakecloud.Duration(copyWindow)}}}
	stage, err := startStage(ctx, s.factor, account{name: "worker", switches: limited},
		account{name: "poller10s", plain: true, switches: limited}, account{name: "poller1s", plain: true, switches: limited})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.stop()) }()
	begun := stage.fake.Now()
	pollers, err := stage.pollers(ctx, func(ctx context.Context, p *plain) { p.together(ctx, s.requests) })
	if err != nil {
		return err
	}
	defer pollers.stop()
	if err := stage.copies("worker", s.requests); err != nil {
		return err
	}
	if err := s.await(ctx, b, stage); err != nil {
		return err
	}
	pollers.running.Wait()
	if err := ctx.Err(); err != nil {
		return context.Cause(ctx)
	}
	return s.tell(b, stage, pollers, begun)
}

// await waits for all ends of the worker's.
func (s copies) await(ctx context.Context, b *bench, stage *stage) error {
	for until := time.Now().Add(4 * patience); stage.ends.count() < s.requests; {
		b.signs.say(fmt.Sprintf("%d of %d copies have ended", stage.ends.count(), s.requests))
		if time.Now().After(until) {
			return fmt.Errorf("%d of %d copies ended within %s", stage.ends.count(), s.requests, 4*patience)
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func (s copies) tell(b *bench, stage *stage, pollers *pollers, begun time.Time) error {
	end := stage.fake.Now()
	rows := [][]string{{"", "succeeded", "makespan", "of the ideal", "calls answered 429", "creating calls after the first window", "calls a job"}}
	contestants := []contest{s.contest(begun, stage.tally("worker", begun, end), stage.ends.of("worker", begun, end), stage.meter.of("worker", begun.Add(copyWindow), end))}
	for _, p := range pollers.all {
		contestants = append(contestants, s.contest(begun, p.tally(begun, end), p.ended, stage.meter.of(p.account, begun.Add(copyWindow), end)))
	}
	for _, c := range contestants {
		rows = append(rows, []string{c.all.name, fmt.Sprint(c.succeeded), c.makespan.Round(time.Second).String(), number(c.ratio),
			fmt.Sprint(c.all.throttled), fmt.Sprintf("%d of %d", c.later.refused, c.later.creates), number(c.all.each())})
	}
	fmt.Fprintf(b.out, "%d copies, %d allowed in %s, %.0f times faster than the wall's clock\n\n", s.requests, s.allowed, copyWindow, s.factor)
	if err := table(b.out, rows); err != nil {
		return err
	}
	return b.tell(s.figures(contestants[0]))
}

func (s copies) figures(c contest) []figure {
	if s.allowed == believed {
		return []figure{
			{s.prefix + "_429", float64(c.all.throttled), "calls", "0"},
			{s.prefix + "_makespan_ratio", c.ratio, "ratio", "≤ 1.02"},
			{s.prefix + "_not_succeeded", float64(s.requests - c.succeeded), "requests", "0"},
		}
	}
	return []figure{
		{s.prefix + "_429_ratio", float64(c.later.refused) / float64(max(c.later.creates, 1)), "ratio", "≤ 0.03"},
		{s.prefix + "_makespan_ratio", c.ratio, "ratio", "≤ 1.15"},
		{s.prefix + "_not_succeeded", float64(s.requests - c.succeeded), "requests", "0"},
	}
}

// believed is the limit that the profile tells.
const believed = 15

// contest is how one contestant got through with its copies.
type contest struct {
	all, later tally // later: without the first window
	succeeded  int
	makespan   time.Duration // from the first request to the last end that was told
	ratio      float64       // of the makespan to the ideal one
}

func (s copies) contest(begun time.Time, all tally, ends []ending, later []call) contest {
	c := contest{all: all, later: tallyOf("", later, nil)}
	for _, e := range ends {
		c.makespan = max(c.makespan, e.told.Sub(begun))
		if e.succeeded {
			c.succeeded++
		}
	}
	c.ratio = float64(c.makespan) / float64(ideal(ends, s.allowed))
	return c
}

// ideal is how long the same jobs take, in the order in which they began, where
// every window is used as soon as it opens and every end is known at once.
func ideal(ends []ending, allowed int) time.Duration {
	ordered := slices.SortedFunc(slices.Values(ends), func(a, b ending) int { return a.begin.Compare(b.begin) })
	var last time.Duration
	for n, e := range ordered {
		last = max(last, time.Duration(n/allowed)*copyWindow+e.duration())
	}
	return last
}
