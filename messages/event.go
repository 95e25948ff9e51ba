package messages

import (
	"encoding/json"
	"time"
)

// Event is the data of every event: what is known of a request at one moment.
// Its JSON always has all members of the contract's sample; what is not known
// is null or empty. Readers must ignore members they do not know.
type Event struct {
	Request RequestInfo `json:"request"`
	State   State       `json:"state"`
	// Job is nil until the cloud has answered with a job, and for operations
	// that have none.
	Job *Job `json:"job"`
	// Images are the images made, as far as they are known.
	Images []Image `json:"images"`
	Result Result  `json:"result"`
	// Parent is the request that caused this one, Next those this one causes.
	Parent *Relative  `json:"parent"`
	Next   []Relative `json:"next"`
	// Duplicates are further images that carry this request's marker.
	Duplicates []Image  `json:"duplicates"`
	Warnings   []string `json:"warnings"`
	Estimate   Estimate `json:"estimate"`
	// Cancel is set for cancelled requests only.
	Cancel *Cancelled `json:"cancel,omitempty"`
	// Batch is set in a bulk's own events only.
	Batch *Batch `json:"batch,omitempty"`
	// Error is set for failed, rejected and unresolved requests only.
	Error *Failure `json:"error"`
	Times Times    `json:"times"`
}

// MarshalJSON writes empty lists as [], never as null.
func (e Event) MarshalJSON() ([]byte, error) { return json.Marshal(plainEvent(e.filled())) }

// plainEvent is an event whose lists are filled already.
type plainEvent Event

// filled returns the event with empty lists in place of missing ones.
func (e Event) filled() Event {
	e.Images = filled(e.Images)
	e.Next = filled(e.Next)
	e.Duplicates = filled(e.Duplicates)
	e.Warnings = filled(e.Warnings)
	e.Result.Members = filled(e.Result.Members)
	if e.Batch != nil {
		b := *e.Batch
		b.Legs = filledLegs(b.Legs)
		e.Batch = &b
	}
	if e.Error != nil {
		f := *e.Error
		f.Problems = filled(f.Problems)
		e.Error = &f
	}
	return e
}

// filledLegs returns a copy of the legs with empty lists in place of missing
// ones.
func filledLegs(legs []Leg) []Leg {
	all := make([]Leg, 0, len(legs))
	for _, l := range legs {
		l.Images = filled(l.Images)
		if l.Error != nil {
			f := *l.Error
			f.Problems = filled(f.Problems)
			l.Error = &f
		}
		all = append(all, l)
	}
	return all
}

// NotSucceeded reports whether the event is an end that somebody should hear
// of.
func (e Event) NotSucceeded() bool {
	return e.State.NotSucceeded() || e.State == StateBatchCompleted && e.Batch != nil && e.Batch.Counts.Unsuccessful() > 0
}

// RequestInfo says which request an event is about.
type RequestInfo struct {
	ID        string `json:"id"`
	Source    string `json:"source"`
	Key       string `json:"key"`
	Cloud     string `json:"cloud"`
	Operation string `json:"operation"`
	Attempt   int    `json:"attempt"`
	// Time is when the sender says it asked, nil where it does not say.
	Time *time.Time `json:"time,omitempty"`
	// Data is the request's data as it came; only accepted events carry it.
	Data json.RawMessage `json:"data,omitempty"`
}

// Job is the cloud's own slow work. Status, Percent (0 to 100) and Task are
// the cloud's words; Percent is nil where the cloud tells none.
type Job struct {
	ID      string   `json:"id"`
	Type    string   `json:"type"`
	Status  string   `json:"status"`
	Percent *float64 `json:"percent"`
	Task    string   `json:"task"`
	// Polls counts the status queries made so far.
	Polls int `json:"polls"`
}

// Image is one image and the cloud it is in.
type Image struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Cloud string `json:"cloud"`
}

// Result is what came of a job besides images.
type Result struct {
	// Members are the outcomes of sharing, one for an image and a project.
	Members []Member `json:"members"`
	// Object is the exported object as "bucket:key".
	Object *string `json:"object"`
}

// Member is the outcome of sharing one image with one project; Status is the
// cloud's word in lower case.
type Member struct {
	ImageID   string `json:"image_id"`
	ProjectID string `json:"project_id"`
	Status    string `json:"status"`
}

// Who asked for the end of a cancelled request.
const (
	CancelByRequest  = "request"
	CancelByDeadline = "deadline"
)

// What became of the image of a cancelled request.
const (
	CancelNone    = "none"    // there is none
	CancelLeft    = "left"    // it is there, or still being made, and is left
	CancelDeleted = "deleted" // it was deleted, and is gone
	CancelUnknown = "unknown" // an answer was lost, and nothing of it was found
)

// LeavesImage reports whether, by what is told of the image of a cancelled
// request, one that it has made may still be there.
func LeavesImage(cancel string) bool { return cancel == CancelLeft || cancel == CancelUnknown }

// Leaves reports whether an image that the request has made may still be there.
func (c *Cancelled) Leaves() bool { return c != nil && LeavesImage(c.Image) }

// Cancelled says how a request was cancelled.
type Cancelled struct {
	By string `json:"by"`
	// Started is true where the cloud was asked for anything.
	Started bool   `json:"started"`
	Image   string `json:"image"`
	Message string `json:"message"`
}

// Relative names another request: a parent or a follow-up.
type Relative struct {
	Key       string `json:"key"`
	Cloud     string `json:"cloud"`
	Operation string `json:"operation"`
}

// Estimate is what the worker, not the cloud, expects. Percent is 0 to 100.
type Estimate struct {
	Start   *time.Time `json:"start"`
	End     *time.Time `json:"end"`
	Percent *float64   `json:"percent"`
}

// Failure says why a request did not succeed.
type Failure struct {
	Reason Reason `json:"reason"`
	// Code and Message are the cloud's words; Code is empty without one.
	Code    string `json:"code"`
	Message string `json:"message"`
	// Remedy is what a person can do.
	Remedy string `json:"remedy"`
	// HTTPStatus is 0 where no answer of the cloud is meant.
	HTTPStatus     int       `json:"http_status"`
	CloudRequestID string    `json:"cloud_request_id"`
	Problems       []Problem `json:"problems"`
}

// Times are the moments of an attempt; nil where they have not come yet. The
// remote ones are the cloud's, by its own clock.
type Times struct {
	Accepted    *time.Time `json:"accepted"`
	Submitted   *time.Time `json:"submitted"`
	Finished    *time.Time `json:"finished"`
	RemoteBegin *time.Time `json:"remote_begin"`
	RemoteEnd   *time.Time `json:"remote_end"`
}

func filled[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
