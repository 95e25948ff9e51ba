package engine

import (
	"errors"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/pace"
)

// Waits before a bucket is used again that the cloud throttles, where it does
// not say itself how long, in the cloud's time.
const throttleFirst, throttleMost = time.Minute, 5 * time.Minute

// calm is how long a bucket stays closed that was throttled so many times in a
// row.
type calm = func(times int) time.Duration

// calmFor is as long as the cloud says, else longer each time.
func calmFor(conf *Account, cause error) calm {
	return func(times int) time.Duration {
		if e, ok := errors.AsType[*ims.Error](cause); ok {
			if wait := e.RetryAfter(); wait > 0 {
				return conf.Scale(wait)
			}
		}
		return conf.Scale(pace.Backoff(times, throttleFirst, throttleMost))
	}
}

// settle charges a creating call to the slot that was taken for it: the bucket
// of the queue that its entry was in.
func (a *account) settle(bucket string, res result, now time.Time) {
	w := a.window(bucket)
	switch {
	case res.sent && res.shut == bucket:
		w.Throttled(res.begun, now, res.calm)
		if mixed(bucket) {
			a.query(bucket).Throttled(now, res.calm)
		}
		return
	case res.sent:
		w.Answered(now)
	default:
		w.Cancel()
	}
	if res.shut != "" {
		a.throttled(res.shut, res, now)
	}
}

// throttled closes a bucket because of a question.
func (a *account) throttled(bucket string, res result, now time.Time) {
	a.query(bucket).Throttled(now, res.calm)
	if mixed(bucket) {
		a.window(bucket).Refused(res.begun, now, res.calm)
	}
}
