package engine

import (
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
)

// TestLentPartsFit: what owner and askers may ask together is never more than
// the limit, and the parts are equal.
func TestLentPartsFit(t *testing.T) {
	t.Parallel()
	for _, count := range []int{2, 5, 10, 20, 60, 200, 1400} {
		for askers := range 8 {
			conf := &Account{Askers: askers, Limits: map[string]budget.Limit{"list": {Count: count, Window: time.Minute}, "show_job": {Count: count, Window: time.Minute}}}
			if got := questions(conf, "show_job").Count; got != count {
				t.Errorf("%d of %d jobs may be asked for: nobody else asks for them", got, count)
			}
			own, other := questions(conf, "list"), lent(conf, "list")
			if askers == 0 {
				if own.Count != count {
					t.Errorf("%d of %d lists, although nobody else asks", own.Count, count)
				}
				continue
			}
			all := asked(own) + float64(askers)*asked(other)
			if askers <= max(1, count/10) && all > float64(count) {
				t.Errorf("limit %d, %d askers: %v and %v are %.1f in a window", count, askers, own, other, all)
			}
		}
	}
}

// asked is the largest number of questions that a bucket lets through within a
// minute.
func asked(l budget.Limit) (most float64) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := budget.NewPaced(l, start)
	now := start.Add(time.Hour) // all that can be is saved up
	for n := 0; ; n++ {
		if now = p.Next(now); now.After(start.Add(time.Hour + time.Minute - time.Millisecond)) {
			return float64(n)
		}
		p.Take(now)
	}
}
