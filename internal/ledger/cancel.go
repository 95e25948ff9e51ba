package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/imsworker/imsworker/messages"
)

// Cancel is the wish that an attempt shall end, and what became of it.
type Cancel struct {
	// Delete has the attempt followed to its end and its image deleted then.
	Delete bool      `json:"delete,omitempty"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
	// Over are the versions of the record on which nothing but the wish was
	// put: an answer that was to be stored over one of them still may be.
	Over []uint64 `json:"over,omitempty"`
	// Half is set where the image of the first of several calls is deleted.
	Half bool `json:"half,omitempty"`
	// Started, Image and Message are what the final event says of it.
	Started bool   `json:"started,omitempty"`
	Image   string `json:"image,omitempty"`
	Message string `json:"message,omitempty"`
}

// Wish puts the wish on the record, beside one that is there already. It is
// false where nothing would change.
func (r *Record) Wish(c Cancel) bool {
	if had := r.Cancel; had != nil {
		if had.Delete || !c.Delete {
			return false
		}
		c.Over, c.By, c.At = slices.Clone(had.Over), had.By, had.At
	}
	c.Over = append(c.Over, r.Sequence)
	r.Cancel = &c
	return true
}

// Follows reports whether the version differs from an earlier one by nothing
// but the wish.
func (r *Record) Follows(sequence uint64) bool {
	return r.Cancel != nil && slices.Contains(r.Cancel.Over, sequence)
}

// Settled returns the wish as it is written with other changes.
func (c *Cancel) Settled() *Cancel {
	if c == nil {
		return nil
	}
	settled := *c
	settled.Over = nil
	return &settled
}

// CannotCancel says in words why the newest attempt cannot be cancelled as a
// control message for a cloud asks for. Both answers empty: it can. Done is
// true where nothing is left to do.
func (r *Record) CannotCancel(cloud string, c messages.Control) (problem string, done bool) {
	switch {
	case r.Cloud != cloud:
		return fmt.Sprintf("the request with key %s belongs to cloud %s, not to %s", c.Key, r.Cloud, cloud), false
	case r.Attempt < c.Attempt:
		return fmt.Sprintf("attempt %d does not exist; the last one is %d", c.Attempt, r.Attempt), false
	case c.Attempt > 0 && r.Attempt > c.Attempt:
		return fmt.Sprintf("attempt %d has ended; the last one is %d", c.Attempt, r.Attempt), false
	case !r.Done():
		return "", false
	case r.Outcome == messages.StateCancelled && (!c.DeleteImage || r.Cancel != nil && r.Cancel.Delete):
		return "", true
	case r.Outcome == messages.StateCancelled:
		return fmt.Sprintf("attempt %d is cancelled already, and its image was left; ask for delete-image", r.Attempt), false
	case r.Outcome == "":
		return fmt.Sprintf("attempt %d has ended; there is nothing to cancel", r.Attempt), false
	}
	return fmt.Sprintf("attempt %d has ended as %s; there is nothing to cancel", r.Attempt, r.Outcome), false
}
