package main

import (
	"strings"
	"testing"

	"github.com/imsworker/imsworker/messages"
)

// TestLegRows: message and remedy of a leg are told apart, and none is missed
// where there is none.
func TestLegRows(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	legRows(&out, messages.Event{State: messages.StateBatchCompleted, Batch: &messages.Batch{Legs: []messages.Leg{
		{Index: 1, ImageID: "i1", Cloud: "north", State: messages.StateRejected, Error: &messages.Failure{Reason: "not_found", Code: "IMG.0027", Message: "there is no image i1", Remedy: "Check the id."}},
		{Index: 2, ImageID: "i2", Region: "eu-nl", State: messages.StateCancelled, Error: &messages.Failure{Reason: "cancelled", Message: "nothing had been started"}},
	}}})
	want := "leg 1\ti1 to north rejected: not_found IMG.0027: there is no image i1; remedy: Check the id.\nleg 2\ti2 to eu-nl cancelled: cancelled: nothing had been started\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}
