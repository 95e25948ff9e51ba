package messages

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// OperationBulkCopy is the operation that causes legs.
const OperationBulkCopy = "bulk-copy"

// Bounds of what a bulk tells in one event.
const (
	// LegsInEvent is how many legs one batch-legs event carries.
	LegsInEvent = 200
	// LegsAtEnd is how many unsuccessful legs batch-completed names.
	LegsAtEnd = 100
)

// LegsAtOnce is how many legs of a bulk are under way at once, if it does not
// say.
const LegsAtOnce = 500

// How a leg stands that has not ended; one that has is in a final state.
const (
	LegWaiting State = "waiting" // nothing of it has begun
	LegRunning State = "running" // a request of it is under way
)

// Counts says how the legs of a bulk stand. Legs is the sum of all others.
type Counts struct {
	Legs       int `json:"legs"`
	Waiting    int `json:"waiting"`
	Running    int `json:"running"`
	Succeeded  int `json:"succeeded"`
	Failed     int `json:"failed"`
	Rejected   int `json:"rejected"`
	Cancelled  int `json:"cancelled"`
	Unresolved int `json:"unresolved"`
}

// Add adds other counts to these.
func (c *Counts) Add(o Counts) {
	c.Legs += o.Legs
	c.Waiting += o.Waiting
	c.Running += o.Running
	c.Succeeded += o.Succeeded
	c.Failed += o.Failed
	c.Rejected += o.Rejected
	c.Cancelled += o.Cancelled
	c.Unresolved += o.Unresolved
}

// Count adds a leg in a state.
func (c *Counts) Count(s State) {
	c.Legs++
	switch s {
	case LegWaiting:
		c.Waiting++
	case StateSucceeded:
		c.Succeeded++
	case StateFailed:
		c.Failed++
	case StateRejected:
		c.Rejected++
	case StateCancelled:
		c.Cancelled++
	case StateUnresolved:
		c.Unresolved++
	default:
		c.Running++
	}
}

// Unsuccessful is how many legs have ended otherwise than as succeeded.
func (c Counts) Unsuccessful() int { return c.Failed + c.Rejected + c.Cancelled + c.Unresolved }

// Open is how many legs have not ended.
func (c Counts) Open() int { return c.Waiting + c.Running }

// String tells the counts in one line, those that are zero left out.
func (c Counts) String() string {
	words := []string{fmt.Sprintf("%d of %d legs succeeded", c.Succeeded, c.Legs)}
	for _, n := range []struct {
		count int
		word  string
	}{{c.Failed, "failed"}, {c.Rejected, "rejected"}, {c.Cancelled, "cancelled"}, {c.Unresolved, "unresolved"}, {c.Running, "running"}, {c.Waiting, "waiting"}} {
		if n.count > 0 {
			words = append(words, fmt.Sprintf("%d %s", n.count, n.word))
		}
	}
	return strings.Join(words, ", ")
}

// Batch is what an event about a bulk says of its legs.
type Batch struct {
	Counts Counts `json:"counts"`
	// Legs are those of the page in batch-legs, at most 100 that did not succeed
	// in batch-completed; else empty.
	Legs []Leg `json:"legs"`
	// Page counts the batch-legs events of an attempt from 0.
	Page int `json:"page"`
}

// Leg is one image's way to one target.
type Leg struct {
	// Index counts the legs of a bulk from 0; it stays the same in all attempts.
	Index   int    `json:"index"`
	ImageID string `json:"image_id"`
	// Target counts the request's targets from 0; Cloud and Region say where that
	// is, as far as it is known by these.
	Target int    `json:"target"`
	Cloud  string `json:"cloud"`
	Region string `json:"region,omitempty"`
	Name   string `json:"name"`
	State  State  `json:"state"`
	// Attempt is that of the bulk in which the leg has ended.
	Attempt int `json:"attempt"`
	// Request is the last request that was made for the leg, nil where there was
	// none.
	Request *LegRequest `json:"request"`
	// Steps are the requests of the leg before that one, of a leg that is shared
	// and accepted before it is copied.
	Steps  []Relative `json:"steps,omitempty"`
	Images []Image    `json:"images"`
	// Error says why the leg did not succeed.
	Error *Failure `json:"error"`
}

// LegRequest names the request of a leg and its attempt.
type LegRequest struct {
	Relative
	Attempt int `json:"attempt"`
}

// The stages of a leg; most have but the last.
const (
	StageShare  = "share"
	StageAnswer = "answer"
	StageCopy   = "copy"
)

// LegIdentity is the identity of the request for one stage of a leg, which an
// attempt of a bulk causes. It is always the same.
func LegIdentity(cloud, key string, attempt, index int, stage string) Identity {
	return Identity{Source: "/imsworker/" + cloud + "/" + key, ID: fmt.Sprintf("%d/%d/%s", attempt, index, stage)}
}

// LegOf names the stage of a leg by the bulk that causes it.
type LegOf struct {
	Cloud, Key string // of the bulk
	Attempt    int    // of the bulk that the identity was made for
	Index      int
	Stage      string
}

var legID = regexp.MustCompile(`^([1-9][0-9]{0,8})/(0|[1-9][0-9]{0,8})/(share|answer|copy)$`)

// LegParent reads which leg of which bulk has that identity; false where it is
// none of LegIdentity. Anybody may claim that.
func LegParent(i Identity) (LegOf, bool) {
	source, id := stepSource.FindStringSubmatch(i.Source), legID.FindStringSubmatch(i.ID)
	if source == nil || id == nil {
		return LegOf{}, false
	}
	attempt, _ := strconv.Atoi(id[1])
	index, _ := strconv.Atoi(id[2])
	return LegOf{Cloud: strings.Clone(source[1]), Key: strings.Clone(source[2]), Attempt: attempt, Index: index, Stage: strings.Clone(id[3])}, true
}
