package engine

import (
	"time"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// The places of events in the sequence of one attempt. Everything between
// submission and end is placed by its age in seconds, so that a new owner
// needs no counter of its predecessor's.
const (
	sequenceAttempt   = 1_000_000_000
	sequenceAccepted  = 1
	sequenceSubmitted = 2
	sequenceRunning   = 3
	sequenceFinal     = sequenceAttempt - 1
)

// meta is what an event about the record says besides its data.
func meta(r *ledger.Record, s messages.State, at time.Time) messages.EventMeta {
	return messages.EventMeta{
		Cloud: r.Cloud, Operation: r.Operation, Key: r.Key, Attempt: r.Attempt,
		Sequence: (r.Attempt-1)*sequenceAttempt + sequence(r, s, at), State: s, Time: at,
		CorrelationID: r.CorrelationID, CausationID: r.ID, TraceParent: r.TraceParent,
	}
}

func sequence(r *ledger.Record, s messages.State, at time.Time) int {
	switch {
	case s == messages.StateAccepted:
		return sequenceAccepted
	case s == messages.StateSubmitted:
		return sequenceSubmitted
	case s.Final():
		return sequenceFinal
	default:
		return min(sequenceRunning+int(at.Sub(r.Accepted).Seconds()), sequenceFinal-1)
	}
}

// event is the data of an event about the record.
func event(r *ledger.Record, s messages.State) messages.Event {
	e := messages.Event{
		Request: messages.RequestInfo{
			ID: r.ID, Source: r.Source, Key: r.Key, Cloud: r.Cloud, Operation: r.Operation, Attempt: r.Attempt, Time: moment(r.Sent),
		},
		State: s, Job: job(r), Images: r.Images, Warnings: r.Warnings, Error: failureOf(r, s),
		Times: messages.Times{
			Accepted: moment(r.Accepted), Submitted: moment(r.Submitted), Finished: moment(r.Finished),
			RemoteBegin: moment(r.Begin), RemoteEnd: moment(r.End),
		},
	}
	if s == messages.StateAccepted {
		e.Request.Data = r.Data
	}
	if r.Result != nil {
		e.Result = *r.Result
	}
	if r.ImageID != "" && len(r.Images) == 0 {
		e.Images = []messages.Image{{ID: r.ImageID, Cloud: r.Cloud}}
	}
	return e
}

// job is the job as far as the record knows it.
func job(r *ledger.Record) *messages.Job {
	if r.Job != nil || r.JobID == "" {
		return r.Job
	}
	return &messages.Job{ID: r.JobID}
}

// failureOf is the error of an event: only ends that did not succeed have one.
func failureOf(r *ledger.Record, s messages.State) *messages.Failure {
	if s.NotSucceeded() {
		return r.Failure
	}
	return nil
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
