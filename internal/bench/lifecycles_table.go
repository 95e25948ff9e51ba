package main

import (
	"fmt"
	"strings"
	"time"
)

// The share of the floors that the worker is to reach on a quiet machine.
const (
	targetSame  = "≥ 0.7"
	targetThree = "≥ 0.3"
)

// of collects one number of every turn.
func (c *contestant) of(number func(measure) float64) float64 {
	var values []float64
	for _, m := range c.seen {
		values = append(values, number(m))
	}
	return median(values)
}

func rate(m measure) float64   { return m.rate }
func writes(m measure) float64 { return m.writes }
func calls(m measure) float64  { return m.calls }

// micros are microseconds of processor time; the publisher and the cloud,
// which are the same for all, are in the bench's.
func micros(part func(measure) time.Duration) func(measure) float64 {
	return func(m measure) float64 { return float64(part(m).Microseconds()) }
}

// rows are the table of one comparison.
func rows(all ...*contestant) [][]string {
	lines := [][]string{{"", "lives/s", "rounds", "writes a life", "calls a life", "µs of bench a life", "µs of broker a life"}}
	for _, c := range all {
		var rounds []string
		for _, m := range c.seen {
			rounds = append(rounds, fmt.Sprintf("%.0f", m.rate))
		}
		lines = append(lines, []string{
			c.name, number(c.of(rate)), strings.Join(rounds, " "), number(c.of(writes)), number(c.of(calls)),
			number(c.of(micros(func(m measure) time.Duration { return m.own }))), number(c.of(micros(func(m measure) time.Duration { return m.broker }))),
		})
	}
	return lines
}

// results are the figures of one comparison. A ratio is the median of the
// rounds' ratios: what disturbs a machine lasts longer than a turn.
func results(worker, same, three *contestant, suffix string) []figure {
	const unit = "lifecycles/s"
	name := "writes_per_lifecycle"
	if suffix != "_r1" {
		name += suffix
	}
	return []figure{
		{name, worker.of(writes), "writes", ""},
		{"floor_same_writes" + suffix, same.of(rate), unit, ""},
		{"floor_3_writes" + suffix, three.of(rate), unit, ""},
		{"worker" + suffix, worker.of(rate), unit, ""},
		{"ratio_same_writes" + suffix, ratio(worker, same), "ratio", targetSame},
		{"ratio_3_writes" + suffix, ratio(worker, three), "ratio", targetThree},
	}
}

func ratio(worker, floor *contestant) float64 {
	var ratios []float64
	for i := range worker.seen {
		if base := floor.seen[i].rate; base > 0 {
			ratios = append(ratios, worker.seen[i].rate/base)
		}
	}
	return median(ratios)
}
