package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/fakecloud"
)

// few is the scenario of some jobs that begin together, again when all have
// ended: in accounts whose image list is looked at and in others where each job
// is asked for. The first time nobody knows yet how long such jobs take; it is
// shown, and does not count.
type few struct {
	jobs     int // in each account
	accounts int // of each kind
	rounds   int // that count
	factor   float64
}

func (s few) run(ctx context.Context, b *bench) (err error) {
	stage, err := startStage(ctx, s.factor, s.clouds()...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.stop()) }()
	pollers, err := stage.pollers(ctx, func(ctx context.Context, p *plain) { p.together(ctx, s.jobs) })
	if err != nil {
		return err
	}
	defer pollers.stop()
	begun := stage.fake.Now()
	if err := s.round(ctx, b, stage, 1); err != nil {
		return err
	}
	pollers.running.Wait()
	known := stage.fake.Now()
	for n := range s.rounds {
		if err := s.round(ctx, b, stage, n+2); err != nil {
			return err
		}
	}
	end := stage.fake.Now()
	fmt.Fprintf(b.out, "%d jobs at a time in each of %d accounts, %.0f times faster than the wall's clock\n\n", s.jobs, s.accounts, s.factor)
	sweep, single := stage.kin("sweep", known, end), stage.kin("single", known, end)
	all := []tally{stage.kin("sweep", begun, known), stage.kin("single", begun, known), sweep, single}
	for i, name := range []string{"by list, nothing known", "one by one, nothing known", "by list", "one by one"} {
		all[i].name = name
	}
	for _, p := range pollers.all {
		all = append(all, p.tally(begun, end))
	}
	if err := tallies(b.out, all...); err != nil {
		return err
	}
	return b.tell([]figure{
		{"few_calls_per_job", sweep.each(), "calls", "≤ 3"},
		{"few_delay_ratio_p95", percentile(sweep.ratios, 0.95), "ratio", "≤ 1.0"},
		{"nosweep_calls_per_job", single.each(), "calls", "≤ 6"},
		{"nosweep_delay_p95_of_duration", percentile(single.parts, 0.95), "of the duration", "≤ 0.30"},
	})
}

func (s few) clouds() []account {
	unlimited := fakecloud.Switches{RatesOff: true, Durations: ordinary}
	all := []account{{name: "poller10s", plain: true, switches: unlimited}, {name: "poller1s", plain: true, switches: unlimited}}
	for n := range s.accounts {
		all = append(all, account{name: fmt.Sprint("sweep-", n), settings: "limits: off", switches: unlimited},
			account{name: fmt.Sprint("single-", n), settings: "limits: off, sweep: false", switches: unlimited})
	}
	return all
}

// round begins the jobs of every account and waits for their ends.
func (s few) round(ctx context.Context, b *bench, stage *stage, n int) error {
	b.signs.say(fmt.Sprintf("round %d of %d", n, s.rounds+1))
	for _, a := range stage.accounts {
		if a.plain {
			continue
		}
		if err := stage.copies(a.name, s.jobs); err != nil {
			return err
		}
	}
	return stage.ends.await(ctx, n*2*s.accounts*s.jobs, 2*patience)
}

// kin is the tally of all accounts whose names begin alike.
func (s *stage) kin(prefix string, from, to time.Time) tally {
	var calls []call
	var ends []ending
	for _, a := range s.accounts {
		if strings.HasPrefix(a.name, prefix) {
			calls = append(calls, s.meter.of(a.name, from, to)...)
			ends = append(ends, s.ends.of(a.name, from, to)...)
		}
	}
	return tallyOf(prefix, calls, ends)
}
