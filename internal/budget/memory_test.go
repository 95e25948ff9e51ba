package budget_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
)

// stored is a memory as it comes back from where it was kept.
func stored(t *testing.T, m budget.Memory) (back budget.Memory) {
	t.Helper()
	data, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	return back
}

// halvedWindow is a window of 15 calls in five minutes, of which the cloud has
// taken 7.
func halvedWindow(t *testing.T, now time.Time) *budget.Window {
	t.Helper()
	w := budget.NewWindow(budget.Limit{Count: 15, Window: 5 * time.Minute})
	if m := w.Memory(now); m != (budget.Memory{}) {
		t.Errorf("a new window remembers %+v", m)
	}
	for range 15 {
		w.Take(now)
	}
	for n := range 15 {
		if n < 7 {
			w.Answered(now)
		} else {
			w.Throttled(now, now, func(int) time.Duration { return time.Minute })
		}
	}
	return w
}

// TestMemoryOfAWindow: the next owner sends no more than the cloud takes, calls
// of the one before included; for a while, and under the same limit only.
func TestMemoryOfAWindow(t *testing.T) {
	t.Parallel()
	begun := time.Now()
	kept := stored(t, halvedWindow(t, begun).Memory(begun))
	now := begun.Add(2 * time.Minute)
	next := budget.NewWindow(budget.Limit{Count: 15, Window: 5 * time.Minute})
	for range 7 {
		next.Restore(begun)
	}
	next.Recall(kept, now)
	if next.Allowed() != 7 || next.Take(now) {
		t.Errorf("allows %d, and one more than the cloud takes", next.Allowed())
	}
	later, taken := begun.Add(5*time.Minute+time.Second), 0
	for next.Take(later) {
		taken++
	}
	if taken != 7 {
		t.Errorf("%d a window later", taken)
	}
	for name, c := range map[string]struct {
		limit budget.Limit
		at    time.Time
	}{
		"old":     {budget.Limit{Count: 15, Window: 5 * time.Minute}, begun.Add(3 * time.Hour)},
		"changed": {budget.Limit{Count: 20, Window: 5 * time.Minute}, now},
	} {
		w := budget.NewWindow(c.limit)
		if w.Recall(kept, c.at); w.Allowed() != c.limit.Count {
			t.Errorf("%s: allows %d", name, w.Allowed())
		}
	}
}

// TestMemoryOfAClosure: a bucket that the cloud has closed stays closed for the
// next owner, but not for ever whatever was kept.
func TestMemoryOfAClosure(t *testing.T) {
	t.Parallel()
	now := time.Now()
	kept := stored(t, halvedWindow(t, now).Memory(now))
	unlimited := budget.NewWindow(budget.Limit{})
	unlimited.Recall(kept, now)
	if at := unlimited.Next(now); !at.Equal(now.Add(time.Minute).Round(0)) && at.Sub(now).Round(time.Second) != time.Minute {
		t.Errorf("opens after %s", at.Sub(now))
	}
	kept.Until = now.Add(1000 * time.Hour)
	w := budget.NewWindow(budget.Limit{Count: 15, Window: 5 * time.Minute})
	if w.Recall(kept, now); w.ClosedUntil().After(now.Add(time.Hour)) {
		t.Errorf("closed for %s", w.ClosedUntil().Sub(now))
	}
}

// TestMemoryOfAPace: the next owner asks as slowly as the one before, and tries
// more when that one would have.
func TestMemoryOfAPace(t *testing.T) {
	t.Parallel()
	now := time.Now()
	limit := budget.Limit{Count: 200, Window: 5 * time.Minute}
	p := budget.NewPaced(limit, now)
	p.Throttled(now, func(int) time.Duration { return time.Minute })
	next := budget.NewPaced(limit, now)
	next.Recall(stored(t, p.Memory(now)), now)
	if next.Rate() != p.Rate() || !next.Closed(now.Add(59*time.Second)) || next.Take(now.Add(time.Minute)) {
		t.Errorf("%f questions a second, %f before", next.Rate(), p.Rate())
	}
	for _, at := range []time.Duration{10 * time.Minute, 30 * time.Minute, time.Hour} {
		p.Take(now.Add(at))
		if next.Take(now.Add(at)); next.Rate() != p.Rate() {
			t.Errorf("after %s: %f questions a second, %f of who did not change", at, next.Rate(), p.Rate())
		}
	}
	mad := budget.Memory{Count: 200, Window: 5 * time.Minute, Takes: 1e-9, Patience: 1 << 40, Since: now.Add(time.Hour), Wait: -1, Times: -1}
	sane := budget.NewPaced(limit, now)
	if sane.Recall(mad, now); sane.Rate() <= 0 || sane.Closed(now) {
		t.Errorf("%f questions a second", sane.Rate())
	}
}
