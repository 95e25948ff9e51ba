package pace

import (
	"maps"
	"math"
	"slices"
	"time"
)

// part is a share of the jobs that take that long.
type part struct {
	d     time.Duration
	share float64
}

// dist is how the durations of all jobs are spread, the shortest first; the
// shares make 1 together. The last part may stand for jobs of which is only
// known that they take longer.
type dist struct {
	parts []part
	open  bool // the last part is such a one
}

// among is what is believed when jobs of those ages still run. Where all were
// begun together, those that have ended are the short ones: the others count as
// having taken longer than their age (the estimator of Kaplan and Meier).
func (m *Model) among(alive []time.Duration) dist {
	steps := slices.Sorted(maps.Keys(m.weights))
	risk := m.total + float64(len(alive))
	ages := slices.Sorted(slices.Values(alive))
	var d dist
	left := 1.0
	for _, step := range steps {
		at, w := durationOf(step), m.weights[step]
		for len(ages) > 0 && ages[0] < at {
			ages, risk = ages[1:], risk-1
		}
		share := left * min(1, w/max(risk, w))
		d.parts = append(d.parts, part{at, share})
		left, risk = left-share, risk-w
	}
	if n := len(d.parts); n > 0 && left > math.SmallestNonzeroFloat32 {
		d.open = len(ages) > 0
		if d.open {
			d.parts = append(d.parts, part{d.parts[n-1].d, left})
		}
	}
	return d
}

// quantile is the duration within which that share of the jobs ends; false
// where that is only known to be longer than the last one.
func (d dist) quantile(share float64) (time.Duration, bool) {
	left := share
	for i, p := range d.parts {
		if left -= p.share; left <= 1e-9 || i == len(d.parts)-1 {
			return p.d, !d.open || i < len(d.parts)-1
		}
	}
	return 0, false
}

// late is the share of the ends that looks at all jobs notice after their
// allowance, if there is that long between two of them.
func (d dist) late(every time.Duration, allowed func(time.Duration) time.Duration) (share float64) {
	for _, p := range d.parts {
		share += p.share * max(0, 1-float64(allowed(p.d))/float64(every))
	}
	return share
}

// passed is the age before which hardly any job of an unknown kind has ended,
// by those that are older and still run.
func (m *Model) passed(alive []time.Duration) time.Duration {
	if len(alive) < witnesses {
		return 0
	}
	ages := slices.Sorted(slices.Values(alive))
	age := ages[len(ages)-witnesses]
	ended := 0.0
	for step, w := range m.weights {
		if durationOf(step) <= age {
			ended += w
		}
	}
	if ended > 0.02*witnesses {
		return 0
	}
	return age
}
