package messages

// State is what an event says has become of a request (contract, section 3).
type State string

// The states that one attempt of a request passes through.
const (
	StateAccepted   State = "accepted"
	StateSubmitted  State = "submitted"
	StateProgress   State = "progress"
	StateLate       State = "late"
	StateSucceeded  State = "succeeded"
	StateFailed     State = "failed"
	StateRejected   State = "rejected"
	StateCancelled  State = "cancelled"
	StateUnresolved State = "unresolved"
)

// The further states of a bulk.
const (
	StateBatchProgress  State = "batch-progress"
	StateBatchLegs      State = "batch-legs"
	StateBatchCompleted State = "batch-completed"
)

// States lists every state in the order in which they can happen.
func States() []State {
	return []State{
		StateAccepted, StateSubmitted, StateProgress, StateLate, StateBatchProgress, StateBatchLegs,
		StateSucceeded, StateFailed, StateRejected, StateCancelled, StateUnresolved, StateBatchCompleted,
	}
}

// Final reports whether the state ends an attempt. Of these there is exactly
// one in an attempt.
func (s State) Final() bool {
	switch s {
	case StateSucceeded, StateFailed, StateRejected, StateCancelled, StateUnresolved, StateBatchCompleted:
		return true
	default:
		return false
	}
}

// NotSucceeded reports whether the state is an end that somebody should hear
// of: alerts, the notifier and exit codes use this set, and with it the ends of
// bulks with unsuccessful legs, which the state alone does not tell.
func (s State) NotSucceeded() bool {
	return s == StateFailed || s == StateRejected || s == StateUnresolved
}

// Class is the token before the state in an event's subject: "final" for
// ends, "life" for all others.
func (s State) Class() string {
	if s.Final() {
		return "final"
	}
	return "life"
}

// repeats reports whether an attempt may tell this state more than once.
func (s State) repeats() bool { return s == StateProgress || s == StateBatchProgress }

// Batch reports whether the state is one of bulks only: its events have Batch.
func (s State) Batch() bool {
	return s == StateBatchProgress || s == StateBatchLegs || s == StateBatchCompleted
}

// Reason says in one word why a request did not succeed; the list is closed
// (contract, section 3), so a reason may be a metric label.
type Reason string

// The closed list of reasons.
const (
	ReasonInvalid      Reason = "invalid"
	ReasonConstraint   Reason = "constraint"
	ReasonUnauthorized Reason = "unauthorized"
	ReasonNotFound     Reason = "not_found"
	ReasonConflict     Reason = "conflict"
	ReasonQuota        Reason = "quota"
	ReasonRateLimited  Reason = "rate_limited"
	ReasonUnavailable  Reason = "unavailable"
	ReasonTimeout      Reason = "timeout"
	ReasonJobFailed    Reason = "job_failed"
	ReasonCancelled    Reason = "cancelled"
	ReasonUnresolved   Reason = "unresolved"
	ReasonInternal     Reason = "internal"
)

// Reasons lists the closed list in the contract's order.
func Reasons() []Reason {
	return []Reason{
		ReasonInvalid, ReasonConstraint, ReasonUnauthorized, ReasonNotFound, ReasonConflict,
		ReasonQuota, ReasonRateLimited, ReasonUnavailable, ReasonTimeout, ReasonJobFailed,
		ReasonCancelled, ReasonUnresolved, ReasonInternal,
	}
}
