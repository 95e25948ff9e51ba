package ledger

import (
	"fmt"

	"github.com/imsworker/imsworker/messages"
)

// CannotReopen says in words why the newest attempt cannot be followed by the
// one that a control message for a cloud asks for; empty where it can.
func (r *Record) CannotReopen(cloud, verb string, c messages.Control) string {
	switch {
	case r.Cloud != cloud:
		return fmt.Sprintf("the request with key %s belongs to cloud %s, not to %s", c.Key, r.Cloud, cloud)
	case r.Attempt < c.Attempt:
		return fmt.Sprintf("attempt %d does not exist; the last one is %d", c.Attempt, r.Attempt)
	case !r.Done():
		return fmt.Sprintf("attempt %d has not ended; wait for its final event", c.Attempt)
	case r.StillTrails():
		return fmt.Sprintf("attempt %d was cancelled, but what it had started still runs at the cloud; go on when `requests get` does not show its record any more", c.Attempt)
	case r.Outcome == messages.StateSucceeded, r.Outcome == messages.StateBatchCompleted && r.Bulk != nil && r.Unsuccessful() == 0:
		return fmt.Sprintf("attempt %d has succeeded; there is nothing to do again", c.Attempt)
	case verb == messages.VerbResolve && r.Outcome != messages.StateUnresolved:
		return fmt.Sprintf("attempt %d ended as %s, not as unresolved; send a retry instead", c.Attempt, r.Outcome)
	}
	return ""
}

// NoData says in words that neither the record nor an event has the data that
// another attempt would need.
func (r *Record) NoData() string {
	return fmt.Sprintf("attempt %d was never accepted, or its events are gone; publish the request again under a new id", r.Attempt)
}

// LeftBehind reports whether a cancelled attempt may have made something that
// is still there: the next one looks for it before it makes it once more.
func (r *Record) LeftBehind() bool {
	return r.Outcome == messages.StateCancelled && r.Cancel != nil && messages.LeavesImage(r.Cancel.Image)
}

// StillTrails reports whether the attempt was cancelled while something of it
// runs at the cloud.
func (r *Record) StillTrails() bool { return r.Trails && r.Told && !r.Buried }

// RepeatedBy is the leg of a bulk that the request is, where a retry of the bulk
// makes the leg a request of its own: of an unresolved one it goes on with this.
func (r *Record) RepeatedBy() (messages.LegOf, bool) {
	if r.Parent == nil || r.Parent.Operation != messages.OperationBulkCopy || r.Outcome == messages.StateUnresolved {
		return messages.LegOf{}, false
	}
	return messages.LegParent(messages.Identity{Source: r.Source, ID: r.ID})
}

// BegunAnew says in words why a leg cannot be retried by itself once its bulk
// was.
func BegunAnew(leg messages.LegOf) string {
	return fmt.Sprintf("it is a leg of bulk %s, which was retried since and begins the leg again under another key: beside that this one would make a second copy; "+
		"see what became of it with `imsworker requests get %s`, and retry the bulk if it did not succeed", leg.Key, leg.Key)
}
