package engine

import (
	"strings"
	"testing"

	"github.com/imsworker/imsworker/internal/bulk"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// TestRemedyOfALeg tells to retry the bulk, in so few words that the bulk has
// room for them; that of any other request stays as it is.
func TestRemedyOfALeg(t *testing.T) {
	t.Parallel()
	key := messages.Key("demo", "/test", "bulk")
	id := messages.LegIdentity("demo", key, 1, 7, messages.StageCopy)
	leg := &ledger.Record{Key: messages.Key("demo", id.Source, id.ID), Source: id.Source, ID: id.ID, Parent: &messages.Relative{Operation: messages.OperationBulkCopy}}
	retry := "go on with `imsworker requests retry " + key + "` (failed legs only)"
	for _, remedy := range []string{jobRemedy(""), jobRemedy("IMG.0027"), partly("x").Remedy, sendAgain, "retry this attempt, or " + sendAgain, "look at it and " + sendAgain} {
		f := &messages.Failure{Remedy: remedy}
		if got := ofLeg(&ledger.Record{}, f); got != f {
			t.Errorf("%q is changed without a bulk", remedy)
		}
		got := ofLeg(leg, f).Remedy
		if !strings.HasSuffix(got, retry) || strings.Contains(got, "new id") {
			t.Errorf("%q became %q", remedy, got)
		}
		if kept := bulk.WhyOf(&messages.Failure{Remedy: got}).Remedy; kept != got {
			t.Errorf("the bulk has no room for %q", got)
		}
	}
	if got := ofLeg(leg, nil); got != nil {
		t.Errorf("no failure became %+v", got)
	}
}
