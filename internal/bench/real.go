package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/imsworker/imsworker/internal/fakecloud"
)

// usedUp is the scenario of an account that is used as far as it goes, for hours:
// whole images at 20 in two minutes, of which some hundreds are under way, and
// copies at 15 in five.
type usedUp struct {
	plain   map[time.Duration]int // copies under way beside it
	factor  float64
	warm    time.Duration // by the cloud's clock, before anything counts
	watched time.Duration
}

func (s usedUp) run(ctx context.Context, b *bench) (err error) {
	limited := fakecloud.Switches{Durations: map[string]fakecloud.Span{
		"CreateWholeImage": {Run: fakecloud.Duration(time.Hour), Sigma: 0.6}, "*": ordinary["*"],
	}}
	stage, err := startStage(ctx, s.factor, account{name: "worker", switches: limited},
		account{name: "poller10s", plain: true, switches: limited}, account{name: "poller1s", plain: true, switches: limited})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.stop()) }()
	pollers, err := stage.pollers(ctx, func(ctx context.Context, p *plain) { p.steadily(ctx, s.plain[p.every]) })
	if err != nil {
		return err
	}
	defer pollers.stop()
	if err := s.ask(stage); err != nil {
		return err
	}
	all, err := stage.watch(ctx, b, pollers, s.warm, s.watched)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "%.0f times faster than the wall's clock; %s counted after %s, by the cloud's clock. The pollers have copies alone, the worker both:\n\n",
		s.factor, s.watched, s.warm)
	for i := range all[1:] {
		all[i+1].name += " (few copies)"
	}
	to := stage.fake.Now()
	if err := tallies(b.out, append(stage.kinds(to.Add(-s.watched), to), all...)...); err != nil {
		return err
	}
	return b.tell([]figure{
		{"real_calls_per_job", all[0].each(), "calls", "≤ 2.5"},
		{"real_delay_ratio_p95", percentile(all[0].ratios, 0.95), "ratio", "≤ 1.0"},
	})
}

// ask sends as many requests as the account can be done with, and some.
func (s usedUp) ask(stage *stage) error {
	minutes := int((s.warm + s.watched) / time.Minute)
	backups, err := stage.fake.AddBackups("worker", 20*(minutes/2+5))
	if err != nil {
		return fmt.Errorf("add backups: %w", err)
	}
	for _, id := range backups {
		if _, err := stage.request("worker", "create-whole-image", "/bench", wholeOf(id)); err != nil {
			return err
		}
	}
	return stage.copies("worker", 15*(minutes/5+5))
}

// kinds are the worker's tallies of each operation: the questions for its own
// jobs, and the lists, which are for all, with every one.
func (s *stage) kinds(from, to time.Time) []tally {
	ends := map[string][]ending{}
	operation := map[string]string{}
	for _, e := range s.ends.of("worker", from, to) {
		ends[e.operation] = append(ends[e.operation], e)
		operation[e.job] = e.operation
	}
	calls := map[string][]call{}
	for _, c := range s.meter.of("worker", time.Time{}, to) {
		if c.method == http.MethodGet && c.job != "" {
			calls[operation[c.job]] = append(calls[operation[c.job]], c)
		}
	}
	var all []tally
	for _, name := range []string{"create-whole-image", "copy-image"} {
		all = append(all, tallyOf(name+", single questions", calls[name], ends[name]))
	}
	return all
}
