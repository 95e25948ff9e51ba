package engine

import (
	"testing"
	"time"
)

// renewed is a lease whose latest renewal was stored then.
type renewed time.Time

func (renewed) Valid() bool          { return true }
func (r renewed) Renewed() time.Time { return time.Time(r) }

// TestClaimsAgeByTheBrokersClock: a replica whose clock is wrong must not take
// a claim that was made just now for an old one.
func TestClaimsAgeByTheBrokersClock(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lease Lease
		made  time.Duration // before now, by our clock
		age   time.Duration
	}{
		"same":          {renewed(time.Now()), 40 * time.Second, 40 * time.Second},
		"we_are_ahead":  {renewed(time.Now().Add(-time.Hour)), time.Hour + time.Second, time.Second},
		"we_are_behind": {renewed(time.Now().Add(time.Hour)), 40*time.Second - time.Hour, 40 * time.Second},
		"after_renewal": {renewed(time.Now().Add(-time.Hour)), time.Hour - time.Second, 0},
		"not_known":     {renewed{}, 40 * time.Second, 40 * time.Second},
	} {
		g := &Engine{Options: Options{Lease: c.lease}}
		now := time.Now()
		if age := now.Sub(g.ours(now.Add(-c.made))); age < c.age-time.Second/2 || age > c.age+time.Second/2 {
			t.Errorf("%s: a claim is %v old, want %v", name, age, c.age)
		}
	}
	g := &Engine{}
	if age := time.Since(g.ours(time.Time{})); age > time.Minute {
		t.Errorf("a claim that was never heard of is %v old", age)
	}
}
