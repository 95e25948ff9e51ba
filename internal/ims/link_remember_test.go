package ims

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"
)

// counted answers every call with its number.
func counted(n *int, fail error) link {
	return func(context.Context, call) (*reply, error) {
		*n++
		return &reply{status: 200, body: fmt.Append(nil, *n), at: time.Now()}, fail
	}
}

// TestRemembering: only what reads, and only where it is asked for.
func TestRemembering(t *testing.T) {
	t.Parallel()
	read := call{name: "Image", method: http.MethodGet, path: "/v2/images/", id: "a"}
	other := read
	other.id = "b"
	asked := read
	asked.query = url.Values{"id": {"a"}}
	write := read
	write.method = http.MethodPost
	for name, c := range map[string]struct {
		second call
		since  time.Duration // before the second call, -1: not asked for
		fail   error
		calls  int
	}{
		"same":      {read, time.Hour, nil, 1},
		"too_old":   {read, time.Second, nil, 2},
		"not_asked": {read, -1, nil, 2},
		"other_id":  {other, time.Hour, nil, 2},
		"query":     {asked, time.Hour, nil, 2},
		"write":     {write, time.Hour, nil, 2},
		"failed":    {read, time.Hour, errors.New("reset"), 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := 0
				do := remembering(counted(&n, c.fail))
				_, _ = do(Since(t.Context(), time.Now()), read)
				time.Sleep(time.Minute)
				ctx := t.Context()
				if c.since >= 0 {
					ctx = Since(ctx, time.Now().Add(-c.since))
				}
				r, err := do(ctx, c.second)
				if n != c.calls || !errors.Is(err, c.fail) || r == nil {
					t.Errorf("%d calls, %v, want %d", n, err, c.calls)
				}
			})
		})
	}
}

// TestMemoryIsBounded fills it three times over.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &memory{answers: map[string]*reply{}}
		for i := range 3 * remembered {
			m.put(fmt.Sprint(i), &reply{at: time.Now()})
			time.Sleep(time.Millisecond)
		}
		if n := len(m.answers); n > remembered || n < remembered/2 {
			t.Errorf("%d answers are kept", n)
		}
		if m.get(fmt.Sprint(3*remembered-1), time.Time{}) == nil {
			t.Error("the newest is gone")
		}
	})
}
