package ledger

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/imsworker/imsworker/messages"
)

// Brief is what a list shows of a record. The fields mean what they mean in
// Record; of a failure and of a bulk only what is named here is read.
type Brief struct {
	Key, Cloud, Operation, Source, ID string
	Attempt                           int
	State                             State
	Outcome                           messages.State
	JobID                             string
	Accepted, Submitted, Finished     time.Time
	Reason                            messages.Reason
	Counts                            *messages.Counts
	Parent                            *messages.Relative
}

// Briefs reads records for a list: of each only what Brief has, so that many
// records take little time and memory. It must not be used concurrently.
type Briefs struct{ words map[string]string } // texts that many records share

// Brief reads a record. What Decode would not take it may take.
func (b *Briefs) Brief(data []byte) (Brief, error) {
	if r, plain := b.plain(data); plain {
		return r, nil
	}
	r, err := Decode(data)
	if err != nil {
		return Brief{}, err
	}
	return r.brief(), nil
}

func (r *Record) brief() Brief {
	b := Brief{
		Key: r.Key, Cloud: r.Cloud, Operation: r.Operation, Source: r.Source, ID: r.ID, Attempt: r.Attempt, State: r.State, Outcome: r.Outcome,
		JobID: r.JobID, Accepted: r.Accepted, Submitted: r.Submitted, Finished: r.Finished, Parent: r.Parent,
	}
	if r.Failure != nil {
		b.Reason = r.Failure.Reason
	}
	if r.Bulk != nil {
		b.Counts = r.Bulk.Counts
	}
	return b
}

// plain reads a record as encode writes it; members that do not count are
// skipped, known or not. False: read it with Decode.
func (b *Briefs) plain(data []byte) (Brief, bool) {
	if len(data) < 2 || data[0] != '{' {
		return Brief{}, false
	}
	var r Brief
	for rest := data; ; {
		name, value, after := member(rest[1:])
		if name == nil || len(value) == 0 || !b.take(&r, name, value) {
			return Brief{}, false
		}
		if rest = after; rest[0] != ',' {
			return r, string(rest) == "}"
		}
	}
}

// take reads one member; false where it is not as encode writes it.
func (b *Briefs) take(r *Brief, name, value []byte) bool {
	switch string(name) {
	case "key":
		return text(&r.Key, value)
	case "cloud":
		return word(b, &r.Cloud, value)
	case "operation":
		return word(b, &r.Operation, value)
	case "source":
		return word(b, &r.Source, value)
	case "id":
		return text(&r.ID, value)
	case "attempt":
		n, err := strconv.Atoi(string(value))
		r.Attempt = n
		return err == nil
	case "state":
		return word(b, &r.State, value)
	case "outcome":
		return word(b, &r.Outcome, value)
	case "job_id":
		return text(&r.JobID, value)
	}
	return b.takeMore(r, name, value)
}

func (b *Briefs) takeMore(r *Brief, name, value []byte) bool {
	switch string(name) {
	case "accepted":
		return r.Accepted.UnmarshalJSON(value) == nil
	case "submitted":
		return r.Submitted.UnmarshalJSON(value) == nil
	case "finished":
		return r.Finished.UnmarshalJSON(value) == nil
	case "failure":
		var f struct{ Reason messages.Reason }
		err := json.Unmarshal(value, &f)
		r.Reason = f.Reason
		return err == nil
	case "bulk":
		var bulk struct{ Counts *messages.Counts }
		err := json.Unmarshal(value, &bulk)
		r.Counts = bulk.Counts
		return err == nil
	case "parent":
		return json.Unmarshal(value, &r.Parent) == nil
	}
	return true
}

// text reads a string that stands for itself.
func text(into *string, value []byte) bool {
	if !isPlain(value) {
		return false
	}
	*into = string(value[1 : len(value)-1])
	return true
}

// word reads one that many records share: it is kept once.
func word[T ~string](b *Briefs, into *T, value []byte) bool {
	if !isPlain(value) {
		return false
	}
	value = value[1 : len(value)-1]
	known, there := b.words[string(value)]
	if !there {
		if b.words == nil {
			b.words = map[string]string{}
		}
		known = string(value)
		b.words[known] = known
	}
	*into = T(known)
	return true
}
