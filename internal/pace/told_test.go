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
			most := bound.Of(d)
			if name == "unknown" { // nobody asks more often than four times as often as by age: each 30 s, a fifth more or less
				most = max(most, 9*time.Second)
			}
			if delay > most {
				t.Errorf("%s, %s: noticed after %s, want %s at most", name, d, delay, most)
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

// TestToldGrace: where turns are scarce, an end that is promised is looked for
// later, unless it is so far away then that the look stands in line as others.
func TestToldGrace(t *testing.T) {
	t.Parallel()
	p := taught(500, time.Hour, 0.6).Plan(bound).Alone(0.29)
	p.Line = 10 * time.Minute
	share := pace.Share{Now: 0.9, Before: 0.5}
	before, _ := p.Told(54*time.Minute, share)
	p.Grace = 2 * time.Minute
	if wait, near := p.Told(54*time.Minute, share); !near || wait != before+p.Grace {
		t.Errorf("%v, after %s, of which %s without", near, wait, before)
	}
	p.Grace = p.Line
	if wait, near := p.Told(54*time.Minute, share); near || wait > bound.Max {
		t.Errorf("%v, after %s", near, wait)
	}
}

// rests follows a job that takes d, asked for every half minute, and returns how
// long it is said to take from then on, with the cloud's word and without.
func rests(o pace.Outlook, d time.Duration, told func(age time.Duration) float64) (sharp, plain []time.Duration) {
	before, first, fell := 0.0, time.Duration(0), 0.0
	for age := 30 * time.Second; age < d; age += 30 * time.Second {
		share := told(age)
		if share != before {
			first, fell = age, before
		}
		before = share
		for ago := time.Duration(0); ago < 30*time.Second && age+ago < d; ago += 10 * time.Second {
			with, _ := o.Sharpened(age+ago, pace.Share{Now: share, Before: fell, Since: age - first}, ago)
			without, _ := o.Remaining(age + ago)
			sharp, plain = append(sharp, with), append(plain, without)
		}
	}
	return sharp, plain
}

// TestSharpened: percentages that are true tell the end of jobs that take longer
// or shorter than most.
func TestSharpened(t *testing.T) {
	t.Parallel()
	o := taught(2000, 10*time.Minute, 0.6).Outlook()
	for _, d := range []time.Duration{5 * time.Minute, 10 * time.Minute, 20 * time.Minute} {
		sharp, plain := rests(o, d, func(age time.Duration) float64 { return float64(int(100*float64(age)/float64(d))) / 100 })
		off, without := time.Duration(0), time.Duration(0)
		for i := range sharp {
			left := d - 30*time.Second - time.Duration(i)*10*time.Second
			off, without = off+(sharp[i]-left).Abs(), without+(plain[i]-left).Abs()
		}
		if n := time.Duration(len(sharp)); off/n > d/10 || off > without/2 {
			t.Errorf("%s: off by %s on average, %s without", d, off/n, without/n)
		}
	}
}

// TestSharpenedByLies: percentages that stick, jump or lie move the end within
// limits, and what sticks promises no end for ever.
func TestSharpenedByLies(t *testing.T) {
	t.Parallel()
	o := taught(2000, 10*time.Minute, 0.6).Outlook()
	const d = 20 * time.Minute
	for name, c := range map[string]struct {
		told   func(age time.Duration) float64
		sticks bool
	}{
		"constant_0":     {func(time.Duration) float64 { return 0 }, true},
		"stuck_at_50":    {func(age time.Duration) float64 { return min(0.5, age.Minutes()/10) }, true},
		"stuck_at_99":    {func(age time.Duration) float64 { return min(0.99, age.Minutes()/5) }, true},
		"at_100_at_once": {func(time.Duration) float64 { return 1 }, true},
		"jump":           {func(age time.Duration) float64 { return map[bool]float64{false: 0.05, true: 0.95}[age > time.Minute] }, true},
		"backwards":      {func(age time.Duration) float64 { return 1 - age.Minutes()/21 }, true},
		"creeps":         {func(age time.Duration) float64 { return 0.9 + age.Minutes()/250 }, false},
		"far_too_little": {func(age time.Duration) float64 { return age.Minutes() / 200 }, false},
		"negative":       {func(time.Duration) float64 { return -3 }, true},
	} {
		sharp, plain := rests(o, d, c.told)
		for i := range sharp {
			if sharp[i] < plain[i]/4 || sharp[i] > 4*plain[i] {
				t.Errorf("%s: %s left, %s without", name, sharp[i], plain[i])
			}
		}
		if last := len(sharp) - 1; c.sticks && sharp[last] != plain[last] {
			t.Errorf("%s: %s left in the end, %s without", name, sharp[last], plain[last])
		}
	}
	if _, known := (pace.Outlook{}).Sharpened(time.Minute, pace.Share{Now: 0.5}, 0); known {
		t.Error("believes the cloud although nothing is known")
	}
}
