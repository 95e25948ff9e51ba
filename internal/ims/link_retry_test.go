package ims

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestReadsAreRetried(t *testing.T) {
	t.Parallel()
	s := play(t, step{status: 502}, step{status: 0}, step{status: 200, reply: `{"images":[]}`})
	if _, err := dial(t, keyConfig(s.URL)).Images(t.Context(), ImageFilter{}); err != nil {
		t.Error(err)
	}
}

func TestReadsGiveUp(t *testing.T) {
	t.Parallel()
	s := play(t, step{status: 500}, step{status: 500}, step{status: 500})
	if _, err := dial(t, keyConfig(s.URL)).Images(t.Context(), ImageFilter{}); VerdictOf(err) != Uncertain {
		t.Errorf("got %v", err)
	}
}

// TestNotRetried: answers that would not change, and every change.
func TestNotRetried(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 404, 429} {
		s := play(t, step{method: "GET", status: status})
		if _, err := dial(t, keyConfig(s.URL)).Images(t.Context(), ImageFilter{}); err == nil {
			t.Errorf("%d: no error", status)
		}
	}
	for _, status := range []int{0, 200, 429, 500, 502, 503, 504} {
		s := play(t, step{method: "POST", status: status})
		if _, err := dial(t, keyConfig(s.URL)).CreateWholeImage(t.Context(), WholeImage{Name: "n"}); err == nil {
			t.Errorf("%d: no error", status)
		}
		s = play(t, step{method: "DELETE", status: max(status, 400)})
		if err := dial(t, keyConfig(s.URL)).DeleteImageTag(t.Context(), "i", "k"); err == nil {
			t.Errorf("%d: no error", status)
		}
	}
}

func TestRetryWaitsForSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tries, start := 0, time.Now()
		do := retrying(func(context.Context, call) (*reply, error) {
			tries++
			return nil, &Error{Status: 503}
		}, defaultRetry)
		if _, err := do(t.Context(), call{method: "GET"}); err == nil || tries != 3 || time.Since(start) > 3*time.Second {
			t.Errorf("%d tries in %s, %v", tries, time.Since(start), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		tries = 0
		if _, err := do(ctx, call{method: "GET"}); err == nil || tries != 1 {
			t.Errorf("%d tries with an ended context, %v", tries, err)
		}
	})
}
