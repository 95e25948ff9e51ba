package engine

import (
	"cmp"
	"time"
	"unique"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// entry is what the loop holds of one unfinished record. Request data is not
// held: a step reads it again when it needs it.
type entry struct {
	key       string
	account   *account
	operation string
	sequence  uint64 // of the newest version known
	attempt   int
	state     ledger.State
	rank      int // order of submission: 0 before 1 before 2
	source    unique.Handle[string]
	bucket    unique.Handle[string] // of its next creating call
	queued    unique.Handle[string] // the bucket in whose queue it is, or was last

	accepted  instant
	deadline  instant
	until     instant // not to be submitted, or looked up, before
	doubted   instant
	submitted instant
	jobID     string
	imageID   string

	wish      *ledger.Cancel // that the attempt shall end
	trailing  bool           // cancelled and told, but something still runs
	decided   bool           // by a person: nothing is to be submitted
	announced bool           // the accepted event is out
	told      bool           // the submitted event is out
	late      bool           // the late event is out
	named     bool           // until is the time that the request names
	settled   bool           // loaded from an earlier owner, who has surely told what there was to tell
	hinted    bool           // the image list shows its image as done
	near      bool           // by what the cloud tells, its end is expected when it is asked for next
	fell      bool           // heard is less than what the cloud had told before
	busy      bool           // a step runs, or waits for a place in its pool
	posts     bool           // that step may make a creating call
	probe     bool           // the step is the one that probes a paused account
	buried    bool           // its tombstone is stored; it goes when the ledger's news say so
	resting   bool           // unresolved and told: it waits for a person
	runs      bool           // something of it may run at the cloud

	polls     int
	silent    int     // questions without an answer
	forgotten instant // since when the cloud does not know the job
	active    instant // since when the image of a late job is active
	percent   float64 // last told
	progress  instant

	heard   float64 // share of the work that the cloud told last
	heardAt instant // since when

	shown instant // since when its image is done, by the cloud's clock
	asked instant // when its job was asked for last
	seen  uint32  // census in which its image was being made, 0 for none
	// expected is the start, or once submitted the end, that was told last, in
	// Unix seconds; 0 for none.
	expected uint32

	index int       // in timers, -1 outside
	place int       // in the line, -1 outside
	nap   uint32    // one more than its place among those that come into the line later, 0 outside
	line  *line     // in the account's queue, nil outside
	again time.Time // the next step is not due before

	batch *batch // of a bulk; nil for all others

	recheck instant // of a buried one: duplicates are looked for then

	// record is the newest version itself, kept only until the entry waits for
	// longer than a moment.
	record *ledger.Record
}

// shared is a copy of a word that stands in many records, one for all: each
// record that was read has one to itself.
func shared[T ~string](word T) T { return unique.Make(word).Value() }

// take brings the entry up to a newer version of its record.
func (e *entry) take(r *ledger.Record) {
	e.takeBatch(r)
	if r.Attempt != e.attempt {
		e.announced, e.told, e.late, e.polls, e.silent = false, false, false, 0, 0
		e.forgotten, e.active = 0, 0
	}
	e.recheck = instantOf(r.LookAgain)
	e.buried, e.resting = r.Buried, r.Told && r.Outcome == messages.StateUnresolved
	e.trailing = r.Trails && r.Told && !r.Buried
	e.runs = runs(r)
	if r.State != e.state || r.Cancel != nil && e.wish == nil || e.trailing {
		e.again = time.Time{}
		e.hinted, e.shown, e.asked, e.seen, e.near, e.fell, e.heard, e.heardAt = false, 0, 0, 0, false, false, 0, 0
		e.expected = 0
	}
	e.wish = r.Cancel
	e.sequence, e.attempt, e.state = r.Sequence, r.Attempt, shared(r.State)
	e.source = unique.Make(cmp.Or(r.Origin, r.Source))
	e.rank = messages.Options{Priority: r.Priority}.Rank()
	e.accepted, e.deadline = instantOf(r.Accepted), instantOf(r.Deadline)
	e.doubted, e.submitted = instantOf(r.Doubted), instantOf(r.Submitted)
	e.until, e.named = instantOf(r.Until), false
	if r.State != ledger.Uncertain && r.NotBefore.After(r.Until) {
		e.until, e.named = instantOf(r.NotBefore), true
	}
	e.jobID, e.imageID, e.decided = r.JobID, r.ImageID, decided(r)
	e.bucket = unique.Make(bucketFor(r))
	e.record = r
}
