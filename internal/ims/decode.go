package ims

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// text reads a JSON string, number, boolean or null alike: the same attribute
// is written in different types by different versions of the API (API
// reference, section 7). An object or array leaves it empty.
type text string

// UnmarshalJSON never fails on a well-formed value.
func (t *text) UnmarshalJSON(b []byte) error {
	*t = ""
	switch b[0] {
	case '"':
		if plain := b[1 : len(b)-1]; !bytes.ContainsRune(plain, '\\') && utf8.Valid(plain) {
			*t = text(plain)
			return nil
		}
		return json.Unmarshal(b, (*string)(t))
	case 'n', '{', '[':
		return nil
	}
	*t = text(b)
	return nil
}

func (t text) trim() string { return strings.TrimSpace(string(t)) }

// id is an id; what cannot be one is left out rather than cut.
func (t text) id() string {
	s := t.trim()
	if len(s) > maxID || checkSegment(s) != nil {
		return ""
	}
	return s
}

// word is one of the API's own words, such as a state.
func (t text) word() string { return cut(t.trim(), maxWord) }

// bool reads "true", "True", "1" and the like.
func (t text) bool() bool {
	v, err := strconv.ParseBool(strings.ToLower(t.trim()))
	return err == nil && v
}

// optionalBool tells an absent value from a false one.
func (t text) optionalBool() *bool {
	v, err := strconv.ParseBool(strings.ToLower(t.trim()))
	if err != nil {
		return nil
	}
	return &v
}

// int64 reads an integer, 0 for anything else.
func (t text) int64() int64 {
	v, err := strconv.ParseInt(t.trim(), 10, 64)
	if err == nil {
		return v
	}
	f, err := strconv.ParseFloat(t.trim(), 64)
	if err != nil || f > 1<<62 || f < -(1<<62) {
		return 0
	}
	return int64(f)
}

// number reads a JSON number, or one in a string; null, an empty string and
// anything else leave it nil.
type number struct{ value *float64 }

// share is the number where it lies between 0 and 1, else nil: what is no
// number at all could not be told in JSON.
func (n number) share() *float64 {
	if n.value == nil || !(*n.value >= 0 && *n.value <= 1) {
		return nil
	}
	return n.value
}

// UnmarshalJSON never fails on a well-formed value.
func (n *number) UnmarshalJSON(b []byte) error {
	n.value = nil
	v, err := strconv.ParseFloat(strings.Trim(string(b), `" `), 64)
	if err == nil {
		n.value = &v
	}
	return nil
}

// instant reads a time in every form that the API uses; what cannot be read
// leaves it zero, since no decision may hang on a clock that is not ours.
type instant struct{ time.Time }

// layouts are the documented forms of times: images, jobs, CBR, EVS (without a
// zone, meaning UTC), and very old jobs.
var layouts = []string{
	time.RFC3339Nano,
	"2006-01-02T15:04:05.999999999Z0700",
	"2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04:05.999999999",
	"02-Jan-2006 15:04:05.999999999",
}

// UnmarshalJSON never fails on a well-formed value.
func (i *instant) UnmarshalJSON(b []byte) error {
	var t text
	if err := t.UnmarshalJSON(b); err != nil {
		return err
	}
	i.Time = parseTime(t.trim())
	return nil
}

func parseTime(s string) time.Time {
	if s == "" {
		return time.Time{}
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, oldMillis(s)); err == nil && tellable(t.UTC()) {
			return t.UTC()
		}
	}
	return time.Time{}
}

// tellable reports whether a time can be told in JSON: a zone can move the
// first and last hours of the calendar out of it.
func tellable(t time.Time) bool { return t.Year() >= 0 && t.Year() <= 9999 }

// oldMillis turns "04-Jun-2015 18:11:06:586" into a form that time.Parse knows.
func oldMillis(s string) string {
	if i := strings.LastIndexByte(s, ':'); strings.Count(s, ":") == 3 && len(s)-i == 4 && !strings.Contains(s, "T") {
		return s[:i] + "." + s[i+1:]
	}
	return s
}

// object reports whether b is a JSON object, white space in front ignored.
func object(b []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(b), []byte("{")) }

// first returns the first text that is not blank.
func first(texts ...text) string {
	for _, t := range texts {
		if s := t.trim(); s != "" {
			return s
		}
	}
	return ""
}
