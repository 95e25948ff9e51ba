package messages

import (
	"encoding/json"
	"fmt"
	"time"
)

// The values of the priority option.
const (
	PriorityHigh   = "high"
	PriorityNormal = "normal"
	PriorityLow    = "low"
)

// The values of the on_deadline option.
const (
	OnDeadlineReport = "report"
	OnDeadlineCancel = "cancel"
)

// Options are what a request may say besides the operation's own fields. The
// zero value holds every default.
type Options struct {
	// Deadline is nil for the operation's default.
	Deadline   *Deadline `json:"deadline,omitempty"`
	OnDeadline string    `json:"on_deadline,omitempty"`
	Priority   string    `json:"priority,omitempty"`
	// NotBefore is the earliest time of submission, nil for at once.
	NotBefore  *time.Time        `json:"not_before,omitempty"`
	OnSuccess  []json.RawMessage `json:"on_success,omitempty"`
	Preflight  *bool             `json:"preflight,omitempty"`
	KeepMarker *bool             `json:"keep_marker,omitempty"`
}

// Rank orders requests of one cloud: 0 is submitted before 1, 1 before 2.
func (o Options) Rank() int {
	switch o.Priority {
	case PriorityHigh:
		return 0
	case PriorityLow:
		return 2
	default:
		return 1
	}
}

// PreflightWanted reports whether the cloud may be asked before submission.
func (o Options) PreflightWanted() bool { return o.Preflight == nil || *o.Preflight }

// MarkerKept reports whether the marker stays on the image after success.
func (o Options) MarkerKept() bool { return o.KeepMarker == nil || *o.KeepMarker }

// Deadline is either a duration from acceptance or a point in time.
type Deadline struct {
	after time.Duration
	at    time.Time
}

// DeadlineAfter is a deadline so long after acceptance.
func DeadlineAfter(d time.Duration) Deadline { return Deadline{after: d} }

// ParseDeadline reads a positive Go duration ("90m", "2h") or an RFC 3339
// time.
func ParseDeadline(text string) (Deadline, error) {
	if d, err := time.ParseDuration(text); err == nil {
		if d <= 0 {
			return Deadline{}, fmt.Errorf("deadline %q is not positive", text)
		}
		return Deadline{after: d}, nil
	}
	at, err := parseTime(text)
	if err != nil {
		return Deadline{}, fmt.Errorf("deadline %q is neither a duration like 90m or 2h nor an RFC 3339 time like 2026-11-21T22:00:00Z", text)
	}
	return Deadline{at: at}, nil
}

// At is the moment of the deadline of a request accepted at the given time.
func (d Deadline) At(accepted time.Time) time.Time {
	if !d.at.IsZero() {
		return d.at
	}
	return accepted.Add(d.after)
}

// Duration is the time from acceptance and true, or false where the deadline
// is a point in time.
func (d Deadline) Duration() (time.Duration, bool) { return d.after, d.at.IsZero() }

// String writes the deadline in the form that ParseDeadline reads.
func (d Deadline) String() string {
	if !d.at.IsZero() {
		return d.at.Format(time.RFC3339Nano)
	}
	return d.after.String()
}

// MarshalText writes the deadline as String does.
func (d Deadline) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the deadline as ParseDeadline does.
func (d *Deadline) UnmarshalText(text []byte) error {
	parsed, err := ParseDeadline(string(text))
	*d = parsed
	return err
}
