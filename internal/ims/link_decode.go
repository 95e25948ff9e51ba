package ims

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// How much of the cloud's words an error keeps, in bytes.
const (
	maxMessage = 500
	maxCode    = 64
	maxID      = 100
)

// decoding is the link that turns everything but a whole answer with a status
// of 200 to 299 into an *Error.
func decoding(next link, cfg Config, v *veil) link {
	return func(ctx context.Context, k call) (*reply, error) {
		r, err := next(ctx, k)
		if err == nil && r.status >= 200 && r.status < 300 {
			return r, nil
		}
		e := failure(r, err, v)
		e.Call, e.Cloud = k.name, cfg.Cloud
		return nil, e
	}
}

func failure(r *reply, err error, v *veil) *Error {
	var prepared *Error
	switch {
	case errors.As(err, &prepared):
		return unprepared(prepared)
	case err != nil:
		return unanswered(r, err, v)
	}
	return answered(r, v)
}

// unprepared is the error of a call that got no token or project.
func unprepared(prepared *Error) *Error {
	e := *prepared
	if e.Message != "" {
		e.Message = "authentication: " + e.Message
	} else if e.Err != nil {
		e.Err = &veiled{text: "authentication: " + e.Err.Error(), err: e.Err}
	}
	return &e
}

func unanswered(r *reply, err error, v *veil) *Error {
	var w *wireError
	sent := !errors.As(err, &w) || w.sent
	e := &Error{NotSent: !sent, Err: &veiled{text: shown(err.Error(), v, maxMessage), err: err}}
	if r != nil {
		e.Status, e.RequestID, e.broken = r.status, shown(r.requestID(), v, maxID), true
	}
	return e
}

// veiled keeps the kind of an error but shows a text without secrets.
type veiled struct {
	text string
	err  error
}

func (e *veiled) Error() string { return e.text }
func (e *veiled) Unwrap() error { return e.err }

func answered(r *reply, v *veil) *Error {
	said := read(r, v)
	return &Error{
		Status: r.status, Code: said.code, Message: said.message,
		RequestID:  shown(first(text(r.requestID()), text(said.request)), v, maxID),
		retryAfter: retryAfter(r, said.message),
		state:      stateIn(r.status, said.code, said.message, said.conflict),
		broken:     said.torn && r.status == http.StatusBadRequest,
	}
}

// words are what an error body says.
type words struct {
	code, message, request string
	conflict               bool // Cinder's word for an object in the wrong state
	torn                   bool // the body is JSON that ends too early: its code is not known
}

// read follows the algorithm of the API reference 6.2.
func read(r *reply, v *veil) words {
	w := words{}
	var top map[string]json.RawMessage
	if object(r.body) && json.Unmarshal(r.body, &top) == nil {
		w = found(top)
	} else {
		w.message, w.torn = plain(r.body, v), object(r.body)
	}
	if w.code == "" {
		w.code = statusCode(r.status)
	}
	w.code, w.message = shown(w.code, v, maxCode), shown(w.message, v, maxMessage)
	return w
}

// shown prepares the other side's words to be told. Secrets go first: half of
// one would not be found.
func shown(s string, v *veil, n int) string { return cut(oneLine(v.text(s)), n) }

// found looks at the top level first, then inside its objects.
func found(top map[string]json.RawMessage) words {
	w := pairs(top)
	for _, key := range slices.Sorted(maps.Keys(top)) {
		var inner map[string]json.RawMessage
		if w.code != "" || !object(top[key]) || json.Unmarshal(top[key], &inner) != nil {
			continue
		}
		deeper := pairs(inner)
		if deeper.code == "" && w.message != "" {
			continue
		}
		w.code, w.message, w.conflict = deeper.code, deeper.message, key == "conflictingRequest"
		w.request = first(text(w.request), text(deeper.request))
	}
	return w
}

func pairs(m map[string]json.RawMessage) words {
	w := words{request: field(m, "request_id")}
	if code := field(m, "error_code"); code != "" {
		w.code, w.message = code, field(m, "error_msg")
		return w
	}
	w.code, w.message = field(m, "code"), field(m, "message")
	if w.message == "" {
		w.message = field(m, "error_msg")
	}
	return w
}

func field(m map[string]json.RawMessage, key string) string {
	var t text
	if raw, ok := m[key]; !ok || t.UnmarshalJSON(bytes.TrimSpace(raw)) != nil {
		return ""
	}
	return t.trim()
}

var tags = regexp.MustCompile(`(?s)<(script|style)[^>]*>.*?</(script|style)>|<[^>]*>`)

// plain is the text of a page that a proxy or load balancer made.
func plain(body []byte, v *veil) string {
	return tags.ReplaceAllString(cut(v.text(cut(string(body), maxSearched)), maxLogged), " ")
}

// oneLine replaces control characters and runs of white space by one space.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
	return collapse(s)
}

// cut shortens s to n bytes without splitting a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

var window = regexp.MustCompile(`(?i)time:\s*(\d{1,4})\s*(second|minute|hour)`)

// mostWait is as long as a cloud is believed that it has to be left alone.
const mostWait = 24 * time.Hour

// retryAfter is the Retry-After header, else the window that the text of a 429
// names (API reference 6.4).
func retryAfter(r *reply, message string) time.Duration {
	h := strings.TrimSpace(r.header.Get("Retry-After"))
	if seconds, err := strconv.Atoi(h); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, int(mostWait/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(h); err == nil {
		return max(0, min(at.Sub(serverTime(r)), mostWait))
	}
	m := window.FindStringSubmatch(message)
	if r.status != http.StatusTooManyRequests || m == nil {
		return 0
	}
	n, _ := strconv.Atoi(m[1]) // the pattern allows digits only
	unit := map[string]time.Duration{"second": time.Second, "minute": time.Minute, "hour": time.Hour}
	return min(time.Duration(n)*unit[strings.ToLower(m[2])], mostWait)
}

func serverTime(r *reply) time.Time {
	if date, err := http.ParseTime(r.header.Get("Date")); err == nil {
		return date
	}
	return r.at
}
