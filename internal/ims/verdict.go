package ims

import (
	"context"
	"errors"
)

// Verdict says what the worker has to do about an answer; it is decided by the
// code of an error where there is one, else by its HTTP status.
type Verdict int

// The verdicts. All but Accepted and Uncertain mean that nothing was begun.
const (
	Accepted  Verdict = iota // the cloud took the request
	Park                     // not now: wait, then send again
	Throttled                // too many calls: the bucket waits
	Already                  // it exists or is being made: look whose it is
	Refused                  // it will not work as asked
	Account                  // credentials or rights of the whole account: nothing will work until somebody acts
	NotSent                  // nothing reached the cloud's service: send again after a wait
	Uncertain                // it may have been begun: look before sending again
)

var verdictNames = [...]string{"accepted", "park", "throttled", "already", "refused", "account", "not sent", "uncertain"}

// String returns the verdict's name in words.
func (v Verdict) String() string {
	if v < 0 || int(v) >= len(verdictNames) {
		return "unknown"
	}
	return verdictNames[v]
}

// does says what the worker does about each verdict, in words for a person.
var does = [...]string{
	"follows the work",
	"waits and submits the request again until its deadline, then it ends rejected with the reason of this refusal",
	"leaves the account alone for a while and submits the request again; no attempt is used up",
	"looks whether what is there was made by this request, and goes on with it then; else the request ends rejected, reason conflict",
	"ends the request as rejected: sending it again as it is would be refused again",
	"pauses submissions to the whole cloud, and tries a single one from time to time; no request ends for this",
	"submits the request again after a wait; nothing was begun",
	"looks whether the work was begun all the same, by its marker or state; what is sent again then depends on the operation",
}

// Does says in words what the worker does about an answer with the verdict to
// a submission.
func (v Verdict) Does() string {
	if v < 0 || int(v) >= len(does) {
		return ""
	}
	return does[v]
}

// The reasons of a failure, a closed list shared with the events.
const (
	reasonInvalid      = "invalid"
	reasonConstraint   = "constraint"
	reasonUnauthorized = "unauthorized"
	reasonNotFound     = "not_found"
	reasonConflict     = "conflict"
	reasonQuota        = "quota"
	reasonRateLimited  = "rate_limited"
	reasonUnavailable  = "unavailable"
	reasonTimeout      = "timeout"
	reasonCancelled    = "cancelled"
	reasonInternal     = "internal"
)

// VerdictOf returns the verdict for any error of a Client; nil is Accepted and
// an error that did not come from a Client is Uncertain.
func VerdictOf(err error) Verdict {
	if err == nil {
		return Accepted
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Verdict()
	}
	return Uncertain
}

// ReasonOf returns the reason for any error, from the closed list of reasons of
// events; it is empty for nil.
func ReasonOf(err error) string {
	var e *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &e):
		return e.Reason()
	case errors.Is(err, context.DeadlineExceeded):
		return reasonTimeout
	case errors.Is(err, context.Canceled):
		return reasonCancelled
	default:
		return reasonInternal
	}
}
