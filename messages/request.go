package messages

import (
	"encoding/json"
	"time"
)

// Request is a request as its sender sees it.
type Request struct {
	Identity
	Cloud     string
	Operation string
	// Time may be zero, CorrelationID, Trace and Hop empty. Trace is the one that
	// it all began with, Hop the traceparent of what publishes the request.
	Time          time.Time
	CorrelationID string
	Trace         Trace
	Hop           string
	Data          json.RawMessage
}

// EncodeRequest writes a request as CloudEvents binary mode on NATS and names
// the subject it belongs to. The data goes out as it is.
func EncodeRequest(r Request) (subject string, header map[string][]string, body []byte) {
	attributes := []attribute{
		{"ce-specversion", "1.0"},
		{"ce-type", RequestType(r.Operation)},
		{"ce-source", r.Source},
		{"ce-id", r.ID},
		{"ce-datacontenttype", "application/json"},
		{"ce-dataschema", RequestSchema(r.Operation)},
		{"ce-correlationid", r.CorrelationID},
		{"ce-traceparent", r.Trace.Parent},
		{"ce-tracestate", r.Trace.State},
		{HeaderTraceParent, r.Hop},
	}
	if !r.Time.IsZero() {
		attributes = append(attributes, attribute{"ce-time", r.Time.UTC().Format(time.RFC3339Nano)})
	}
	return RequestSubject(r.Cloud, r.Operation), attributeHeaders(attributes), r.Data
}

// RequestSchema is the address of the schema of an operation's data.
func RequestSchema(operation string) string {
	return "https://imsworker.io/schemas/" + operation + ".v1.json"
}
