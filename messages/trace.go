package messages

import "strings"

// Trace is a trace and a place in it, as the headers traceparent and
// tracestate of W3C Trace Context write it. Parent is empty where there is
// none.
type Trace struct{ Parent, State string }

// Lengths of the parts of a traceparent of version 00, which later versions
// begin with.
const (
	traceIDAt, traceIDEnd = 3, 35
	spanIDAt, spanIDEnd   = 36, 52
	traceParentLength     = 55
)

// ID is the id of the trace, 32 hexadecimal digits; empty where Parent is not
// a sound traceparent.
func (t Trace) ID() string {
	p := t.Parent
	if len(p) < traceParentLength || p[2] != '-' || p[traceIDEnd] != '-' || p[spanIDEnd] != '-' {
		return ""
	}
	version, rest := p[:2], p[traceParentLength:]
	sound := version != "ff" && (rest == "" || version != "00" && rest[0] == '-')
	id, span := p[traceIDAt:traceIDEnd], p[spanIDAt:spanIDEnd]
	if !sound || !isHex(version) || !isHex(p[spanIDEnd+1:traceParentLength]) || !namesOne(id) || !namesOne(span) {
		return ""
	}
	return id
}

// namesOne reports whether an id is hexadecimal and not zero.
func namesOne(id string) bool { return isHex(id) && strings.Trim(id, "0") != "" }

func isHex(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

// hop reads the message's own headers. What is not sound there is nobody's
// mistake but that of a library on the way, and is passed over, as the standard
// asks for.
func (r *reader) hop() {
	if r.Hop = r.headers.hop(); r.Trace.Parent == "" && r.Hop.Parent != "" {
		r.Trace = r.Hop
	}
}

func (h headers) hop() Trace {
	hop := Trace{Parent: strings.TrimSpace(h[HeaderTraceParent]), State: h[HeaderTraceState]}
	if hop.ID() == "" || len(hop.Parent) > maxAttributeBytes {
		return Trace{}
	}
	if len(hop.State) > maxAttributeBytes || !printable(hop.State) {
		hop.State = ""
	}
	return hop
}

// HopIn is the trace in which a message was published, by its headers; empty
// where they name none, or not soundly.
func HopIn(header map[string][]string) Trace {
	var ps Problems
	return foldHeaders(header, &ps).hop()
}

// printable reports whether a text is ASCII without control characters.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' })
}
