package budget_test

import (
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
)

// more begins as much as may begin at that moment.
func more(s *budget.Slots, now float64) (n int) {
	for n < 100 {
		next, can := s.Next(at(now))
		if !can || next.After(at(now)) {
			return n
		}
		s.Hold()
		n++
	}
	return n
}

func TestSlotsAreHeldUntilTheEnd(t *testing.T) {
	t.Parallel()
	s := budget.NewSlots(5)
	if n := more(s, 0); n != 5 {
		t.Fatalf("%d begin, want 5", n)
	}
	if _, can := s.Next(at(1e6)); can {
		t.Error("time alone gives a slot back")
	}
	s.Release()
	s.Release()
	if n := more(s, 1); n != 2 {
		t.Errorf("%d begin after two have ended", n)
	}
	s.Resize(3)
	s.Release()
	if n := more(s, 2); n != 0 || s.Held() != 4 {
		t.Errorf("%d begin beyond a smaller limit, %d held", n, s.Held())
	}
	if n := more(budget.NewSlots(0), 0); n != 100 {
		t.Errorf("%d begin without a limit", n)
	}
}

// TestSlotsLearn shares the slots with somebody else who holds three of them.
func TestSlotsLearn(t *testing.T) {
	t.Parallel()
	s := budget.NewSlots(5)
	more(s, 0)
	for range 3 { // the cloud takes two
		s.Release()
		s.Throttled(at(0), at(1), after(60))
	}
	if n := more(s, 2); n != 0 || s.Held() != 2 {
		t.Fatalf("%d begin while closed, %d held", n, s.Held())
	}
	s.Release()
	if n := more(s, 3); n != 1 {
		t.Errorf("%d begin in place of one that has ended, want 1", n)
	}
	if next, can := s.Next(at(3)); !can || !next.Equal(at(61)) {
		t.Errorf("one more is tried at %v, %t", next.Sub(start), can)
	}
	if n := more(s, 62); n != 1 {
		t.Fatalf("%d are tried, want 1", n)
	}
	s.Release()
	s.Throttled(at(62), at(63), after(60))
	if n := more(s, 64); n != 0 || s.Held() != 2 {
		t.Errorf("%d begin right after a try that failed, %d held", n, s.Held())
	}
	for now := 200.0; now < 1000; now += 100 { // the other one has ended
		more(s, now)
		s.Release()
	}
	if n := more(s, 2000); s.Held() != 5 {
		t.Errorf("%d begin, %d held long after the other one has ended", n, s.Held())
	}
}

// TestSlotsRefusedFromTheStart: somebody else holds all of them.
func TestSlotsRefusedFromTheStart(t *testing.T) {
	t.Parallel()
	s := budget.NewSlots(5)
	var tried []float64
	for now := 0.0; now < 3600; now++ {
		if more(s, now) == 0 {
			continue
		}
		tried = append(tried, now)
		for s.Held() > 0 {
			s.Release()
			s.Throttled(at(now), at(now+0.5), func(times int) time.Duration { return min(time.Minute<<(times-1), 5*time.Minute) })
		}
	}
	if len(tried) > 15 || len(tried) < 10 {
		t.Errorf("tried %d times in an hour: %v", len(tried), tried)
	}
}
