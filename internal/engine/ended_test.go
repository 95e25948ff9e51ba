package engine

import (
	"testing"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// TestEndedAs: an answer that comes after the end is no error where the record
// has ended with its very work.
func TestEndedAs(t *testing.T) {
	t.Parallel()
	answered := &ledger.Record{Attempt: 1, JobID: "j"}
	for name, c := range map[string]struct {
		r    ledger.Record
		same bool
	}{
		"its_job":         {ledger.Record{Attempt: 1, JobID: "j", Outcome: messages.StateFailed}, true},
		"another_job":     {ledger.Record{Attempt: 1, JobID: "k", Outcome: messages.StateSucceeded}, false},
		"image_was_found": {ledger.Record{Attempt: 1, ImageID: "i", Outcome: messages.StateSucceeded}, true},
		"nothing_found":   {ledger.Record{Attempt: 1, Outcome: messages.StateUnresolved}, false},
		"another_attempt": {ledger.Record{Attempt: 2, JobID: "j", Outcome: messages.StateSucceeded}, false},
	} {
		if same := endedAs(&c.r, answered); same != c.same {
			t.Errorf("%s: got %v", name, same)
		}
	}
	if endedAs(&ledger.Record{Attempt: 1, ImageID: "i"}, &ledger.Record{Attempt: 1, ImageID: "h"}) {
		t.Error("another image")
	}
}
