package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// TestEveryCodeAtSubmission answers the first creating call with each code
// that is documented and takes the next one: the record does what the verdict
// says.
func TestEveryCodeAtSubmission(t *testing.T) {
	t.Parallel()
	for _, code := range ims.Codes() {
		t.Run(code.Code, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				refused := refusal(statusOf(code), code.Code)
				w.cloud.create = func(n int) reply {
					if n == 1 {
						return refused
					}
					return accepted()
				}
				w.start()
				began := time.Now()
				key := w.request("a", nil)
				switch code.Verdict {
				case ims.Refused, ims.Already:
					w.expect(key, "accepted rejected")
					w.wantPosts(1)
					w.wantFailure(key, code, messages.Reason(code.Reason))
				default: // waits, each of its kind, and is asked for again
					w.expect(key, "accepted submitted succeeded")
					w.wantPosts(2)
					w.wantPause(code.Verdict, w.cloud.creates[1].Sub(began))
				}
			})
		})
	}
}

// TestEveryCodeThatLasts answers each creating call with a code that passes as
// a rule, and does not this time: the request ends rejected at its deadline,
// with the code.
func TestEveryCodeThatLasts(t *testing.T) {
	t.Parallel()
	for _, code := range ims.Codes() {
		if code.Verdict != ims.Park {
			continue
		}
		t.Run(code.Code, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				w.cloud.create = func(int) reply { return refusal(statusOf(code), code.Code) }
				w.start()
				key := w.request("a", func(r *ledger.Record) { r.Deadline = time.Now().Add(10 * time.Minute) })
				w.expect(key, "accepted rejected")
				w.wantFailure(key, code, messages.Reason(code.Reason))
				if w.posts() < 2 {
					w.t.Errorf("%d calls were made", w.posts())
				}
			})
		})
	}
}

// wantPause holds the time to the second call against what the verdict says:
// an uncertain one is not repeated within the horizon.
func (w *world) wantPause(v ims.Verdict, took time.Duration) {
	w.t.Helper()
	least := map[ims.Verdict]time.Duration{ims.Park: 15 * time.Second, ims.Throttled: 30 * time.Second, ims.Account: 10 * time.Second, ims.Uncertain: 20 * time.Minute}[v]
	if took < least || took > 25*time.Minute {
		w.t.Errorf("asked again after %s, want at least %s", took, least)
	}
}

// TestEveryCodeAsAJobsFailure ends the job with each code that is documented.
func TestEveryCodeAsAJobsFailure(t *testing.T) {
	t.Parallel()
	for _, code := range ims.Codes() {
		t.Run(code.Code, func(t *testing.T) {
			t.Parallel()
			run(t, func(w *world) {
				w.cloud.job = func(int) reply {
					fail := jobIs("FAIL", `{"image_name":"copy"}`)
					fail.body = strings.Replace(fail.body, `"error_code":null,"fail_reason":null`, `"error_code":"`+code.Code+`","fail_reason":"the cloud's words"`, 1)
					return fail
				}
				w.start()
				key := w.request("a", nil)
				w.expect(key, "accepted submitted failed")
				w.wantPosts(1)
				w.wantFailure(key, code, messages.ReasonJobFailed)
			})
		})
	}
}

func (w *world) wantFailure(key string, code ims.Meaning, reason messages.Reason) {
	w.t.Helper()
	e := w.events.last(w.t, key).Error
	if e.Code != code.Code || e.Reason != reason || reason == messages.ReasonInternal || e.Remedy == "" || e.Message != "the cloud's words" {
		w.t.Errorf("error %+v, want reason %s", e, reason)
	}
}

// statusOf is the HTTP status with which a code comes; business errors of the
// image service are 400 whatever they mean (API reference 6.5, 6.6).
func statusOf(m ims.Meaning) int {
	gateway := strings.HasPrefix(m.Code, "APIGW.")
	switch {
	case m.Verdict == ims.Throttled && !strings.HasPrefix(m.Code, "IMG."):
		return 429
	case m.Verdict == ims.Account && gateway:
		return 401
	case m.Verdict == ims.Uncertain && gateway:
		return 500
	}
	return 400
}
