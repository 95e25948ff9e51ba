package client

import (
	"slices"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// Filter chooses requests; empty fields choose all. Of several values in one
// field each will do.
type Filter struct {
	Clouds, Operations []string
	// States are those of States and StateGroups.
	States []string
	// Reasons are why requests ended or were put off (messages.Reasons), and why
	// those that live wait (messages.WaitReasons), which only workers know.
	Reasons []string
	// Sources are patterns, in which * stands for any characters.
	Sources []string
	// Batch is the key of a bulk whose legs are meant.
	Batch string
	// Since and Until bound when the request was accepted.
	Since, Until time.Time
	// History adds what ended so long ago that only its final event is left.
	History bool
}

// The groups of states that a filter takes in place of one.
const (
	StatesOpen         = "open"          // has not ended
	StatesEnded        = "ended"         // has ended, however
	StatesNotSucceeded = "not-succeeded" // ended, and somebody should hear of it
)

// StateGroups returns them.
func StateGroups() []string { return []string{StatesOpen, StatesEnded, StatesNotSucceeded} }

// States returns all states in which a Summary can be.
func States() []string {
	states := []string{
		string(ledger.Accepted), string(ledger.Parked), string(ledger.Submitting), string(ledger.Uncertain),
		string(ledger.Submitted), string(ledger.Finished),
	}
	for _, s := range messages.States() {
		if s.Final() {
			states = append(states, string(s))
		}
	}
	return states
}

// matches judges by all that is known without asking a worker.
func (f *Filter) matches(s *Summary) bool {
	return among(f.Clouds, s.Cloud) && among(f.Operations, s.Operation) && f.hasState(s) && f.hasSource(s.Source) && f.hasAge(s.Accepted) &&
		(f.Batch == "" || s.legOf(f.Batch)) && (f.asks() || among(f.Reasons, string(s.Reason)))
}

// asks says whether only workers can tell all of what is asked.
func (f *Filter) asks() bool {
	return slices.ContainsFunc(f.Reasons, func(r string) bool { return slices.Contains(messages.WaitReasons(), messages.WaitReason(r)) })
}

// hasReason judges by why a request waits, too.
func (f *Filter) hasReason(s *Summary) bool {
	return among(f.Reasons, string(s.Reason)) || s.Prospect != nil && among(f.Reasons, string(s.Prospect.Waits))
}

func (f *Filter) hasState(s *Summary) bool {
	return len(f.States) == 0 || slices.ContainsFunc(f.States, func(state string) bool {
		switch state {
		case StatesOpen:
			return !s.Ended()
		case StatesEnded:
			return s.Ended()
		case StatesNotSucceeded:
			return s.NotSucceeded()
		}
		return state == s.State
	})
}

func (f *Filter) hasSource(source string) bool {
	return len(f.Sources) == 0 || slices.ContainsFunc(f.Sources, func(pattern string) bool {
		return pattern == source || strings.ContainsAny(pattern, "*?") && messages.Fits(pattern, source)
	})
}

func (f *Filter) hasAge(accepted time.Time) bool {
	return (f.Since.IsZero() || !accepted.Before(f.Since)) && (f.Until.IsZero() || !accepted.After(f.Until))
}

func among(wanted []string, is string) bool { return len(wanted) == 0 || slices.Contains(wanted, is) }

// Ended reports whether the newest attempt has ended.
func (s *Summary) Ended() bool {
	return messages.State(s.State).Final() || s.State == string(ledger.Finished)
}

// NotSucceeded reports whether the request has ended in a way that somebody
// should hear of.
func (s *Summary) NotSucceeded() bool {
	return messages.State(s.State).NotSucceeded() || s.State == string(messages.StateBatchCompleted) && s.Legs != nil && s.Legs.Unsuccessful() > 0
}

// legOf reports whether the request is one of those that carry out a leg of the
// bulk of that key.
func (s *Summary) legOf(bulk string) bool {
	if s.Parent != nil && s.Parent.Key == bulk {
		return true
	}
	if !strings.HasSuffix(s.Source, "/"+bulk) { // cheap, and true of few
		return false
	}
	leg, is := messages.LegParent(messages.Identity{Source: s.Source, ID: s.ID})
	return is && leg.Key == bulk
}
