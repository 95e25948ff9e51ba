package ims

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// clock knows how far the cloud's clock is from ours.
type clock struct {
	mu    sync.Mutex // guards the rest
	ahead time.Duration
	known bool
}

func (c *clock) offset() (time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead, c.known
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

func (c *clock) set(ahead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead, c.known = ahead, true
}

// dating is the link that reads the Date of every answer.
func dating(next link, c *clock) link {
	return func(ctx context.Context, k call) (*reply, error) {
		r, err := next(ctx, k)
		if r == nil || r.header.Get("Date") == "" {
			return r, err
		}
		if date, bad := http.ParseTime(r.header.Get("Date")); bad == nil {
			c.set(date.Sub(r.at))
		}
		return r, err
	}
}
