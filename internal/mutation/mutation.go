// Package mutation marks the places at which one wrong line would break a
// promise. In a normal build a mark does nothing. Built with the tag
// mutations, the one that the variable MUTATION names is wrong on purpose: the
// simulation must notice each of them, or it proves nothing.
package mutation

// Mutation is one mistake, named by what is done wrong.
type Mutation string

// The mistakes.
const (
	Unconditional   Mutation = "unconditional-write"       // records are written whatever stands there
	EarlyTombstone  Mutation = "tombstone-before-event"    // an attempt is buried before its end is told
	EarlyAck        Mutation = "ack-before-record"         // a request is acked before its record is stored
	Unclaimed       Mutation = "post-without-claim"        // the call is made whatever became of its claim, and of the lease meanwhile
	Impatient       Mutation = "resubmit-before-horizon"   // absence is taken for a proof at once
	ForgottenEnd    Mutation = "forgotten-finished-record" // a new owner does not look at what has ended untold
	RepeatedFinal   Mutation = "unconditional-final"       // a final event is stored whatever was told before
	LostTimer       Mutation = "lost-timer"                // nothing wakes a job that is followed
	SlotFromSending Mutation = "window-slot-from-sending"  // a window is counted from the sending, not the answer
)

// All lists all mistakes.
func All() []Mutation {
	return []Mutation{Unconditional, EarlyTombstone, EarlyAck, Unclaimed, Impatient, ForgottenEnd, RepeatedFinal, LostTimer, SlotFromSending}
}
