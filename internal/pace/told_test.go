package pace_test

import (
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/pace"
)

// follow looks at a job that takes d, as a plan says and the cloud tells, and
// returns how often, and how long after its end it is noticed.
func follow(p pace.Plan, d time.Duration, told func(age time.Duration) float64) (looks int, delay time.Duration) {
	at, before, first := p.Wait(0), 0.0, time.Duration(0)
	for looks = 1; at < d; looks++ {
		share := told(at)
		if share != before {
			first = at
		}
		wait, _ := p.Told(at, pace.Share{Now: share, Before: before, Since: at - first})
		before, at = share, at+wait
	}
	return looks, at - d
}

// TestToldSharpens: percentages that are true save looks, and no end is noticed
// later.
func TestToldSharpens(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]*pace.Model{"known": taught(500, 3*time.Minute, 0.6), "unknown": {}} {
		p := m.Plan(bound)
		for _, d := range []time.Duration{90 * time.Second, 3 * time.Minute, 10 * time.Minute} {
			plain, _ := follow(p, d, func(time.Duration) float64 { return 0 })
			looks, delay := follow(p, d, func(age time.Duration) float64 { return float64(int(100*float64(age)/float64(d))) / 100 })
			if looks > plain || name == "known" && looks > plain*2/3 {
				t.Errorf("%s, %s: %d looks, %d without", name, d, looks, plain)
			}
			if delay > bound.Of(d) {
				t.Errorf("%s, %s: noticed after %s, the bound is %s", name, d, delay, bound.Of(d))
			}
		}
	}
}

// TestToldLies: percentages that stick, jump or lie move the looks within
// limits.
func TestToldLies(t *testing.T) {
	t.Parallel()
	const d = 5 * time.Minute
	for name, told := range map[string]func(age time.Duration) float64{
		"constant_0":     func(time.Duration) float64 { return 0 },
		"stuck_at_99":    func(age time.Duration) float64 { return min(0.99, 2*age.Minutes()/5) },
		"at_100_at_once": func(time.Duration) float64 { return 1 },
		"jump":           func(age time.Duration) float64 { return map[bool]float64{false: 0.05, true: 0.95}[age > time.Minute] },
		"backwards":      func(age time.Duration) float64 { return 1 - age.Minutes()/6 },
		"creeps":         func(age time.Duration) float64 { return 0.9 + age.Minutes()/100 },
		"far_too_little": func(age time.Duration) float64 { return age.Minutes() / 50 },
		"negative":       func(time.Duration) float64 { return -3 },
	} {
		for kind, m := range map[string]*pace.Model{"known": taught(500, 3*time.Minute, 0.6), "unknown": {}} {
			p := m.Plan(bound)
			plain, usual := follow(p, d, func(time.Duration) float64 { return 0 })
			looks, delay := follow(p, d, told)
			if looks > plain*3 {
				t.Errorf("%s, %s: %d looks, %d without", name, kind, looks, plain)
			}
			if delay > max(usual, 4*bound.Of(d)) && (kind == "known" || delay > bound.Max) {
				t.Errorf("%s, %s: noticed after %s", name, kind, delay)
			}
		}
	}
}

// TestToldJumpsTheLine: where all have to wait for their turn, a job whose end
// is promised before it is looked at then.
func TestToldJumpsTheLine(t *testing.T) {
	t.Parallel()
	p := taught(500, time.Hour, 0.6).Plan(bound).Alone(0.29)
	p.Line = 14 * time.Minute
	wait, near := p.Told(54*time.Minute, pace.Share{Now: 0.9, Before: 0.5})
	if !near || wait < 6*time.Minute || wait > 7*time.Minute {
		t.Errorf("%v, after %s", near, wait)
	}
	if wait, near = p.Told(30*time.Minute, pace.Share{Now: 0.5, Before: 0.2}); near || wait > bound.Max {
		t.Errorf("%v, after %s although it ends in half an hour", near, wait)
	}
}
