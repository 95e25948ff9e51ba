package engine

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/pace"
	"github.com/imsworker/imsworker/messages"
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
	case !res.sent:
		w.Cancel()
	case res.shut == bucket:
		w.Throttled(res.begun, now, res.calm)
	default:
		w.Answered(now)
	}
	if res.sent && a.conf != nil && a.conf.single(bucket) {
		a.query(bucket).Spend(now)
	}
}

// throttled closes the bucket that the cloud throttles. The two halves of a
// mixed one are one to the cloud.
func (g *Engine) throttled(a *account, res result, now time.Time) {
	if res.shutAt == "" || res.shutAt == a.name {
		a.shutBy[res.shut] = refusal(res.cause)
	}
	counted := res.sent && res.shut == res.entry.queued.Value()
	if !counted || mixed(res.shut) {
		g.bucketAt(a, cmp.Or(res.shutAt, a.name), res.shut).Throttled(now, res.calm)
	}
	if !counted && mixed(res.shut) && (res.shutAt == "" || res.shutAt == a.name) {
		a.window(res.shut).Refused(res.begun, now, res.calm)
	}
}

// refusal is what the cloud has said, in a few words for those who look at the
// limits: its code, or the HTTP status, and its text. Nothing in it is secret.
func refusal(cause error) string {
	e, ok := errors.AsType[*ims.Error](cause)
	if !ok {
		return ""
	}
	words := []string{e.Code, e.Message}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), ": ")
}

// closed notes in the use of a bucket that the cloud has closed it, until when
// and with what words.
func (a *account) closed(use *messages.BucketUse, until, now time.Time) {
	if use.ClosedUntil = moment(future(until, now)); use.ClosedUntil != nil {
		use.ClosedBy = a.shutBy[use.Bucket]
	}
}

// reopen forgets the words about buckets that are open again.
func (a *account) reopen(now time.Time) {
	maps.DeleteFunc(a.shutBy, func(bucket, _ string) bool {
		w, p := a.windows[bucket], a.paced[bucket]
		return (w == nil || !w.ClosedUntil().After(now)) && (p == nil || !p.Closed(now))
	})
}
