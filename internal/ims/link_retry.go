package ims

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// retry is how calls that read are repeated: for seconds, never longer.
type retry struct {
	tries int
	base  time.Duration // the first wait is random up to this, the next up to twice as much
	limit time.Duration
}

var defaultRetry = retry{tries: 3, base: 500 * time.Millisecond, limit: 2 * time.Second}

// retrying is the link that repeats calls that read. A throttled call is not
// repeated: whoever owns the budget has to know of it.
func retrying(next link, p retry) link {
	return func(ctx context.Context, k call) (*reply, error) {
		for try := 1; ; try++ {
			r, err := next(ctx, k)
			if err == nil || !k.reads() || try >= p.tries || !passing(ctx, err) {
				return r, err
			}
			if !pause(ctx, p.wait(try)) {
				return r, err
			}
		}
	}
}

// passing reports whether the failure may be gone in a moment.
func passing(ctx context.Context, err error) bool {
	if e, ok := errors.AsType[*Error](err); ctx.Err() != nil || ok && e.unpaced {
		return false
	}
	switch VerdictOf(err) {
	case NotSent, Uncertain:
		return true
	default:
		return false
	}
}

// wait is full jitter: hundreds of waiting callers must not come back at once.
func (p retry) wait(try int) time.Duration {
	return rand.N(min(p.base<<(try-1), p.limit)) + time.Millisecond
}

// pause waits for d and reports whether ctx let it.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
