package ims

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ErrNotFound is matched by errors of objects that do not exist.
var ErrNotFound = errors.New("not found")

// Error is any failure of a call: what the cloud said, or why it could not be
// asked. Nothing in it is secret.
type Error struct {
	Call, Cloud string
	Status      int    // 0: no answer came
	Code        string // the cloud's code, "HTTP.<status>" where it gave none, empty without an answer
	Message     string // the cloud's words, cut to a few hundred bytes
	RequestID   string // the cloud's, for its support
	NotSent     bool   // surely nothing reached the service
	Err         error  // what went wrong on our side or on the way, may be nil

	retryAfter time.Duration
	auth       bool   // it was the call for a token or a project, the call itself was not sent
	local      bool   // the call was wrong before it was sent
	broken     bool   // the answer broke off, so that its code is not known
	unpaced    bool   // its turn would have come too late
	bucket     string // that the call took from
	state      string // of the disk, where that is why EVS refused
}

// Error tells call, cloud, status, code, the cloud's words and its request id.
func (e *Error) Error() string {
	parts := []string{e.Call}
	if e.Cloud != "" {
		parts[0] += " on " + e.Cloud
	}
	if e.NotSent {
		parts = append(parts, "not sent")
	}
	if answer := e.answer(); answer != "" {
		parts = append(parts, answer)
	}
	if e.Message != "" {
		parts = append(parts, e.Message)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	text := strings.Join(parts, ": ")
	if e.RequestID != "" {
		text += " (request id " + e.RequestID + ")"
	}
	return text
}

// answer is status and code, once each.
func (e *Error) answer() string {
	switch {
	case e.Status == 0:
		return e.Code
	case e.Code == "" || e.Code == statusCode(e.Status):
		return "status " + strconv.Itoa(e.Status)
	}
	return "status " + strconv.Itoa(e.Status) + " " + e.Code
}

// LogValue gives the parts of the error to slog.
func (e *Error) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("call", e.Call), slog.String("cloud", e.Cloud), slog.Int("status", e.Status),
		slog.String("code", e.Code), slog.String("verdict", e.Verdict().String()),
		slog.String("cloud_request_id", e.RequestID), slog.String("text", e.Error()),
	)
}

// Unwrap returns what went wrong on our side, so that errors.Is finds the end
// of a context.
func (e *Error) Unwrap() error { return e.Err }

// Is matches ErrNotFound where the cloud says that the object does not exist.
func (e *Error) Is(target error) bool {
	return target == ErrNotFound && e.Status != 0 && !e.auth && e.Reason() == reasonNotFound
}

// Verdict says what to do about the error.
func (e *Error) Verdict() Verdict {
	switch {
	case e.local:
		return Refused
	case e.auth:
		return e.authVerdict()
	case e.NotSent:
		return NotSent
	case e.broken:
		return Uncertain
	}
	return e.meaning().Verdict
}

// authVerdict judges a refused request for a token or a project: the call that
// needed it was not sent.
func (e *Error) authVerdict() Verdict {
	switch e.meaning().Verdict {
	case Throttled:
		return Throttled
	case Uncertain, NotSent, Park:
		return NotSent
	default:
		return Account
	}
}

// Reason is one of the closed list of reasons of events.
func (e *Error) Reason() string {
	switch {
	case e.local:
		return reasonInvalid
	case e.Verdict() == Account:
		return reasonUnauthorized
	case errors.Is(e.Err, context.Canceled):
		return reasonCancelled
	case timedOut(e.Err):
		return reasonTimeout
	case e.broken, e.NotSent && !e.auth:
		return reasonUnavailable
	}
	return e.meaning().Reason
}

// Remedy says in plain words what a person can do about the error.
func (e *Error) Remedy() string {
	if e.local {
		return "Correct the id in the request; ids consist of letters, digits and hyphens."
	}
	return e.meaning().Remedy
}

// RetryAfter returns how long the cloud asked us to wait, by its Retry-After
// header or by the window that the text of a 429 names, else 0.
func (e *Error) RetryAfter() time.Duration { return e.retryAfter }

// Crowded reports whether the service itself has no room for more at once, while
// the number of calls was well (API reference 6.4).
func (e *Error) Crowded() bool {
	return e.Verdict() == Throttled && e.Status == http.StatusBadRequest
}

// Bucket returns the budget that the call took from, by its name in the
// settings; empty where nothing was to be sent.
func (e *Error) Bucket() string { return e.bucket }

// meaning is the row of the table for the code, else that for the status.
func (e *Error) meaning() Meaning {
	if m, told := e.volumeState(); told {
		return m
	}
	m, known := Explain(e.Code)
	switch {
	case e.overrules(m.Verdict), !known && !e.ofThisService():
		return byStatus(e.Status, e.Code)
	case !known:
		return Meaning{e.Code, Refused, reasonUnauthorized, "the account may not do this", askRights}
	case e.backEndLost():
		return byStatus(http.StatusGatewayTimeout, e.Code)
	}
	return m
}

// overrules reports whether the status says what to do, whatever the code does.
// A 401 is a matter of the account. A 429 is one of calls that came too fast: the
// gateway gives it before the service has seen the call (API reference 6.3), and
// no request may fail for it. What a code calls uncertain is looked for all the
// same.
func (e *Error) overrules(v Verdict) bool {
	switch e.Status {
	case http.StatusUnauthorized:
		return v != Account
	case http.StatusTooManyRequests:
		return v != Throttled && v != Uncertain
	}
	return false
}

// Forbidden reports whether the account was recognised and may not do this.
func (e *Error) Forbidden() bool { return e.Status == http.StatusForbidden }

// ofThisService is a 403 of the image service itself: it concerns this request,
// while one of the gateway concerns the account.
func (e *Error) ofThisService() bool {
	return e.Status == http.StatusForbidden && strings.HasPrefix(e.Code, "IMG.")
}

// backEndLost tells the two meanings of APIGW.0201 apart: a malformed request,
// or a service that did not answer in time (API reference 6.5).
func (e *Error) backEndLost() bool {
	return e.Code == codeMalformed && (e.Status >= http.StatusInternalServerError || backEnd.MatchString(e.Message))
}

// backEnd is what the gateway writes of a service that it did not reach.
var backEnd = regexp.MustCompile(`(?i)back[ -]?end|time[d]?[ -]?out`)

func statusCode(status int) string { return "HTTP." + strconv.Itoa(status) }

func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
