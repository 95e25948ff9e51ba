package client

import (
	"cmp"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// Waiting is what a request that lives waits for. Times that do not matter are zero.
type Waiting struct {
	For       string // in words
	NotBefore time.Time
	NextTry   time.Time
	Deadline  time.Time
	Refusals  int // how often in a row the cloud has put it off
}

// Waiting tells what the request waits for; false if it has ended.
func (d Detail) Waiting(now time.Time) (Waiting, bool) {
	r := d.Record
	if r != nil && r.Trails && r.Told && !r.Buried {
		return Waiting{For: "it is cancelled; what it had started still runs at the cloud, and keeps its place until it has ended"}, true
	}
	if r == nil || r.Done() {
		return Waiting{}, false
	}
	what := waitsFor(r, now)
	if what == "" {
		what = d.forTurn()
	}
	if d.Summary.Paused && !r.NotBefore.After(now) {
		what = d.waitsForResume()
	}
	waiting := Waiting{For: what, NotBefore: r.NotBefore, Deadline: r.Deadline, Refusals: r.Refusals}
	if r.Until.After(now) { // else it has been tried since, and when it is tried next stands nowhere
		waiting.NextTry = r.Until
	}
	return waiting, true
}

func waitsFor(r *ledger.Record, now time.Time) string {
	switch {
	case r.Bulk != nil && r.State == ledger.Submitted && r.Cancel != nil:
		return "it is being cancelled: for the legs that are under way to end"
	case r.Bulk != nil && r.State == ledger.Submitted:
		return "for its legs to end"
	case r.Cancel != nil && r.State == ledger.Submitted:
		return "it is being cancelled: for the cloud's job to end, then its image is deleted"
	case r.Cancel != nil:
		return "it is being cancelled"
	case r.State == ledger.Submitted:
		return endOf(r)
	case r.State == ledger.Submitting:
		return "for the cloud's answer to the submission"
	case r.State == ledger.Uncertain:
		return "the answer to the submission was lost: the cloud is searched for what came of it"
	case r.NotBefore.After(now):
		return "for the time that the request names"
	case r.Until.After(now):
		return "the cloud put it off; it is submitted again then"
	}
	return ""
}

// forTurn is what a request waits for that could be submitted: only the owner
// of its shard knows.
func (d Detail) forTurn() string {
	switch p := d.Summary.Prospect; {
	case d.Unserved:
		return "for a worker: none works its shard now"
	case p == nil:
		return "for its turn: the account's limits leave no room yet, the cloud is paused, or no worker serves it"
	case turnWords[p.Waits] != "":
		return turnWords[p.Waits]
	}
	return "for its turn"
}

var turnWords = map[messages.WaitReason]string{
	messages.WaitsAnnounced:   "for its accepted event to be told",
	messages.WaitsBudget:      "for its turn: the account's limit of such calls is used up (`imsworker limits` shows it)",
	messages.WaitsSlot:        "for its turn: as many of such jobs run at the cloud as may at once (`imsworker limits` shows it)",
	messages.WaitsThrottled:   "for its turn: the cloud has refused such calls for coming too fast (`imsworker limits` shows until when)",
	messages.WaitsCredentials: "for the cloud to take the account's credentials again: mend them in clouds.yaml",
	messages.WaitsAccount:     "for its cloud's entry to be the only one of the account: another cloud works it (see the worker's log), remove one of the two from clouds.yaml",
	messages.WaitsConfigured:  "for its cloud, which is not in clouds.yaml any more",
	messages.WaitsRetry:       "for a moment: the last try did not get through",
	messages.WaitsAnswer:      "for the cloud's answer",
	messages.WaitsTold:        "for its end to be told",
}

// endOf says whose end a request waits for that the cloud has taken.
func endOf(r *ledger.Record) string {
	switch {
	case r.JobID != "":
		return "for the cloud's job to end"
	case r.ImageID != "":
		return "for image " + r.ImageID + " to be usable"
	}
	return "for the cloud to show what was asked for"
}

// WaitsFor is what a leg that is under way waits for, in words that are the
// same for all legs that wait for the same.
func (l LegView) WaitsFor() string {
	switch {
	case l.Unserved:
		return "for a worker: none works the shard of cloud " + l.Request.Cloud + " now"
	case l.PutOff != nil:
		return cmp.Or(legWords[l.Waits], string(l.Waits)) + " (" + strings.TrimSpace(string(l.PutOff.Reason)+" "+l.PutOff.Code) + ")"
	case legWords[l.Waits] != "":
		return legWords[l.Waits]
	case turnWords[l.Waits] != "":
		return strings.NewReplacer("for its ", "for their ").Replace(turnWords[l.Waits])
	}
	return "for their requests to be taken up, or for their ends to be noted"
}

var legWords = map[messages.WaitReason]string{
	messages.WaitsTurn:      "for their turn",
	messages.WaitsPaused:    "paused by a person: `imsworker resume` goes on with them",
	messages.WaitsNotBefore: "for the time that they name",
	messages.WaitsParked:    "put off by the cloud",
	messages.WaitsRetry:     "the last try did not get through; they are tried again",
	messages.WaitsSearch:    "an answer was lost: the cloud is searched for what came of it",
	messages.WaitsEnd:       "for the cloud to be done with them",
	messages.WaitsCancel:    "being cancelled",
	messages.WaitsTrail:     "being cancelled",
	messages.WaitsPerson:    "unresolved: a person must look",
}
