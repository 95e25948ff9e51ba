package bulk

import "github.com/imsworker/imsworker/messages"

// State is how far a leg has come. It fits into four bits.
type State uint8

// The states of a leg. Of the three in which a request of it is under way most
// legs have but the last.
const (
	Waiting State = iota
	Sharing
	Answering
	Copying
	Succeeded
	Failed
	Rejected
	Cancelled
	Unresolved
)

// Running reports whether a request of the leg is under way.
func (s State) Running() bool { return s >= Sharing && s <= Copying }

// Ended reports whether nothing more happens to the leg in this attempt.
func (s State) Ended() bool { return s >= Succeeded }

// Stage names the request that is under way, empty where none is.
func (s State) Stage() string {
	switch s {
	case Sharing:
		return messages.StageShare
	case Answering:
		return messages.StageAnswer
	case Copying:
		return messages.StageCopy
	}
	return ""
}

// First is the first stage of a leg that goes this way.
func First(way string) State {
	if way == messages.WayShare {
		return Sharing
	}
	return Copying
}

// words are the states of an attempt in which legs end.
var words = map[State]messages.State{
	Succeeded: messages.StateSucceeded, Failed: messages.StateFailed, Rejected: messages.StateRejected,
	Cancelled: messages.StateCancelled, Unresolved: messages.StateUnresolved,
}

// Word is the state as events tell it.
func (s State) Word() messages.State {
	if word, ended := words[s]; ended {
		return word
	}
	if s.Running() {
		return messages.LegRunning
	}
	return messages.LegWaiting
}

// Of is the state of a leg whose last request has ended so.
func Of(end messages.State) State {
	for s, word := range words {
		if word == end {
			return s
		}
	}
	return Unresolved
}
