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
