package engine_test

import (
	"fmt"
	"testing"
	"time"
)

// TestTargetsOfProgressAlone: with show_progress as the only query, up to 500
// jobs are each asked for within a quarter of an hour, and the delays are close
// to each other, as small as the number of jobs permits. More than there is room
// for are asked for in turns. It is a fifth of the real limit, and of the jobs,
// among which chance weighs more: 500 have p95 at 1.4 times the median, 300 and
// less, which have a delay of half a minute, at 1.9.
func TestTargetsOfProgressAlone(t *testing.T) {
	t.Parallel()
	for flight, most := range map[int]noticed{
		60:  {gap: 15 * time.Minute, median: time.Minute, p95: 2 * time.Minute},
		94:  {gap: 15 * time.Minute, median: 2 * time.Minute, p95: 3 * time.Minute},
		100: {gap: 15 * time.Minute, median: 6 * time.Minute, p95: 9 * time.Minute},
		108: {gap: 16 * time.Minute, median: 9 * time.Minute, p95: 16 * time.Minute},
	} {
		t.Run(fmt.Sprint(flight), func(t *testing.T) {
			t.Parallel()
			got := scene{
				medians: times(0, time.Hour), noSweep: true, progress: true, limit: map[string]int{"show_progress": 40, "whole": 1000},
				from: 80 * time.Minute, to: 180 * time.Minute, flight: flight,
			}.play(t)
			ratio := float64(got.p95) / float64(got.median)
			t.Logf("%+v, p95 is %.2f times the median", got, ratio)
			if got.throttled > 0 || got.gap > most.gap || got.median > most.median || got.p95 > most.p95 || flight <= 100 && ratio > 3 {
				t.Errorf("%+v, want at most %+v", got, most)
			}
		})
	}
}
