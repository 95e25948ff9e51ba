package messages

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// maxAttributeBytes bounds what is carried into the headers of every event,
// so that no request can make its own events too large to publish.
const maxAttributeBytes = 1024

// Envelope is what a request message says besides its data.
type Envelope struct {
	Identity
	// HasIdentity is false where no identity was given, or none that can be
	// used.
	HasIdentity bool
	// Anonymous is true for plain JSON without Nats-Msg-Id: the receiver makes
	// an id of the stream sequence and the stored time.
	Anonymous bool
	// Attempt is the attempt that a replay asks for, 0 for all others.
	Attempt int
	// Time is the sender's, zero where none was given.
	Time          time.Time
	CorrelationID string
	// Trace is the sender's trace: of the CloudEvent where that names one, else
	// of the message's own headers. It may be no sound W3C context.
	Trace Trace
	// Hop is what the message's own headers say of the trace in which it was
	// published, if that is sound.
	Hop Trace
	// Data is the request's data: JSON, but not yet looked at further.
	Data json.RawMessage
}

// ReadEnvelope takes a request message apart. The forms are tried in the
// contract's order: CloudEvents structured, CloudEvents binary, plain JSON.
// All that is wrong is told at once. Even with problems the identity is filled
// as far as it could be read, so that the rejection can be recorded; where a
// part of it is given twice there is none. Data is set only if it is sound JSON
// within the limits.
func ReadEnvelope(operation string, header map[string][]string, body []byte) (Envelope, Problems) {
	r := reader{want: RequestType(operation), about: operation}
	r.read(header, body)
	return r.Envelope, r.problems.Limited()
}

// reader collects one envelope and its problems.
type reader struct {
	Envelope
	want     string // the type that an event must have, empty for any
	about    string // what the subject asks for
	is       string // the type that it has
	topic    string // its CloudEvents subject
	tooLarge bool
	headers  headers
	twice    map[string]bool // headers that are given more than once
	unclear  bool            // nobody could say which identity is meant
	problems Problems
}

func (r *reader) read(header map[string][]string, body []byte) {
	r.headers, r.twice = foldHeaders(header, &r.problems), repeatedHeaders(header)
	if r.tooLarge = len(body) > MostBytes(r.about); r.tooLarge {
		r.add("", "the body has %d bytes, at most %d are allowed", len(body), MostBytes(r.about))
	}
	r.form(body)
	r.replayIdentity()
	r.hop()
	if r.unclear {
		r.Identity, r.Anonymous = Identity{}, false
	}
	r.HasIdentity = r.Source != "" && r.ID != ""
	r.Anonymous = r.Anonymous && !r.HasIdentity
}

func (r *reader) add(field, format string, args ...any) { r.problems.Add(field, format, args...) }

// repeated reports whether one of these headers is given more than once.
func (r *reader) repeated(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return r.twice[strings.ToLower(name)] })
}

func (r *reader) form(body []byte) {
	if r.unclear = r.repeated(HeaderContentType); r.unclear {
		return // which form was meant is anybody's guess, and so is what is wrong with it
	}
	kind := mediaType(r.headers[HeaderContentType])
	switch {
	case strings.HasPrefix(kind, "application/cloudevents"):
		r.structured(kind, body)
	case r.headers.has("ce-specversion"):
		r.binary()
		r.takeData(body)
	default:
		r.plain()
		r.takeData(body)
		r.refuseHiddenCloudEvent()
	}
}

// takeData checks and keeps the data; what is too large is not looked at.
func (r *reader) takeData(data []byte) {
	if r.tooLarge {
		return
	}
	ps := CheckJSON(data)
	if len(ps) == 0 {
		r.Data = data
	}
	r.problems = append(r.problems, ps...)
}

func (r *reader) binary() {
	attribute := func(name string) (string, bool) {
		return r.headers.decoded("ce-"+name, &r.problems), r.headers.has("ce-" + name)
	}
	r.attributes("ce-", attribute)
	r.unclear = r.unclear || r.repeated("ce-source", "ce-id")
	if kind, given := attribute("datacontenttype"); given {
		r.checkDataKind("ce-datacontenttype", kind)
	}
}

// attributes reads the CloudEvents attributes, wherever they stand; prefix
// goes before their names in problems.
func (r *reader) attributes(prefix string, get func(name string) (string, bool)) {
	if version, _ := get("specversion"); version != "1.0" {
		r.add(prefix+"specversion", "is %q; only CloudEvents 1.0 is understood", brief(version))
	}
	r.checkType(prefix, get)
	r.Source = r.identityPart(prefix+"source", get, "source")
	r.ID = r.identityPart(prefix+"id", get, "id")
	if text, given := get("time"); given {
		r.Time = r.timestamp(prefix+"time", text)
	}
	r.topic, _ = get("subject")
	r.CorrelationID = r.carried(prefix+"correlationid", get, "correlationid")
	r.Trace.Parent = r.carried(prefix+"traceparent", get, "traceparent")
	r.Trace.State = r.carried(prefix+"tracestate", get, "tracestate")
}

func (r *reader) checkType(prefix string, get func(string) (string, bool)) {
	got, given := get("type")
	r.is = got
	switch {
	case got == r.want, got != "" && r.want == "":
	case !given, r.want == "":
		r.add(prefix+"type", "is missing; it must be %s", or(r.want, "a name of what has happened"))
	default:
		r.add(prefix+"type", "is %q, but the subject asks for %s; send %s, or publish to the subject of the operation that is meant",
			brief(got), r.about, r.want)
	}
}

func (r *reader) identityPart(field string, get func(string) (string, bool), name string) string {
	value, given := get(name)
	if !given {
		r.add(field, "is missing; source and id together name the request")
		return ""
	}
	return r.checkIdentity(field, value)
}

// checkIdentity gives back a usable source or id, or nothing and a problem.
func (r *reader) checkIdentity(field, value string) string {
	switch {
	case value == "" && r.faulty(field):
		return ""
	case value == "":
		r.add(field, "is empty; source and id together name the request")
		return ""
	case strings.ContainsFunc(value, unicode.IsControl):
		r.add(field, "contains a control character; send printable text")
		return ""
	case len(value) > maxAttributeBytes:
		r.add(field, "has %d bytes, at most %d are allowed", len(value), maxAttributeBytes)
		return ""
	case !utf8.ValidString(value):
		r.add(field, "is not UTF-8 text")
		return ""
	}
	return value
}

// faulty reports whether something is known to be wrong with a field.
func (r *reader) faulty(field string) bool {
	return slices.ContainsFunc(r.problems, func(p Problem) bool { return p.Field == field })
}

// carried reads an attribute that only travels on into events.
func (r *reader) carried(field string, get func(string) (string, bool), name string) string {
	value, given := get(name)
	if !given || value == "" {
		return ""
	}
	return r.checkIdentity(field, value)
}

func (r *reader) timestamp(field, text string) time.Time {
	at, err := parseTime(text)
	if err != nil {
		r.add(field, "is %q; write an RFC 3339 time like 2026-11-21T22:00:00Z", brief(text))
	}
	return at
}

// parseTime reads an RFC 3339 time that can be written again, as it is and as
// UTC: time.Parse alone takes a zone of 24 hours, and the calendar's first and
// last hours are in another year elsewhere. A record with such a time could
// never be stored.
func parseTime(text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, err
	}
	for _, form := range []time.Time{at, at.UTC()} {
		if _, err := form.MarshalText(); err != nil {
			return time.Time{}, err
		}
	}
	return at, nil
}

func (r *reader) checkDataKind(field, contentType string) {
	if !isJSON(mediaType(contentType)) {
		r.add(field, "is %q; the data must be application/json", brief(contentType))
	}
}

// plain takes the identity of plain JSON. Headers that would be an identity
// in a CloudEvent are refused rather than overlooked.
func (r *reader) plain() {
	for _, name := range []string{"ce-id", "ce-source", "ce-type"} {
		if r.headers.has(name) {
			r.add(name, "is given without ce-specversion; add ce-specversion: 1.0 to send a CloudEvent")
		}
	}
	r.unclear = r.unclear || r.repeated(HeaderMsgID)
	if r.Anonymous = !r.headers.has(HeaderMsgID); !r.Anonymous {
		r.ID = r.checkIdentity(HeaderMsgID, r.headers[strings.ToLower(HeaderMsgID)])
	}
	if r.ID != "" {
		r.Source = PlainSource
	}
}

// refuseHiddenCloudEvent explains the content type to a sender of structured
// CloudEvents who left it out. The event is not taken for data: all that would
// be wrong with it has this one cause.
func (r *reader) refuseHiddenCloudEvent() {
	var body map[string]json.RawMessage
	if json.Unmarshal(r.Data, &body) != nil {
		return
	}
	if _, ok := body["specversion"]; ok {
		r.Data = nil
		r.add("specversion", "the body looks like a structured CloudEvent; send it with the header content-type: application/cloudevents+json")
	}
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// brief keeps a quoted value readable.
func brief(value string) string { return cut(value, 100) }
