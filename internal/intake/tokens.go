package intake

import (
	"strings"

	"github.com/imsworker/imsworker/messages"
)

// How long the tokens of a subject may be.
const (
	cloudLength     = 40
	operationLength = 64
)

// soundTokens reports whether a subject names a cloud and an operation, or a
// verb, in the form that clouds and operations have. Everything else came from
// somebody who may publish any subject: it stands in no other subject, in no
// record and in no event.
func soundTokens(cloud, operation string) bool {
	return soundToken(cloud, cloudLength) && soundToken(operation, operationLength)
}

func soundToken(s string, most int) bool {
	return s != "" && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}

// soundSubject is soundTokens of a delivery's subject.
func soundSubject(subject string) bool {
	_, cloud, operation, ok := parseSubject(subject)
	return ok && soundTokens(cloud, operation)
}

// unsound says in words what is wrong with the tokens of a subject.
func unsound(cloud, operation string) messages.Problems {
	var ps messages.Problems
	if !soundToken(cloud, cloudLength) {
		ps.Add("", "the subject's cloud %q is no name of a cloud: it must have 1 to %d of the characters a-z, 0-9 and -", brief(cloud), cloudLength)
	}
	if !soundToken(operation, operationLength) {
		ps.Add("", "the subject's last token %q is no name of an operation: it must have 1 to %d of the characters a-z, 0-9 and -", brief(operation), operationLength)
	}
	return ps
}

// brief keeps what a stranger wrote short in our words.
func brief(s string) string {
	if len(s) > 60 {
		s = strings.ToValidUTF8(s[:60], "") + "…"
	}
	return s
}
