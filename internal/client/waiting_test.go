package client

import (
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/ledger"
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
