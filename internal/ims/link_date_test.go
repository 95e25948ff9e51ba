package ims

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestFasterClockGoesOn between two answers: by an offset alone it would stand
// behind by as much as it is faster.
func TestFasterClockGoesOn(t *testing.T) {
	t.Parallel()
	for factor, want := range map[float64]time.Duration{1: time.Hour, 60: time.Hour + 59*10*time.Second} {
		synctest.Test(t, func(t *testing.T) {
			c := &clock{factor: factor}
			if _, known := c.offset(); known {
				t.Error("known before any answer")
			}
			now := time.Now()
			c.set(now.Add(time.Hour), now)
			time.Sleep(10 * time.Second)
			if got, known := c.offset(); !known || got != want {
				t.Errorf("%v times faster: %s ahead, want %s", factor, got, want)
			}
		})
	}
}
