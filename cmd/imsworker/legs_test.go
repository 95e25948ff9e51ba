package main

import (
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// TestEndedLegRows: message and remedy of a leg are told apart, and none is missed
// where there is none.
func TestEndedLegRows(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	endedLegRows(&out, "k", messages.Event{State: messages.StateBatchCompleted, Batch: &messages.Batch{Counts: messages.Counts{Legs: 3, Succeeded: 1, Rejected: 1, Cancelled: 1}, Legs: []messages.Leg{
		{Index: 1, ImageID: "i1", Cloud: "north", State: messages.StateRejected, Error: &messages.Failure{Reason: "not_found", Code: "IMG.0027", Message: "there is no image i1", Remedy: "Check the id."}},
		{Index: 2, ImageID: "i2", Region: "eu-nl", State: messages.StateCancelled, Error: &messages.Failure{Reason: "cancelled", Message: "nothing had been started"}},
	}}})
	want := "\nleg 1\ti1 to north rejected: not_found IMG.0027: there is no image i1; remedy: Check the id.\nleg 2\ti2 to eu-nl cancelled: nothing had been started\n" +
		"retry\tmend what the legs say, then `imsworker requests retry k` begins 2 legs again and no other\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

// TestLegRows: of a bulk that runs it is shown how its legs stand, what those
// under way wait for, and the first that did not succeed.
func TestLegRows(t *testing.T) {
	t.Parallel()
	l := &client.Legs{AtOnce: 7, Counts: messages.Counts{Legs: 40, Waiting: 9, Running: 5, Failed: 25, Succeeded: 1}}
	for i := range 25 {
		l.All = append(l.All, client.LegView{Leg: messages.Leg{Index: i, ImageID: "i1", Cloud: "north", State: messages.StateFailed, Error: &messages.Failure{Reason: "job_failed", Message: "no luck"}}})
	}
	again := limitsNow.Add(30 * time.Second)
	quota := &messages.Failure{Reason: "quota", Code: "IMG.0144", Message: "no room for image i1"}
	for i, leg := range []client.LegView{
		{Waits: messages.WaitsEnd}, {Waits: messages.WaitsParked, Until: &again, PutOff: quota}, {Waits: messages.WaitsParked, PutOff: quota}, {Unserved: true},
		{Waits: messages.WaitsParked, Until: &again, PutOff: quota}, {Waits: messages.WaitsBudget, Start: &again}, {Waits: messages.WaitsBudget, Start: &limitsNow},
	} {
		leg.Leg = messages.Leg{Index: 25 + i, State: messages.LegRunning, Request: &messages.LegRequest{Relative: messages.Relative{Cloud: "north"}}}
		l.All = append(l.All, leg)
	}
	d := client.Detail{Record: &ledger.Record{State: ledger.Submitted}, Legs: l}
	var out strings.Builder
	legRows(&out, d, limitsNow)
	for _, want := range []string{
		"legs\t1 of 40 legs succeeded, 25 failed, 5 running, 9 waiting\nunder way\t3 legs: put off by the cloud (quota IMG.0144), tried again in 30s; leg 26: no room for image i1\n",
		"\t1 leg: for the cloud to be done with them\n",
		"\t2 legs: for their turn: the account's limit of such calls is used up (`imsworker limits` shows it), the first expected to go in 0s, the last in 30s\n", "\t1 leg: for a worker: none works the shard of cloud north now\n",
		"\t9 legs: they begin as others end, at most 7 at once\n", "failed\t25 legs: job_failed: no luck\n-\tleg 0 (i1 to north), leg 1 (i1 to north), leg 2 (i1 to north) and 22 more; `-o json` shows all, below .legs.all\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %q", want, out.String())
		}
	}
	if strings.Contains(out.String(), "retry\t") || strings.Contains(out.String(), "leg 3 ") {
		t.Errorf("too much in %q", out.String())
	}
}
