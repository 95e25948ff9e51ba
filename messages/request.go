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
	// Time may be zero, CorrelationID and TraceParent empty.
	Time          time.Time
	CorrelationID string
	TraceParent   string
	Data          json.RawMessage
}

// EncodeRequest writes a request as CloudEvents binary mode on NATS and names
// the subject it belongs to. The data goes out as it is.
func EncodeRequest(r Request) (subject string, header map[string][]string, body []byte) {
	attributes := map[string]string{
		"specversion":     "1.0",
		"type":            RequestType(r.Operation),
		"source":          r.Source,
		"id":              r.ID,
		"datacontenttype": "application/json",
		"dataschema":      RequestSchema(r.Operation),
		"correlationid":   r.CorrelationID,
		"traceparent":     r.TraceParent,
	}
	if !r.Time.IsZero() {
		attributes["time"] = r.Time.UTC().Format(time.RFC3339Nano)
	}
	return RequestSubject(r.Cloud, r.Operation), attributeHeaders(attributes), r.Data
}

// RequestSchema is the address of the schema of an operation's data.
func RequestSchema(operation string) string {
	return "https://imsworker.io/schemas/" + operation + ".v1.json"
}
