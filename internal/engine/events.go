package engine

import (
	"slices"
	"time"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// sequenceAttempt is more than the milliseconds that an attempt can live.
const sequenceAttempt = 1_000_000_000_000

// meta is what an event about the record says besides its data.
func meta(r *ledger.Record, s messages.State, at time.Time) messages.EventMeta {
	return messages.EventMeta{
		Cloud: r.Cloud, Operation: r.Operation, Key: r.Key, Attempt: r.Attempt,
		Sequence: sequence(r, s, at), State: s, Time: at,
		CorrelationID: r.CorrelationID, CausationID: r.ID, Trace: r.Trace(), Hop: hop(r, s),
	}
}

// sequence places an event among those of its request: by attempt, then by
// the age of the attempt in milliseconds. It goes upwards without a counter
// that a new owner would have to know; progress and end stand last of what
// happens in one millisecond.
func sequence(r *ledger.Record, s messages.State, at time.Time) int {
	age := int(max(0, at.Sub(r.Accepted).Milliseconds()))
	place := (r.Attempt-1)*sequenceAttempt + age + 1
	switch {
	case s == messages.StateAccepted:
		return place
	case s.Final():
		return place + 3
	case s == messages.StateSubmitted || s == messages.StateLate:
		return place + 1
	}
	return place + 2
}

// event is the data of an event about the record.
func event(r *ledger.Record, s messages.State) messages.Event {
	e := messages.Event{
		Request: messages.RequestInfo{
			ID: r.ID, Source: r.Source, Key: r.Key, Cloud: r.Cloud, Operation: r.Operation, Attempt: r.Attempt, Time: moment(r.Sent),
		},
		State: s, Job: job(r), Images: r.Images, Duplicates: r.Duplicates, Warnings: r.Warnings, Error: failureOf(r, s),
		Parent: r.Parent, Cancel: cancelled(r),
		Times: messages.Times{
			Accepted: moment(r.Accepted), Submitted: moment(r.Submitted), Finished: moment(r.Finished),
			RemoteBegin: moment(r.Begin), RemoteEnd: moment(r.End),
		},
	}
	if s == messages.StateAccepted {
		e.Request.Data = r.Data
	}
	if s == messages.StateSucceeded {
		e.Next, e.Warnings = relatives(r), slices.Concat(r.Warnings, withoutImage(r))
	}
	if r.Result != nil {
		e.Result = *r.Result
	}
	if r.ImageID != "" && len(r.Images) == 0 {
		e.Images = []messages.Image{{ID: r.ImageID, Cloud: home(r)}}
	}
	return e
}

// home is the cloud in which the record's image is; empty where it may be
// another one.
func home(r *ledger.Record) string {
	if op, known := handlers.Lookup(r.Operation); known && op.Abroad {
		return ""
	}
	return r.Cloud
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
