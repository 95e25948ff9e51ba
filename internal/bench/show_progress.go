package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/imsworker/imsworker/internal/fakecloud"
)

// showProgress is the scenario of a cloud that answers 200 questions in five
// minutes, with many more jobs under way than can be asked for often, and no
// list to look at.
type showProgress struct {
	flight  int
	factor  float64
	warm    time.Duration // by the cloud's clock, before anything counts
	watched time.Duration
}

func (s showProgress) run(ctx context.Context, b *bench) (err error) {
	limited := fakecloud.Switches{
		Durations: map[string]fakecloud.Span{"*": {Run: fakecloud.Duration(time.Hour), Sigma: 0.6}},
		Limits:    map[string]fakecloud.Limit{"copy": {Count: -1}},
	}
	stage, err := startStage(ctx, s.factor, account{
		name: "worker", profile: fakecloud.ProfileHuawei, switches: limited,
		settings: "job_query: show_progress, sweep: false, limits: {copy: 100000/1m}",
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.stop()) }()
	if err := stage.keep("worker", s.flight); err != nil {
		return err
	}
	all, err := stage.watch(ctx, b, &pollers{}, s.warm, s.watched)
	if err != nil {
		return err
	}
	to := stage.fake.Now()
	from := to.Add(-s.watched)
	fmt.Fprintf(b.out, "%d jobs of about an hour under way, %.0f times faster than the wall's clock; %s counted after %s, by the cloud's clock.\n"+
		"A poller that asks for each every 10 s would make %d calls in five minutes\n\n", s.flight, s.factor, s.watched, s.warm, 30*s.flight)
	if err := tallies(b.out, all...); err != nil {
		return err
	}
	worker := all[0]
	return b.tell([]figure{
		{"progress_429", float64(worker.throttled), "calls", "0"},
		{"progress_longest_unasked_seconds", unasked(stage.ends.of("worker", from, to), stage.meter.of("worker", time.Time{}, to), from).Seconds(), "s", "≤ 900"},
		{"progress_delay_p95_to_median", percentile(worker.delays, 0.95) / max(percentile(worker.delays, 0.5), 0.001), "ratio", "≤ 2"},
	})
}

// unasked is the longest time for which any of the jobs was not asked for while
// it ran, as far as that time ended after a moment.
func unasked(ends []ending, calls []call, after time.Time) (longest time.Duration) {
	asked := map[string][]time.Time{}
	for _, c := range calls {
		asked[c.job] = append(asked[c.job], c.at)
	}
	for _, e := range ends {
		before := e.begin
		for _, at := range slices.SortedFunc(slices.Values(asked[e.job]), time.Time.Compare) {
			if at.After(after) {
				longest = max(longest, at.Sub(before))
			}
			before = at
		}
	}
	return longest
}
