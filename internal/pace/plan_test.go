package pace_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/pace"
)

var bound = pace.Bound{Ratio: 0.03, Min: 2 * time.Second, Max: time.Minute}

// TestPlanKeepsItsBound follows jobs whose kind is known: their ends are
// noticed within the bound, and nobody looks before the first may be done.
func TestPlanKeepsItsBound(t *testing.T) {
	t.Parallel()
	p := taught(500, 3*time.Minute, 0.6).Plan(bound)
	random := rand.New(rand.NewPCG(3, 4))
	var ratios []float64
	for range 2000 {
		d := time.Duration(float64(3*time.Minute) * math.Exp(0.6*random.NormFloat64()))
		at, looks := time.Duration(0), 0
		for at < d {
			at += p.Wait(at)
			looks++
		}
		ratios = append(ratios, float64(at-d)/float64(bound.Of(d)))
		if looks > 120 {
			t.Fatalf("%d looks at a job of %s", looks, d)
		}
	}
	slices.Sort(ratios)
	if p95 := ratios[len(ratios)*95/100]; p95 > 1.05 {
		t.Errorf("p95 of the delay is %.2f of the bound", p95)
	}
}

func TestPlanOfNothing(t *testing.T) {
	t.Parallel()
	p := new(pace.Model).Plan(bound)
	for age, want := range map[time.Duration]time.Duration{0: 5 * time.Second, time.Minute: 30 * time.Second, time.Hour: time.Minute} {
		if got := p.Wait(age); got < want*79/100 || got > want*121/100 || got > bound.Max {
			t.Errorf("wait %s at %s, want about %s", got, age, want)
		}
	}
}

// TestPlanLeavesTheEarlyAlone: the first look comes when the early percent
// would be done.
func TestPlanLeavesTheEarlyAlone(t *testing.T) {
	t.Parallel()
	p := taught(500, time.Hour, 0.1).Plan(bound)
	if wait := p.Wait(0); wait < 40*time.Minute || wait > 55*time.Minute {
		t.Errorf("first look after %s", wait)
	}
	if wait := p.Wait(5 * time.Hour); wait > bound.Max {
		t.Errorf("an outlier waits %s", wait)
	}
}

// TestPlanOfJobsBegunTogether: those that have ended are the short ones, and
// the others are no outliers for taking longer.
func TestPlanOfJobsBegunTogether(t *testing.T) {
	t.Parallel()
	m, age := &pace.Model{}, 90*time.Second
	for i := range 10 {
		m.Learn(50*time.Second + time.Duration(i)*4*time.Second)
	}
	alive := slices.Repeat([]time.Duration{age}, 40)
	for age := age; age < 20*time.Minute; age += time.Minute {
		p := m.Plan(bound, alive...)
		if got := p.Wait(age); got > bound.Of(age)*3/2 {
			t.Errorf("at %s the next look comes after %s, the bound is %s", age, got, bound.Of(age))
		}
	}
	if got := m.Plan(bound).Wait(10 * time.Minute); got < 20*time.Second {
		t.Errorf("an outlier is looked at after %s", got)
	}
}

// TestPlanOfManyUnknown: where many are older and none has ended, the young ones
// are left alone.
func TestPlanOfManyUnknown(t *testing.T) {
	t.Parallel()
	var alive []time.Duration
	for i := range 100 {
		alive = append(alive, time.Duration(i)*10*time.Second)
	}
	p := new(pace.Model).Plan(bound, alive...)
	p.Shared = len(alive)
	if got := p.Wait(time.Minute); got < 6*time.Minute || got > 9*time.Minute {
		t.Errorf("a young one is looked at after %s", got)
	}
	if got := p.Wait(10 * time.Minute); got > time.Minute {
		t.Errorf("an old one is looked at after %s", got)
	}
	m := &pace.Model{}
	for range 5 {
		m.Learn(20 * time.Second)
	}
	p = m.Plan(bound, alive...)
	p.Shared = len(alive)
	if got := p.Wait(15 * time.Second); got > 3*time.Second {
		t.Errorf("although some have ended young: %s", got)
	}
}

// TestPlanForFewAndMany: the fewer share a look, the fewer looks there are; of
// an unknown kind too.
func TestPlanForFewAndMany(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]*pace.Model{"known": taught(500, 3*time.Minute, 0.6), "unknown": {}} {
		last := time.Duration(0)
		for _, jobs := range []int{1000, 100, 10} {
			p := m.Plan(bound)
			p.Shared = jobs
			got := p.Wait(70 * time.Second)
			if got < last || got > 15*time.Second {
				t.Errorf("%s: %d jobs are looked at after %s, more of them after %s", name, jobs, got, last)
			}
			last = got
		}
		if last < 2500*time.Millisecond {
			t.Errorf("%s: few jobs are looked at after %s", name, last)
		}
	}
}

// TestPlanHasAMost: nobody waits longer, whatever is believed.
func TestPlanHasAMost(t *testing.T) {
	t.Parallel()
	p := taught(500, 5*time.Hour, 0.1).Plan(bound)
	if p.Wait(0) < time.Hour {
		t.Fatalf("looked at after %s", p.Wait(0))
	}
	p.Most = 10 * time.Minute
	if got := p.Wait(0); got != p.Most {
		t.Errorf("looked at after %s", got)
	}
}
