package ims

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// clock knows how far the cloud's clock is from ours.
type clock struct {
	factor float64 // how much faster than ours it runs

	mu    sync.Mutex // guards the rest
	ahead time.Duration
	at    time.Time // by ours, when that was so; zero: not known
}

// offset is how far the cloud's clock is ahead now. One that runs faster has
// gone on since its latest answer.
func (c *clock) offset() (time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() || c.factor == 1 {
		return c.ahead, !c.at.IsZero()
	}
	return c.ahead + time.Duration(float64(time.Since(c.at))*(c.factor-1)), true
}

// now is the cloud's time as far as it is known. A difference of seconds is
// the delay of the answer, not a wrong clock, and is left alone.
func (c *clock) now() time.Time {
	ahead, known := c.offset()
	if !known || ahead.Abs() < time.Minute {
		return time.Now()
	}
	return time.Now().Add(ahead)
}

func (c *clock) set(date, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead, c.at = date.Sub(at), at
}

// dating is the link that reads the Date of every answer.
func dating(next link, c *clock) link {
	return func(ctx context.Context, k call) (*reply, error) {
		r, err := next(ctx, k)
		if r == nil || r.header.Get("Date") == "" {
			return r, err
		}
		if date, bad := http.ParseTime(r.header.Get("Date")); bad == nil {
			c.set(date, r.at)
		}
		return r, err
	}
}
