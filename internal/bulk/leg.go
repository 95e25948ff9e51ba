package bulk

import (
	"strings"

	"github.com/imsworker/imsworker/messages"
)

// Leg is one image's way to one target. Its JSON is short: there are thousands.
type Leg struct {
	ImageID string `json:"i"`
	Target  int    `json:"t,omitempty"`
	State   State  `json:"s,omitempty"`
	// Name is that of the copy.
	Name string `json:"n,omitempty"`
	// Base is the bulk's attempt that stands in the identity of the leg's
	// requests, 0 while there are none; Child is the attempt of the request that
	// is under way, or was last, and At its stage. A waiting leg that has them
	// goes on with that very request.
	Base  int   `json:"b,omitempty"`
	Child int   `json:"c,omitempty"`
	At    State `json:"a,omitempty"`
	// Left is set where that request was cancelled and may have left a copy: it
	// is gone on with, as its next attempt looks for that one.
	Left bool `json:"l,omitempty"`
	// Decided is the bulk's attempt in which the leg has ended.
	Decided int `json:"d,omitempty"`
	// Made is the id of the copy.
	Made string `json:"m,omitempty"`
	// Why tells why a leg did not succeed.
	Why *Why `json:"w,omitempty"`
}

// Why is a failure without what a leg has no room for.
type Why struct {
	Reason  messages.Reason `json:"r"`
	Code    string          `json:"c,omitempty"`
	Message string          `json:"m,omitempty"`
	Remedy  string          `json:"h,omitempty"`
}

// Bounds of a leg's words: a page has to fit into one message of the broker.
const (
	mostMessage = 240
	mostRemedy  = 200
	mostCode    = 40
)

// WhyOf keeps what a leg has room for; nil of nothing.
func WhyOf(f *messages.Failure) *Why {
	if f == nil {
		return nil
	}
	return &Why{Reason: f.Reason, Code: cut(f.Code, mostCode), Message: cut(f.Message, mostMessage), Remedy: cut(f.Remedy, mostRemedy)}
}

func cut(text string, mostBytes int) string {
	if len(text) <= mostBytes {
		return text
	}
	return strings.ToValidUTF8(text[:mostBytes-3], "") + "…"
}

func (w *Why) failure() *messages.Failure {
	if w == nil {
		return nil
	}
	return &messages.Failure{Reason: w.Reason, Code: w.Code, Message: w.Message, Remedy: w.Remedy}
}

// Begin puts the leg under way: from its first stage under identities of the
// bulk's attempt, or where its last request was left unresolved, or may have
// left a copy.
func (l *Leg) Begin(attempt int, way string) {
	if l.At != Waiting {
		l.State, l.Child = l.At, l.Child+1
		return
	}
	l.Base = attempt
	l.enter(First(way))
}

func (l *Leg) enter(stage State) { l.State, l.At, l.Child, l.Left = stage, stage, 1, false }

// Follow puts the leg under way with an attempt of its last request that
// somebody opened by itself.
func (l *Leg) Follow(child int) {
	l.State, l.Child, l.Left, l.Decided, l.Made, l.Why = l.At, child, false, 0, "", nil
}

// Repeats reports whether the request that is under way is a further attempt
// of one that was there before.
func (l Leg) Repeats() bool { return l.Child > 1 }

// End is how a request of a leg has ended.
type End struct {
	State   messages.State
	ImageID string
	Failure *messages.Failure
}

// Hear takes note of how the leg's request has ended: the leg has ended too,
// or goes on with its next stage, which is to be begun.
func (l *Leg) Hear(e End, attempt int) {
	if e.State == messages.StateSucceeded && l.State != Copying {
		l.enter(l.State + 1)
		return
	}
	l.State, l.Decided, l.Made, l.Why = Of(e.State), attempt, "", WhyOf(e.Failure)
	if l.State == Succeeded {
		l.Made, l.Why = e.ImageID, nil
	}
}

// Stop ends a leg that has not begun, or between two stages, for a reason. One
// that an earlier attempt has left unresolved stays so: a person must look.
func (l *Leg) Stop(attempt int, why *messages.Failure) {
	end := Cancelled
	if l.State == Waiting && l.At != Waiting && !l.Left {
		end = Unresolved
	}
	l.State, l.Decided, l.Why = end, attempt, WhyOf(why)
}
