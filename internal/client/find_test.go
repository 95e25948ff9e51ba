package client

import (
	"errors"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/messages"
)

// TestFind finds a request that one of several sources may have sent, and asks back where two have.
func TestFind(t *testing.T) {
	t.Parallel()
	c := streams(t)
	tell(t, c, request("one"), 1, messages.StateFailed)
	keys := func(id string) []string {
		return []string{messages.Key("demo", "/test", id), messages.Key("demo", messages.PlainSource, id)}
	}
	if d, err := c.Find(t.Context(), keys("one")...); err != nil || d.Summary.Source != "/test" {
		t.Errorf("got %+v, %v", d.Summary, err)
	}
	if _, err := c.Find(t.Context(), keys("never")...); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), keys("never")[1]) {
		t.Errorf("none: %v", err)
	}
	plain := request("one")
	plain.Source = messages.PlainSource
	tell(t, c, plain, 1, messages.StateFailed)
	if _, err := c.Find(t.Context(), keys("one")...); err == nil || !strings.Contains(err.Error(), "from /test and from nats") {
		t.Errorf("two: %v", err)
	}
}

// TestJobOfEnded takes the job from the events of the newest attempt.
func TestJobOfEnded(t *testing.T) {
	t.Parallel()
	event := func(attempt int, job string) EventView {
		return EventView{Attempt: attempt, Data: messages.Event{Job: &messages.Job{ID: job}}}
	}
	d := Detail{Events: []EventView{event(1, "first"), event(2, "second"), {Attempt: 2}}}
	for attempt, want := range map[int]string{1: "first", 2: "second", 3: ""} {
		if got := d.job(attempt); got != want {
			t.Errorf("attempt %d: got %q, want %q", attempt, got, want)
		}
	}
}
