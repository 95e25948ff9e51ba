package messages

import (
	"strconv"
	"strings"
)

// ReplayHeaders are the headers that give a replayed message the identity and
// the attempt it is meant to have; put them over those it came with.
func ReplayHeaders(id Identity, attempt int) map[string][]string {
	return map[string][]string{
		HeaderRequestSource:  {encodeValue(id.Source)},
		HeaderRequestID:      {encodeValue(id.ID)},
		HeaderRequestAttempt: {strconv.Itoa(attempt)},
	}
}

// replayIdentity lets the Ims-Request- headers go before any other identity.
func (r *reader) replayIdentity() {
	source := r.headers.has(HeaderRequestSource)
	id := r.headers.has(HeaderRequestID)
	switch {
	case source && id:
		r.unclear = r.repeated(HeaderRequestSource, HeaderRequestID)
		r.Source = r.checkIdentity(HeaderRequestSource, r.headers.decoded(HeaderRequestSource, &r.problems))
		r.ID = r.checkIdentity(HeaderRequestID, r.headers.decoded(HeaderRequestID, &r.problems))
	case source:
		r.add(HeaderRequestID, "is missing beside %s", HeaderRequestSource)
	case id:
		r.add(HeaderRequestSource, "is missing beside %s", HeaderRequestID)
	}
	r.replayAttempt()
}

func (r *reader) replayAttempt() {
	if !r.headers.has(HeaderRequestAttempt) {
		return
	}
	text := r.headers[strings.ToLower(HeaderRequestAttempt)]
	attempt, err := strconv.ParseInt(strings.TrimSpace(text), 10, 32)
	if err != nil || attempt < 1 {
		r.add(HeaderRequestAttempt, "is %q; it must be a whole number from 1", brief(text))
		return
	}
	r.Attempt = int(attempt)
}
