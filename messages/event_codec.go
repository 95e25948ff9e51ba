package messages

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// EventSchema is the address of the schema that every event's data fits.
const EventSchema = "https://imsworker.io/schemas/event.v1.json"

// BatchSchema is the address of the schema of the data of a bulk's own events.
const BatchSchema = "https://imsworker.io/schemas/batch.v1.json"

// EventMeta is what an event says beside its data, in its headers.
type EventMeta struct {
	Cloud     string
	Operation string
	Key       string
	Attempt   int
	// Sequence counts the events of one request upwards; readers may order by
	// it.
	Sequence int
	State    State
	Time     time.Time
	// CorrelationID and Trace are the request's, CausationID is its id.
	CorrelationID string
	CausationID   string
	Trace         Trace
	// Hop is the traceparent of what the worker did that the event tells of,
	// empty where it makes no traces.
	Hop string
	// Page counts the batch-legs events of an attempt from 0.
	Page int
}

// Subject is where the event is published.
func (m EventMeta) Subject() string {
	if m.State == StateBatchLegs {
		return BatchLegsSubject(m.Cloud, m.Operation, m.Key, m.Attempt, m.Page)
	}
	return EventSubject(m.Cloud, m.Operation, m.State, m.Key, m.Attempt)
}

// ID is the CloudEvents id: the same for every publication of one event.
func (m EventMeta) ID() string {
	id := m.Key + "/" + strconv.Itoa(m.Attempt) + "/" + string(m.State)
	switch {
	case m.State.repeats():
		id += "/" + strconv.Itoa(m.Sequence)
	case m.State == StateBatchLegs:
		id += "/" + strconv.Itoa(m.Page)
	}
	return id
}

// EncodeEvent writes an event as CloudEvents binary mode on NATS: lower-case
// ce- headers with percent-encoded values, the data as body.
func EncodeEvent(m EventMeta, e Event) (header map[string][]string, body []byte, err error) {
	filled := plainEvent(e.filled())
	body, err = json.Marshal(&filled)
	if err != nil {
		return nil, nil, fmt.Errorf("encode event %s: %w", m.ID(), err)
	}
	header = attributeHeaders([]attribute{
		{"ce-specversion", "1.0"},
		{"ce-type", EventType(m.State)},
		{"ce-source", EventSource(m.Cloud)},
		{"ce-subject", m.Key},
		{"ce-id", m.ID()},
		{"ce-time", m.Time.UTC().Format(time.RFC3339Nano)},
		{"ce-datacontenttype", "application/json"},
		{"ce-dataschema", schemaOf(m.State)},
		{"ce-sequence", fmt.Sprintf("%016d", m.Sequence)},
		{"ce-correlationid", m.CorrelationID},
		{"ce-causationid", m.CausationID},
		{"ce-traceparent", m.Trace.Parent},
		{"ce-tracestate", m.Trace.State},
		{HeaderTraceParent, m.Hop},
	})
	return header, body, nil
}

// DecodeEvent reads what EncodeEvent wrote. Operation is taken from the data,
// as the headers do not carry it.
func DecodeEvent(header map[string][]string, body []byte) (EventMeta, Event, error) {
	var ps Problems
	h := foldHeaders(header, &ps)
	m := EventMeta{
		Cloud:         strings.TrimPrefix(h.decoded("ce-source", &ps), EventSource("")),
		Key:           h.decoded("ce-subject", &ps),
		CorrelationID: h.decoded("ce-correlationid", &ps),
		CausationID:   h.decoded("ce-causationid", &ps),
		Trace:         Trace{Parent: h.decoded("ce-traceparent", &ps), State: h.decoded("ce-tracestate", &ps)},
		Hop:           h.decoded(HeaderTraceParent, &ps),
	}
	if len(ps) > 0 {
		return m, Event{}, fmt.Errorf("decode event headers: %w", ps)
	}
	var e Event
	if err := json.Unmarshal(body, &e); err != nil {
		return m, Event{}, fmt.Errorf("decode event data: %w", err)
	}
	m.Operation, m.Attempt, m.State = e.Request.Operation, e.Request.Attempt, e.State
	if e.Batch != nil {
		m.Page = e.Batch.Page
	}
	return m, e, errors.Join(m.readTime(h), m.readSequence(h), m.checkType(h))
}

func schemaOf(s State) string {
	if s.Batch() {
		return BatchSchema
	}
	return EventSchema
}

func (m *EventMeta) readTime(h headers) (err error) {
	if m.Time, err = time.Parse(time.RFC3339, h["ce-time"]); err != nil {
		return fmt.Errorf("decode event time: %w", err)
	}
	return nil
}

func (m *EventMeta) readSequence(h headers) (err error) {
	if m.Sequence, err = strconv.Atoi(h["ce-sequence"]); err != nil {
		return fmt.Errorf("decode event sequence: %w", err)
	}
	return nil
}

func (m *EventMeta) checkType(h headers) error {
	if h["ce-type"] != EventType(m.State) {
		return fmt.Errorf("event type %q does not fit its state %q", h["ce-type"], m.State)
	}
	return nil
}

// attribute is a CloudEvents attribute under the name of its header.
type attribute struct{ header, value string }

// attributeHeaders makes headers of all attributes that are not empty, with
// room for one more.
func attributeHeaders(attributes []attribute) map[string][]string {
	header := make(map[string][]string, len(attributes)+1)
	values := make([]string, len(attributes))
	for i, a := range attributes {
		if a.value != "" {
			values[i] = encodeValue(a.value)
			header[a.header] = values[i : i+1 : i+1]
		}
	}
	return header
}
