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
	// CorrelationID and TraceParent are the request's, CausationID is its id.
	CorrelationID string
	CausationID   string
	TraceParent   string
}

// ID is the CloudEvents id: the same for every publication of one event.
func (m EventMeta) ID() string {
	id := m.Key + "/" + strconv.Itoa(m.Attempt) + "/" + string(m.State)
	if m.State.repeats() {
		id += "/" + strconv.Itoa(m.Sequence)
	}
	return id
}

// EncodeEvent writes an event as CloudEvents binary mode on NATS: lower-case
// ce- headers with percent-encoded values, the data as body.
func EncodeEvent(m EventMeta, e Event) (header map[string][]string, body []byte, err error) {
	body, err = json.Marshal(plainEvent(e.filled()))
	if err != nil {
		return nil, nil, fmt.Errorf("encode event %s: %w", m.ID(), err)
	}
	header = attributeHeaders(map[string]string{
		"specversion":     "1.0",
		"type":            EventType(m.State),
		"source":          EventSource(m.Cloud),
		"subject":         m.Key,
		"id":              m.ID(),
		"time":            m.Time.UTC().Format(time.RFC3339Nano),
		"datacontenttype": "application/json",
		"dataschema":      EventSchema,
		"sequence":        fmt.Sprintf("%016d", m.Sequence),
		"correlationid":   m.CorrelationID,
		"causationid":     m.CausationID,
		"traceparent":     m.TraceParent,
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
		TraceParent:   h.decoded("ce-traceparent", &ps),
	}
	if len(ps) > 0 {
		return m, Event{}, fmt.Errorf("decode event headers: %w", ps)
	}
	var e Event
	if err := json.Unmarshal(body, &e); err != nil {
		return m, Event{}, fmt.Errorf("decode event data: %w", err)
	}
	m.Operation, m.Attempt, m.State = e.Request.Operation, e.Request.Attempt, e.State
	return m, e, errors.Join(m.readTime(h), m.readSequence(h), m.checkType(h))
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

// attributeHeaders makes ce- headers of all attributes that are not empty.
func attributeHeaders(attributes map[string]string) map[string][]string {
	header := make(map[string][]string, len(attributes))
	for name, value := range attributes {
		if value != "" {
			header["ce-"+name] = []string{encodeValue(value)}
		}
	}
	return header
}
