package messages

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one mistake in a message, in words for the person who sent it.
type Problem struct {
	// Field is the path of the field, as in "image_tags[0].key", or the name
	// of a header; empty when the whole message is meant.
	Field string `json:"field"`
	// Message says what was given, what is allowed and what to do.
	Message string `json:"message"`
}

// String gives the field, if there is one, and the message in one line.
func (p Problem) String() string {
	if p.Field == "" {
		return p.Message
	}
	return p.Field + ": " + p.Message
}

// Problems are all mistakes of one message. They are an error whose text is
// one line; an empty list is no error, so compare the length, not with nil.
type Problems []Problem

// Error joins all problems in one line, sorted by field and message.
func (ps Problems) Error() string {
	lines := make([]string, 0, len(ps))
	for _, p := range ps.Sorted() {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "; ")
}

// Sorted returns a copy in the order of fields and messages, each mistake
// once.
func (ps Problems) Sorted() Problems {
	sorted := slices.Clone(ps)
	slices.SortFunc(sorted, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Field, b.Field), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(sorted)
}

// Add appends one problem whose message is formatted as by fmt.Sprintf.
func (ps *Problems) Add(field, format string, args ...any) {
	*ps = append(*ps, Problem{Field: field, Message: fmt.Sprintf(format, args...)})
}

// Bounds of Limited.
const (
	maxProblems     = 50
	maxProblemField = 120
	maxProblemText  = 500
)

// Limited returns a sorted copy that fits into an event and a header however
// much was wrong: long fields and messages are cut, and a last problem counts
// those left out.
func (ps Problems) Limited() Problems {
	limited := ps.Sorted()
	more := len(limited) - maxProblems
	limited = limited[:min(len(limited), maxProblems)]
	for i := range limited {
		limited[i].Field = cut(limited[i].Field, maxProblemField)
		limited[i].Message = cut(limited[i].Message, maxProblemText)
	}
	if more > 0 {
		limited.Add("", "and %d more problems", more)
	}
	return limited
}

// cut shortens text to so many characters, marking that it did.
func cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most]) + "…"
}
