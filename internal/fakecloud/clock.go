package fakecloud

import "time"

// never is the time of what does not happen.
var never = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// clock is the virtual clock: it started at virtual0 when the wall showed
// real0, and runs factor times faster. It is a value and never changes.
type clock struct {
	Real0    time.Time `json:"real"`
	Virtual0 time.Time `json:"virtual"`
	Factor   float64   `json:"factor"`
}

// startClock returns a clock that shows the wall's time now.
func startClock(factor float64) clock {
	now := time.Now()
	return clock{Real0: now, Virtual0: now.UTC().Round(0), Factor: factor}
}

// now is the time that every answer of the fake speaks of.
func (c clock) now() time.Time {
	return c.at(time.Now())
}

func (c clock) at(wall time.Time) time.Time {
	elapsed := wall.Sub(c.Real0)
	return c.Virtual0.Add(time.Duration(float64(elapsed) * c.Factor))
}

// faster continues the clock at another speed without a jump.
func (c clock) faster(factor float64) clock {
	if factor == c.Factor {
		return c
	}
	now := time.Now()
	return clock{Real0: now, Virtual0: c.at(now), Factor: factor}
}
