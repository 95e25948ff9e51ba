package client

import (
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/pauses"
)

func TestWaiting(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for want, r := range map[string]*ledger.Record{
		"for the time that the request names": {State: ledger.Accepted, NotBefore: now.Add(time.Hour)},
		"for its turn":                        {State: ledger.Accepted, NotBefore: now.Add(-time.Hour)},
		"for the cloud's job":                 {State: ledger.Submitted, JobID: "j1", ImageID: "i1"},
		"for image i1 to be usable":           {State: ledger.Submitted, ImageID: "i1"},
		"to show what was asked for":          {State: ledger.Submitted},
		"for the cloud's answer":              {State: ledger.Submitting},
		"the cloud is searched":               {State: ledger.Uncertain, Until: now.Add(time.Hour)},
		"the cloud put it off":                {State: ledger.Parked, Until: now.Add(time.Hour)},
	} {
		if got, lives := (Detail{Record: r}).Waiting(now); !lives || !strings.Contains(got.For, want) {
			t.Errorf("%s: got %+v, want %q", r.State, got, want)
		}
	}
	if got, _ := (Detail{Record: &ledger.Record{State: ledger.Uncertain, Until: now.Add(-time.Second)}}).Waiting(now); !got.NextTry.IsZero() {
		t.Errorf("the next try was %v ago", now.Sub(got.NextTry))
	}
	for _, r := range []*ledger.Record{nil, {State: ledger.Finished}} {
		if got, lives := (Detail{Record: r}).Waiting(now); lives {
			t.Errorf("what has ended waits: %+v", got)
		}
	}
}

// TestWaitingForResume names the very commands that take the pauses back.
func TestWaitingForResume(t *testing.T) {
	t.Parallel()
	now := time.Now()
	all := pauses.Pause{Cloud: "demo", Paused: true, At: now}
	copies := pauses.Pause{Cloud: "demo", Operation: "copy-image", Paused: true, At: now}
	for name, c := range map[string]struct {
		paused []pauses.Pause
		want   []string
	}{
		"cloud":     {[]pauses.Pause{all}, []string{"`imsworker resume demo`"}},
		"operation": {[]pauses.Pause{copies}, []string{"`imsworker resume demo --operation copy-image`"}},
		"both":      {[]pauses.Pause{all, copies}, []string{"`imsworker resume demo`", "`imsworker resume demo --operation copy-image`"}},
		"others":    {[]pauses.Pause{{Cloud: "demo", Operation: "export-image", Paused: true}, {Cloud: "other", Paused: true}}, nil},
	} {
		d := Detail{Summary: Summary{Cloud: "demo", Operation: "copy-image", State: "accepted"}, Record: &ledger.Record{State: ledger.Accepted}}
		d.MarkPaused(c.paused)
		got, _ := d.Waiting(now)
		if d.Summary.Paused != (c.want != nil) || strings.Count(got.For, "resume") != len(c.want) {
			t.Errorf("%s: got %q", name, got.For)
		}
		for _, want := range c.want {
			if !strings.Contains(got.For, want) {
				t.Errorf("%s: got %q, want %s in it", name, got.For, want)
			}
		}
	}
}
