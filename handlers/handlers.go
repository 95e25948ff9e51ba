// Package handlers is what the worker can do: one operation a file. An
// operation decodes a request's data, may look before it leaps, makes one
// creating call, and finds again what an earlier call made.
//
// Every step may run twice, or be cut off anywhere. When to run which, how
// often and how long to wait is left to the engine; how answers are to be
// read, to the cloud's client.
package handlers

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// table is the only list of operations.
var table = []Operation{
	createWholeImage(),
	copyImage(),
	exportVolume(),
	createSystemImage(),
	createDataImage(),
	importImage(),
	registerImage(),
	adoptJob(),
	copyImageCrossRegion(),
	exportImage(),
	shareImage(),
	unshareImage(),
	answerShare(),
	tagImage(),
	updateImage(),
	deleteImage(),
	bulkCopy(),
}

// All returns every operation, in the order of the table.
func All() []Operation { return slices.Clone(table) }

// Lookup returns the operation of a name, and false where there is none.
func Lookup(name string) (Operation, bool) {
	i := slices.IndexFunc(table, func(o Operation) bool { return o.Name == name })
	if i < 0 {
		return Operation{}, false
	}
	return table[i], true
}

// Names returns the names of all operations, in the order of the table.
func Names() []string {
	names := make([]string, 0, len(table))
	for _, o := range table {
		names = append(names, o.Name)
	}
	return names
}

// Operation is one row of the table.
type Operation struct {
	// Name is the subject token.
	Name string
	// Bucket is the budget that the creating call takes from (contract,
	// section 5).
	Bucket string
	// Begins is the budget of the first of several calls, where that is another
	// one; empty where there is one call, or one budget.
	Begins string
	// Slot names the limit on how many of its jobs may run at once (contract,
	// section 5); empty where there is none.
	Slot string
	// Policy is the default; one request may have another, see Work.
	Policy
	// Takes names the field that a follow-up step's image goes into: image_id,
	// or images for a list. Empty where the operation takes no image.
	Takes string
	// Checked operations have neither job nor image to follow: Check says when
	// they are done.
	Checked bool
	// Abroad is true where results may appear in another cloud's place.
	Abroad bool
	// Several is true where a request may make several images: Find says when all
	// are there.
	Several bool
	// Marks is true where the creating call cannot put the request's tags and
	// marker on the image, so that Mark has to.
	Marks bool
	// Makes is true where the operation makes images, or fills them.
	Makes bool
	// Unmarked is true where nothing tells whose the image is that a creating
	// call has made: what Find finds may be another request's, unless Exclude
	// names all that others have.
	Unmarked bool

	// Listed is true where the image list of the cloud that is asked shows when
	// a request's work is done, by its marker or by the image's id.
	Listed bool

	// Batch is true where the request makes no call, but causes legs: see Expand.
	Batch bool

	// Rules are what a request is judged by, those that ask the cloud last.
	Rules []Rule

	bucketOf func(data []byte, imageID string) string // nil: always Bucket
	decode   func(data []byte, p ims.Profile) (Work, messages.Problems)
	reopen   func(data []byte) (Work, error)
}

// Rule names one constraint that a request has to keep.
type Rule struct {
	ID, Says string
	// Asks is true for a rule that only the cloud can tell.
	Asks bool
}

// Policy is how long a request may take and what to do when the answer to its
// creating call was lost (design, section 5).
type Policy struct {
	// Deadline counts from acceptance, if the request names no other.
	Deadline time.Duration
	// Horizon counts from the creating call: before it, absence proves
	// nothing.
	Horizon time.Duration
	// Resubmit says what follows when nothing was found by then: true to send
	// the call again, false to leave the request unresolved.
	Resubmit bool
}

// Decode turns a request's data into work for a cloud of the profile. All that
// is wrong with it is told at once, sorted; the work is nil then. Follow-up
// steps are judged as if all clouds had that profile; see DecodeAt.
func (o Operation) Decode(data []byte, p ims.Profile) (Work, messages.Problems) {
	return o.DecodeAt(data, anywhere(p))
}

// BucketFor is the budget that the next creating call of a request takes from;
// imageID is the image that an earlier call of it has made, if any.
func (o Operation) BucketFor(data []byte, imageID string) string {
	if o.bucketOf == nil {
		return o.Bucket
	}
	return o.bucketOf(data, imageID)
}

// Reopen makes work of data that Decode has found sound before. It judges
// nothing: what has changed since, such as the cloud's profile, is for the
// cloud to refuse.
func (o Operation) Reopen(data []byte) (Work, error) { return o.reopen(data) }

// Work is one decoded request. Its methods may be called again after any
// outcome, and by several callers at once.
type Work interface {
	// Options are those of the request.
	Options() messages.Options
	// Policy is that of exactly this request.
	Policy() Policy
	// Destination is where the result appears, and true, if that is not the
	// cloud that does the work. Find, All and Check are given the client of
	// that place then.
	Destination() (Destination, bool)
	// Submit makes one creating call, with the key as marker. It blocks until
	// the cloud has answered or ctx ends; the error is what the client gave and
	// has its verdict.
	Submit(ctx context.Context, c *ims.Client, call Call) (Submission, error)
	// Find looks for what an earlier Submit with this key made. ErrNotFound
	// says that nothing is there, which proves nothing before the horizon.
	Find(ctx context.Context, c *ims.Client, s Search) (Found, error)
	// All looks for every image that carries this request's evidence now, best
	// first: active before saving before queued, then the oldest. Find is its
	// first. Nothing found is nil and no error. Both fail with ErrUnderWay while
	// nothing is shown but the cloud is at work on what may be it.
	All(ctx context.Context, c *ims.Client, s Search) ([]Found, error)
	// Already reads a refusal as "already there" that came after a call whose
	// answer was lost: Found.Done where the work is done, ErrUnderWay where it
	// still runs, ErrNotFound where the refusal tells nothing.
	Already(refusal error) (Found, error)
	// Check asks whether what an operation without a job asked for is there:
	// Found.Done, or ErrNotFound and ErrUnderWay where it is not yet. Only
	// Checked operations have it.
	Check(ctx context.Context, c *ims.Client, s Search) (Found, error)
	// Read says what a job that succeeded has made.
	Read(job ims.Job) Outcome
	// Preflight asks the cloud whether Submit can work. It begins nothing.
	// Refusals holds every rule that is broken, each with the verdict that
	// Submit would have met; any other error means only that the cloud could
	// not be asked.
	Preflight(ctx context.Context, c *ims.Client) error
	// Ended asks whether an image that was being made, and that the cloud does
	// not show, may still come: false while something else shows the cloud at
	// work on it. Where nothing else can tell, it is true.
	Ended(ctx context.Context, c *ims.Client) (bool, error)
	// Mark puts the request's own tags, and the marker where there is a key, on
	// an image that is there, where the creating call could not. Doing it twice
	// does no harm.
	Mark(ctx context.Context, c *ims.Client, key, imageID string) error
	// Unmark takes the marker off an image after success, for requests whose
	// options ask for it. Doing it twice does no harm.
	Unmark(ctx context.Context, c *ims.Client, imageID string) error
}

// Call says what a creating call is made for.
type Call struct {
	Key string
	// ImageID is the image that an earlier call of this request has made, of
	// operations that make more than one call.
	ImageID string
	// Again is true where an earlier call of this request was, or may have been,
	// carried out.
	Again bool
}

// Destination is a place other than the cloud that is asked.
type Destination struct {
	Region  string
	Project string // its name
}

// Search says what Find looks for.
type Search struct {
	Key string
	// ImageID is the image that an earlier call of this request has made, if
	// that is known.
	ImageID string
	// Since is the time of the earliest creating call by the cloud's clock,
	// less a margin for clocks that differ.
	Since time.Time
	// Exclude are ids of images that belong to others.
	Exclude []string
}

// Found is an image that carries the marker, or that nothing else can have
// made. Status is the image's: queued, saving or active.
type Found struct {
	ImageID string
	Name    string
	Status  string
	// Done is true where nothing is left to follow: the request has succeeded,
	// with or without an image, with Result and, if not empty, Warning.
	Done    bool
	Result  messages.Result
	Warning string
	// More is true where the image is only what the request's next call needs.
	More bool
	// Parts are all images of the result, in the request's order, where it asks
	// for several; Missing is how many are not there yet. ImageID is the one that
	// is furthest from being usable then, and Status is never active before all
	// are.
	Parts   []Found
	Missing int
}

// Submission is what the cloud answered: a job, or for some operations an
// image at once, or nothing at all.
type Submission struct {
	JobID   string
	ImageID string
	// More is true where the request needs another call; it is given ImageID.
	More bool
}

// ErrNotFound says that nothing of a request was found.
var ErrNotFound = errors.New("nothing found of this request")

// ErrUnderWay says that nothing of a request was found, but that something is
// being made that may be it: even beyond the horizon absence proves nothing.
var ErrUnderWay = errors.New("something is being made that may be this request's")
