package simulate

import (
	"slices"
	"testing"
	"time"
)

// tries is how often a plan may happen before it is taken for one that breaks
// nothing: waits after refusals are drawn anew each time.
const tries = 3

// longest is how long one plan is made smaller.
const longest = 30 * time.Second

// broken lets a plan happen until it breaks the rule; an empty rule is any.
func broken(t *testing.T, p plan, rule string) (report, bool) {
	t.Helper()
	var r report
	for range tries {
		if r = simulate(t, p); r.breaks(rule) {
			return r, true
		}
	}
	return r, false
}

func (r report) breaks(rule string) bool {
	return slices.ContainsFunc(r.violations, func(v violation) bool { return rule == "" || v.rule == rule })
}

// shrink leaves things out of a plan as long as it still breaks the rule, first
// many at once, then each by itself. It gives up after so many plans,
// or after half a minute.
func shrink(t *testing.T, p plan, last report, rule string, budget int) (plan, report) {
	t.Helper()
	limit := time.Now().Add(longest)
	attempt := func(smaller plan) bool {
		if budget--; budget < 0 || time.Now().After(limit) {
			return false
		}
		r, is := broken(t, smaller, rule)
		if is {
			p, last = smaller, r
		}
		return is
	}
	for size := len(p.items) / 2; size > 0 && budget > 0; size /= 2 {
		for from := 0; from < len(p.items) && budget > 0; {
			to := min(from+size, len(p.items))
			smaller := p
			smaller.items = slices.Delete(slices.Clone(p.items), from, to)
			if !attempt(smaller) {
				from += size
			}
		}
	}
	for p.replicas > 1 || p.shards > 1 {
		smaller := p
		smaller.replicas, smaller.shards = max(1, p.replicas-1), 1
		if !attempt(smaller) {
			break
		}
	}
	return p, last
}
