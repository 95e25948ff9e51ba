package client

import (
	"errors"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// TestCannot refuses beforehand, in the worker's words, what a worker would put aside.
func TestCannot(t *testing.T) {
	t.Parallel()
	c := streams(t)
	tell(t, c, request("good"), 1, messages.StateSucceeded)
	tell(t, c, request("nodata"), 1, messages.StateRejected)
	if err := ledger.New(c.conn, 0).Create(t.Context(), record(request("lives"))); err != nil {
		t.Fatal(err)
	}
	for id, tc := range map[string]struct {
		attempt int
		want    string
	}{
		"good":   {0, "retry cannot be done: attempt 1 has succeeded"},
		"nodata": {1, "was never accepted, or its events are gone"},
		"lives":  {1, "has not ended; wait"},
	} {
		_, err := c.Control(t.Context(), messages.VerbRetry, messages.Control{Key: messages.Key("demo", "/test", id), Attempt: tc.attempt})
		if !errors.Is(err, ErrCannot) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", id, err)
		}
	}
	_, err := c.Control(t.Context(), messages.VerbRetry, messages.Control{Key: messages.Key("demo", "/test", "nodata"), Attempt: 7})
	if !errors.Is(err, ErrCannot) || !strings.Contains(err.Error(), "attempt 7 does not exist; the last one is 1") {
		t.Errorf("no such attempt: %v", err)
	}
}

// TestDeadWords says a reason once.
func TestDeadWords(t *testing.T) {
	t.Parallel()
	for detail, want := range map[string]string{
		"attempt 1 has not ended": "the control message became a dead letter: attempt 1 has not ended; `",
		"no such thing":           "the control message became a dead letter: attempt: no such thing; `",
	} {
		if got := (DeadLetter{Reason: "attempt", Detail: detail}).asError("the control message").Error(); !strings.HasPrefix(got, want) {
			t.Errorf("got %q", got)
		}
	}
}
