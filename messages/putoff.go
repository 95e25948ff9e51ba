package messages

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// PutOffLimit is how long after its acceptance a request may be submitted at
// the earliest. What is put off for longer was mistyped: it would wait for
// years, and its default deadline with it, so that nobody is told.
const PutOffLimit = 366 * 24 * time.Hour

// PutOffTooFar finds each not_before of a request, those of its follow-up steps
// included, that lies more than PutOffLimit after its acceptance. What cannot
// be read is left to those who judge the rest.
func PutOffTooFar(data []byte, accepted time.Time) (ps Problems) {
	if bytes.Contains(data, []byte("not_before")) || bytes.ContainsRune(data, '\\') { // which may write the name in another way
		putOffTooFar("", data, accepted, &ps)
	}
	return ps
}

func putOffTooFar(path string, data []byte, accepted time.Time, ps *Problems) {
	var d struct {
		Options struct {
			NotBefore string `json:"not_before"`
		} `json:"options"`
	}
	if json.Unmarshal(data, &d) != nil {
		return
	}
	if at, err := time.Parse(time.RFC3339, d.Options.NotBefore); err == nil && at.After(accepted.Add(PutOffLimit)) {
		ps.Add(JoinField(path, "options.not_before"), "is %q, more than %d days ahead; requests are kept waiting for at most that long: check the year, or send it later",
			d.Options.NotBefore, int(PutOffLimit/(24*time.Hour)))
	}
	for i, step := range StepsOf(data) {
		putOffTooFar(JoinField(path, fmt.Sprintf("options.on_success[%d]", i)), step, accepted, ps)
	}
}
