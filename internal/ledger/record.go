package ledger

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/imsworker/imsworker/messages"
)

// State says how far a request has come; the drawing stands in docs/events.md.
type State string

// The states of a record.
const (
	// Accepted: stored, nothing has been sent to the cloud.
	Accepted State = "accepted"
	// Parked: the cloud put the request off; it is sent again after Until.
	Parked State = "parked"
	// Submitting: somebody holds the claim and may be sending right now.
	Submitting State = "submitting"
	// Uncertain: something may have been begun; its answer is lost.
	Uncertain State = "uncertain"
	// Submitted: the cloud took the request; its job (or image) is followed.
	Submitted State = "submitted"
	// Finished: decided; Outcome says how. Events may still have to be told.
	Finished State = "finished"
)

// States lists the states of records that have not ended.
func States() []State { return []State{Accepted, Parked, Submitting, Uncertain, Submitted} }

// Record is what the worker knows of one request: one job-tracking message,
// the newest of its subject. Times are UTC. Fields that this version does not
// know are kept in Extra and written back unchanged.
type Record struct {
	Version   int            `json:"v"`
	Key       string         `json:"key"`
	Cloud     string         `json:"cloud"`
	Operation string         `json:"operation"`
	Source    string         `json:"source"`
	ID        string         `json:"id"`
	Attempt   int            `json:"attempt"`
	State     State          `json:"state"`
	Outcome   messages.State `json:"outcome,omitempty"`   // of a Finished record
	Duplicate bool           `json:"duplicate,omitempty"` // closed without an event: its events existed already
	// Told is set once the final event of a record is out that is kept after
	// its end.
	Told bool `json:"told,omitempty"`
	// Made are the images of earlier attempts: no look-up takes them.
	Made []string `json:"made,omitempty"`
	// Contested is set when the cloud refused a submission as already there
	// while nothing of it could be found.
	Contested bool `json:"contested,omitempty"`
	// Unannounced records were refused before they were accepted: their final
	// event is their only one.
	Unannounced bool            `json:"unannounced,omitempty"`
	Buried      bool            `json:"buried,omitempty"` // a tombstone: everything is told
	Token       string          `json:"token"`            // of the attempt; stands in its `accepted` event
	DataHash    string          `json:"data_hash"`        // tells a repetition from another request under the same identity
	Data        json.RawMessage `json:"data,omitempty"`   // the request's data; tombstones have none

	Accepted  time.Time `json:"accepted"`
	Deadline  time.Time `json:"deadline,omitzero"`
	NotBefore time.Time `json:"not_before,omitzero"`
	Priority  string    `json:"priority,omitempty"`
	Unmark    bool      `json:"unmark,omitempty"` // the marker is taken off after success

	// Sent, CorrelationID, TraceParent and TraceState are the sender's; every
	// event carries them on.
	Sent          time.Time `json:"sent,omitzero"`
	CorrelationID string    `json:"correlationid,omitempty"`
	TraceParent   string    `json:"traceparent,omitempty"`
	TraceState    string    `json:"tracestate,omitempty"`
	// Taken and Sending are the traceparents of the worker's own spans: of taking
	// the request in, and of the submission that the cloud may have got. Empty
	// where it makes no traces.
	Taken   string `json:"taken,omitempty"`
	Sending string `json:"sending,omitempty"`

	// Cancel is the wish that the attempt shall end; CancelLate asks for it at
	// the deadline. Trails is set where something of a cancelled attempt still
	// runs: the record stays until that has ended.
	Cancel     *Cancel `json:"cancel,omitempty"`
	CancelLate bool    `json:"cancel_late,omitempty"`
	Trails     bool    `json:"trails,omitempty"`

	// Parent is the request that caused this one, if any did.
	Parent *messages.Relative `json:"parent,omitempty"`
	// Origin is the source of the request that it all began with, where that is
	// another one: in whose turn it waits.
	Origin string `json:"origin,omitempty"`

	// Until is when a parked or accepted record may be submitted again, or
	// when an uncertain one is looked up first.
	Until time.Time `json:"until,omitzero"`
	// Refusals counts how often in a row the cloud has put the request off.
	Refusals int `json:"refusals,omitempty"`
	// Failure is the last refusal of an unfinished record, the reason of a
	// finished one that did not succeed.
	Failure *messages.Failure `json:"failure,omitempty"`

	// Posts holds when each creating call was answered (or, where the answer
	// is lost, when it can have been answered at the latest): the sliding
	// windows of a new owner begin with them.
	Posts []time.Time `json:"posts,omitempty"`
	// Bucket is the budget that they took from, where it is another than the
	// operation's own.
	Bucket string `json:"bucket,omitempty"`
	// Since is the earliest moment, by the cloud's clock, at which something
	// of this request can have been made. Zero while nothing was ever sent.
	Since time.Time `json:"since,omitzero"`
	// Doubted is when the latest claim with an unknown end was made; its
	// horizon is counted from here. Zero while every answer is known.
	Doubted time.Time `json:"doubted,omitzero"`
	// As is what a person said became of the attempt before, if it was
	// unresolved: done (ImageID is the result), not-done or resubmit.
	As string `json:"as,omitempty"`
	// Look has the engine look for earlier work before it submits.
	Look bool `json:"look,omitempty"`
	// EverUncertain stays true once an answer was lost: a refusal as already
	// there may then speak of this request's own work.
	EverUncertain bool `json:"ever_uncertain,omitempty"`

	JobID     string           `json:"job_id,omitempty"`
	ImageID   string           `json:"image_id,omitempty"`
	Submitted time.Time        `json:"submitted,omitzero"`
	Finished  time.Time        `json:"finished,omitzero"`
	Job       *messages.Job    `json:"job,omitempty"` // as last seen; written when it ended
	Begin     time.Time        `json:"remote_begin,omitzero"`
	End       time.Time        `json:"remote_end,omitzero"`
	Images    []messages.Image `json:"images,omitempty"`
	Result    *messages.Result `json:"result,omitempty"`
	Warnings  []string         `json:"warnings,omitempty"`
	// Duplicates are images found beside the result that carry its marker.
	Duplicates []messages.Image `json:"duplicates,omitempty"`
	// LookAgain is when a tombstone's duplicates are looked for once more.
	LookAgain time.Time `json:"look_again,omitzero"`

	// Bulk is what a bulk has decided of its legs; its pages hold the rest.
	Bulk *Bulk `json:"bulk,omitempty"`

	// Extra holds fields written by a program that knows more.
	Extra map[string]json.RawMessage `json:"-"`
	// Sequence is the stream sequence of this version, the condition of the
	// next write; zero for a record that is not stored yet.
	Sequence uint64 `json:"-"`
	// Stored is the broker's time of this version; zero right after a write.
	Stored time.Time `json:"-"`
}

// Trace is the sender's trace.
func (r *Record) Trace() messages.Trace {
	return messages.Trace{Parent: r.TraceParent, State: r.TraceState}
}

// Done reports whether nothing is left to be decided about the attempt.
func (r *Record) Done() bool { return r.State == Finished }

// Closed reports whether nothing is left to be told about the attempt, so that
// another one may take its place: it is buried, or unresolved and kept for a
// person after its final event.
func (r *Record) Closed() bool {
	return r.Buried || r.Told && r.Outcome == messages.StateUnresolved
}

// Clone returns a copy whose slices and pointers may be replaced, not changed
// in place, without touching r.
func (r *Record) Clone() *Record {
	c := *r
	c.Posts = append([]time.Time(nil), r.Posts...)
	c.Extra = maps.Clone(r.Extra)
	return &c
}

// Tombstone returns what is left of a finished record: enough to recognise a
// repetition, to count recent failures and to give a next owner its windows.
func (r *Record) Tombstone() *Record {
	return &Record{
		Version: r.Version, Key: r.Key, Cloud: r.Cloud, Operation: r.Operation, Source: r.Source, ID: r.ID,
		Attempt: r.Attempt, State: Finished, Outcome: r.Outcome, Duplicate: r.Duplicate, Buried: true,
		Token: r.Token, DataHash: r.DataHash, Accepted: r.Accepted, Finished: r.Finished, Posts: r.Posts, Bucket: r.Bucket,
		Sent: r.Sent, CorrelationID: r.CorrelationID, TraceParent: r.TraceParent, TraceState: r.TraceState, Taken: r.Taken, Parent: r.Parent, Origin: r.Origin, Cancel: r.Cancel.Settled(),
		Since: r.Since, EverUncertain: r.EverUncertain, Doubted: r.Doubted, Made: r.MadeSoFar(), LookAgain: r.LookAgain,
		Failure: brief(r.Failure), Bulk: r.Bulk.bare(), Sequence: r.Sequence,
	}
}

// MadeSoFar are the images of this attempt and of those before.
func (r *Record) MadeSoFar() []string {
	ids := slices.Clone(r.Made)
	for _, i := range slices.Concat(r.Images, r.Duplicates) {
		ids = append(ids, i.ID)
	}
	return ids
}

// brief keeps only the reason of a failure: the words stand in the event.
func brief(f *messages.Failure) *messages.Failure {
	if f == nil {
		return nil
	}
	return &messages.Failure{Reason: f.Reason, Code: f.Code}
}

// HashData is the hash by which two requests' data are compared: white space
// and the order of members do not count. What is no JSON is compared as it is.
func HashData(data []byte) string {
	var v any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if d.Decode(&v) == nil {
		if canonical, err := json.Marshal(v); err == nil {
			data = canonical
		}
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// encode writes a record with what Extra holds.
func encode(r *Record) ([]byte, error) {
	data, err := json.Marshal((*plainRecord)(r))
	if err != nil || len(r.Extra) == 0 {
		return data, err
	}
	all := maps.Clone(r.Extra)
	known := map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &known); err != nil {
		return nil, err
	}
	maps.Copy(all, known)
	return json.Marshal(all)
}
