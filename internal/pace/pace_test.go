package pace_test

import (
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/pace"
)

func within(t *testing.T, got, want time.Duration) {
	t.Helper()
	low, high := want*8/10, want*12/10
	if got < low || got > high {
		t.Errorf("got %v, want %v to %v", got, low, high)
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ age, want time.Duration }{
		"just_started": {0, 5 * time.Second},
		"seconds":      {7 * time.Second, 10 * time.Second},
		"half_minute":  {20 * time.Second, 15 * time.Second},
		"minutes":      {10 * time.Minute, 30 * time.Second},
		"old":          {3 * time.Hour, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 100 {
				within(t, pace.Next(c.age), c.want)
			}
		})
	}
}

func TestNextIsSpread(t *testing.T) {
	t.Parallel()
	seen := map[time.Duration]bool{}
	for range 50 {
		seen[pace.Next(time.Hour)] = true
	}
	if len(seen) < 10 {
		t.Errorf("50 waits had only %d different lengths", len(seen))
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	within(t, pace.Backoff(1, 30*time.Second, 2*time.Minute), 30*time.Second)
	within(t, pace.Backoff(2, 30*time.Second, 2*time.Minute), time.Minute)
	within(t, pace.Backoff(50, 30*time.Second, 2*time.Minute), 2*time.Minute)
}
