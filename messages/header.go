package messages

import (
	"maps"
	"slices"
	"strings"
)

// Header names that requests use besides the ce- ones. Names are matched
// without regard to case.
const (
	HeaderContentType    = "content-type"
	HeaderMsgID          = "Nats-Msg-Id"
	HeaderRequestSource  = "Ims-Request-Source"
	HeaderRequestID      = "Ims-Request-Id"
	HeaderRequestAttempt = "Ims-Request-Attempt"
	// HeaderTraceParent and HeaderTraceState are those of W3C Trace Context: the
	// trace in which the very message was published.
	HeaderTraceParent = "traceparent"
	HeaderTraceState  = "tracestate"
)

// headers are the headers of a message by lower-case name, each once.
type headers map[string]string

// foldHeaders brings names to lower case. A name that comes twice, in one
// spelling or in two, is a problem: nobody could say which value is meant.
func foldHeaders(raw map[string][]string, ps *Problems) headers {
	folded := make(headers, len(raw))
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		lower := strings.ToLower(name)
		if _, seen := folded[lower]; !seen && len(raw[name]) > 0 {
			folded[lower] = raw[name][0]
		}
	}
	for name := range repeatedHeaders(raw) {
		ps.Add(name, "the header is given twice; give it once")
	}
	return folded
}

// repeatedHeaders are the headers that come more than once, by lower-case name.
func repeatedHeaders(raw map[string][]string) map[string]bool {
	seen, twice := map[string]int{}, map[string]bool{}
	for name, values := range raw {
		lower := strings.ToLower(name)
		if seen[lower] += len(values); seen[lower] > 1 {
			twice[lower] = true
		}
	}
	return twice
}

// has reports whether a header is given, whatever its value.
func (h headers) has(name string) bool {
	_, ok := h[strings.ToLower(name)]
	return ok
}

// decoded gives a header's value with its encoding undone; what cannot be
// decoded is a problem and counts as empty.
func (h headers) decoded(name string, ps *Problems) string {
	value, err := decodeValue(h[strings.ToLower(name)])
	if err != nil {
		ps.Add(name, "the header's value %s", err)
		return ""
	}
	return value
}

// mediaType is the content type without parameters, in lower case.
func mediaType(contentType string) string {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// isJSON reports whether a media type promises JSON.
func isJSON(kind string) bool {
	return kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json")
}
