package messages

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

const operation = "copy-image"

// ce makes the headers of a binary CloudEvent; pairs change or add headers,
// an empty value takes one away.
func ce(pairs ...string) map[string][]string {
	h := map[string][]string{
		"ce-specversion": {"1.0"},
		"ce-type":        {"io.imsworker.request.copy-image.v1"},
		"ce-source":      {"/nightly"},
		"ce-id":          {"7"},
	}
	for i := 0; i < len(pairs); i += 2 {
		if delete(h, pairs[i]); pairs[i+1] != "" {
			h[pairs[i]] = []string{pairs[i+1]}
		}
	}
	return h
}

// structuredBody makes a structured CloudEvent with more members.
func structuredBody(more string) string {
	return `{"specversion":"1.0","type":"io.imsworker.request.copy-image.v1","source":"/nightly","id":"7"` + more + `}`
}

func structuredHeader() map[string][]string {
	return map[string][]string{"Content-Type": {"application/cloudevents+json; charset=utf-8"}}
}

func TestReadEnvelope(t *testing.T) {
	t.Parallel()
	nightly := Identity{Source: "/nightly", ID: "7"}
	at := time.Date(2026, 11, 21, 22, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		header map[string][]string
		body   string
		want   Envelope
	}{
		"plain": {
			header: map[string][]string{"Nats-Msg-Id": {"m 1"}}, body: `{"name":"n"}`,
			want: Envelope{Identity: Identity{Source: "nats", ID: "m 1"}, HasIdentity: true, Data: []byte(`{"name":"n"}`)},
		},
		"plain_without_identity": {body: `{}`, want: Envelope{Data: []byte(`{}`)}},
		"binary": {
			header: ce("ce-time", "2026-11-21T22:00:00Z", "ce-correlationid", "c%201", "ce-traceparent", "00-a-b-01", "ce-datacontenttype", "application/json"),
			body:   `{}`,
			want:   Envelope{Identity: nightly, HasIdentity: true, Time: at, CorrelationID: "c 1", Trace: Trace{Parent: "00-a-b-01"}, Data: []byte(`{}`)},
		},
		"binary_with_tracestate": {
			header: ce("ce-traceparent", starting, "ce-tracestate", "a=1,b=2"), body: `{}`,
			want: Envelope{Identity: nightly, HasIdentity: true, Trace: Trace{Parent: starting, State: "a=1,b=2"}, Data: []byte(`{}`)},
		},
		"binary_in_a_trace_of_its_own": {
			header: ce("ce-traceparent", starting, "traceparent", ownSpan, "tracestate", "b=2"), body: `{}`,
			want: Envelope{Identity: nightly, HasIdentity: true, Trace: Trace{Parent: starting}, Hop: Trace{Parent: ownSpan, State: "b=2"}, Data: []byte(`{}`)},
		},
		"plain_in_a_trace": {
			header: map[string][]string{"Nats-Msg-Id": {"m 1"}, "Traceparent": {ownSpan}, "Tracestate": {"b=2"}}, body: `{}`,
			want: Envelope{
				Identity: Identity{Source: "nats", ID: "m 1"}, HasIdentity: true, Data: []byte(`{}`),
				Trace: Trace{Parent: ownSpan, State: "b=2"}, Hop: Trace{Parent: ownSpan, State: "b=2"},
			},
		},
		"plain_in_no_sound_trace": {
			header: map[string][]string{"Nats-Msg-Id": {"m 1"}, "traceparent": {"00-a-b-01"}, "tracestate": {"b=2"}}, body: `{}`,
			want: Envelope{Identity: Identity{Source: "nats", ID: "m 1"}, HasIdentity: true, Data: []byte(`{}`)},
		},
		"binary_names_in_any_case": {
			header: map[string][]string{
				"Ce-Specversion": {"1.0"}, "CE-TYPE": {"io.imsworker.request.copy-image.v1"}, "Ce-Source": {"/nightly"}, "cE-iD": {"7"},
			},
			body: `{}`, want: Envelope{Identity: nightly, HasIdentity: true, Data: []byte(`{}`)},
		},
		"binary_goes_before_message_id": {
			header: ce("Nats-Msg-Id", "other"), body: `{}`, want: Envelope{Identity: nightly, HasIdentity: true, Data: []byte(`{}`)},
		},
		"percent_encoding": {
			header: ce("ce-id", "Z%C3%BCrich%20%22%25%22"), body: `{}`,
			want: Envelope{Identity: Identity{Source: "/nightly", ID: `Zürich "%"`}, HasIdentity: true, Data: []byte(`{}`)},
		},
		"quoted_string": {
			header: ce("ce-id", `"a \"b\" c%25"`), body: `{}`,
			want: Envelope{Identity: Identity{Source: "/nightly", ID: `a "b" c%`}, HasIdentity: true, Data: []byte(`{}`)},
		},
		"structured": {
			header: structuredHeader(),
			body:   structuredBody(`,"time":"2026-11-21T22:00:00Z","correlationid":"c","anything":5,"data":{"name":"n"}`),
			want:   Envelope{Identity: nightly, HasIdentity: true, Time: at, CorrelationID: "c", Data: []byte(`{"name":"n"}`)},
		},
		"structured_base64": {
			header: structuredHeader(),
			body:   structuredBody(`,"data_base64":"` + base64.StdEncoding.EncodeToString([]byte(`{"name":"n"}`)) + `"`),
			want:   Envelope{Identity: nightly, HasIdentity: true, Data: []byte(`{"name":"n"}`)},
		},
		"replay": {
			header: ce("Ims-Request-Source", "/old", "Ims-Request-Id", "a%20b", "Ims-Request-Attempt", "3"), body: `{}`,
			want: Envelope{Identity: Identity{Source: "/old", ID: "a b"}, HasIdentity: true, Attempt: 3, Data: []byte(`{}`)},
		},
		"largest_body": {
			header: ce(), body: `"` + strings.Repeat("x", MaxBodyBytes-2) + `"`,
			want: Envelope{Identity: nightly, HasIdentity: true, Data: []byte(`"` + strings.Repeat("x", MaxBodyBytes-2) + `"`)},
		},
		"deepest_data": {
			header: ce(), body: strings.Repeat("[", 32) + strings.Repeat("]", 32),
			want: Envelope{Identity: nightly, HasIdentity: true, Data: []byte(strings.Repeat("[", 32) + strings.Repeat("]", 32))},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, problems := ReadEnvelope(operation, test.header, []byte(test.body))
			if len(problems) > 0 {
				t.Fatalf("problems: %v", problems)
			}
			if show(got) != show(test.want) {
				t.Errorf("got  %s\nwant %s", show(got), show(test.want))
			}
		})
	}
}

func show(e Envelope) string {
	return fmt.Sprintf("%q %q %t attempt %d, %v, %q %q %q, %.200s", e.Source, e.ID, e.HasIdentity, e.Attempt, e.Time, e.CorrelationID, e.Trace, e.Hop, e.Data)
}

func TestReadEnvelopeProblems(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33)
	tests := map[string]struct {
		header map[string][]string
		body   string
		id     string // still read
		want   string
	}{
		"not_json":     {header: ce(), body: "{\n  \"name\": x}", id: "7", want: "the data is not JSON: 'x' at line 2, column 11 cannot stand there; texts and names stand in double quotes, members are separated by commas"},
		"word":         {header: ce(), body: "nope", id: "7", want: "the data is not JSON: 'o' at line 1, column 2 cannot stand there; texts and names stand in double quotes, members are separated by commas"},
		"cut_short":    {header: ce(), body: `{"name":`, id: "7", want: "the data is not JSON: it ends too early, at line 1, column 8; something that was opened is not closed"},
		"two_values":   {header: ce(), body: "{}\n{}", id: "7", want: "the data is not JSON: at line 2, column 1 something follows, '{', although the value is complete; send one JSON object"},
		"raw_break":    {header: ce(), body: "{\"a\":\"\n\"}", id: "7", want: `the data is not JSON: the text at line 1, column 7 holds the control character '\n'; write it escaped`},
		"far_too_deep": {header: ce(), body: strings.Repeat("[", 30_000), id: "7", want: "the data is nested deeper than 32 levels; make it flatter"},
		"empty":        {header: ce(), body: " ", id: "7", want: "the data is empty; send the operation's fields as a JSON object"},
		"not_utf8":     {header: ce(), body: "\"\xff\"", id: "7", want: "the data is not UTF-8 text; send JSON in UTF-8"},
		"too_large":    {header: ce(), body: strings.Repeat(" ", 65<<10), id: "7", want: "the body has 66560 bytes, at most 65536 are allowed"},
		"too_deep": {
			header: ce(), body: deep, id: "7",
			want: "the data is nested deeper than 32 levels, at a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a; make it flatter",
		},
		"name_twice":         {header: ce(), body: `{"a":{"b":1,"b":2}}`, id: "7", want: "a.b: the field is given twice in one object; give it once"},
		"header_twice":       {header: map[string][]string{"Nats-Msg-Id": {"1", "2"}}, body: `{}`, want: "nats-msg-id: the header is given twice; give it once"},
		"form_twice":         {header: map[string][]string{"Content-Type": {"application/json", "application/cloudevents+json"}, "ce-id": {"7"}}, body: structuredBody(`,"data":{}`), want: "content-type: the header is given twice; give it once"},
		"header_two_cases":   {header: ce("Ce-Id", "8"), body: `{}`, want: "ce-id: the header is given twice; give it once"},
		"bad_percent":        {header: ce("ce-id", "a%zz"), body: `{}`, want: "ce-id: the header's value has a % that is not followed by two hexadecimal digits; write a percent sign as %25"},
		"percent_at_end":     {header: ce("ce-correlationid", "a%2"), body: `{}`, id: "7", want: "ce-correlationid: the header's value has a % that is not followed by two hexadecimal digits; write a percent sign as %25"},
		"bad_utf8":           {header: ce("ce-correlationid", "%ff"), body: `{}`, id: "7", want: "ce-correlationid: the header's value is not valid UTF-8 after decoding"},
		"quote_open":         {header: ce("ce-correlationid", `"a`), body: `{}`, id: "7", want: "ce-correlationid: the header's value begins with a quote that is not closed"},
		"control_character":  {header: ce("ce-id", "a%0Ab"), body: `{}`, want: "ce-id: contains a control character; send printable text"},
		"control_plain":      {header: map[string][]string{"Nats-Msg-Id": {"a\tb"}}, body: `{}`, want: "Nats-Msg-Id: contains a control character; send printable text"},
		"long_id":            {header: ce("ce-id", strings.Repeat("x", 1025)), body: `{}`, want: "ce-id: has 1025 bytes, at most 1024 are allowed"},
		"version":            {header: ce("ce-specversion", "0.3"), body: `{}`, id: "7", want: `ce-specversion: is "0.3"; only CloudEvents 1.0 is understood`},
		"other_type":         {header: ce("ce-type", "io.imsworker.request.create-whole-image.v1"), body: `{}`, id: "7", want: `ce-type: is "io.imsworker.request.create-whole-image.v1", but the subject asks for copy-image; send io.imsworker.request.copy-image.v1, or publish to the subject of the operation that is meant`},
		"all_missing":        {header: map[string][]string{"ce-specversion": {"1.0"}}, body: `{}`, want: "ce-id: is missing; source and id together name the request; ce-source: is missing; source and id together name the request; ce-type: is missing; it must be io.imsworker.request.copy-image.v1"},
		"time":               {header: ce("ce-time", "yesterday"), body: `{}`, id: "7", want: `ce-time: is "yesterday"; write an RFC 3339 time like 2026-11-21T22:00:00Z`},
		"time_of_a_day":      {header: ce("ce-time", "2026-11-21T22:00:00+24:00"), body: `{}`, id: "7", want: `ce-time: is "2026-11-21T22:00:00+24:00"; write an RFC 3339 time like 2026-11-21T22:00:00Z`},
		"time_before_all":    {header: ce("ce-time", "0000-01-01T00:00:00+01:00"), body: `{}`, id: "7", want: `ce-time: is "0000-01-01T00:00:00+01:00"; write an RFC 3339 time like 2026-11-21T22:00:00Z`},
		"structured_time":    {header: structuredHeader(), body: structuredBody(`,"time":"2026-11-21T22:00:00-25:00","data":{}`), id: "7", want: `time: is "2026-11-21T22:00:00-25:00"; write an RFC 3339 time like 2026-11-21T22:00:00Z`},
		"data_kind":          {header: ce("ce-datacontenttype", "text/xml"), body: `{}`, id: "7", want: `ce-datacontenttype: is "text/xml"; the data must be application/json`},
		"no_specversion":     {header: map[string][]string{"ce-id": {"7"}}, body: `{}`, want: "ce-id: is given without ce-specversion; add ce-specversion: 1.0 to send a CloudEvent"},
		"hidden_event":       {body: structuredBody(`,"data":{}`), want: "specversion: the body looks like a structured CloudEvent; send it with the header content-type: application/cloudevents+json"},
		"batch":              {header: map[string][]string{"content-type": {"application/cloudevents-batch+json"}}, body: `[]`, want: `content-type: is "application/cloudevents-batch+json"; of structured CloudEvents only application/cloudevents+json is understood`},
		"structured_array":   {header: structuredHeader(), body: `[]`, want: "a structured CloudEvent is a JSON object"},
		"structured_no_data": {header: structuredHeader(), body: structuredBody(""), id: "7", want: "data: is missing; send the operation's fields as a JSON object"},
		"structured_two":     {header: structuredHeader(), body: structuredBody(`,"data":{},"data_base64":"e30="`), id: "7", want: "data_base64: is given together with data; send one of them"},
		"structured_base64":  {header: structuredHeader(), body: structuredBody(`,"data_base64":"*"`), id: "7", want: "data_base64: is not base64: illegal base64 data at input byte 0"},
		"structured_twice":   {header: structuredHeader(), body: structuredBody(`,"id":"8","data":{"a":1,"a":1}`), want: "a: the field is given twice in one object; give it once; id: the field is given twice in one object; give it once"},
		"structured_number":  {header: structuredHeader(), body: structuredBody(`,"correlationid":5,"data":{}`), id: "7", want: "correlationid: is 5; the attribute must be a string"},
		"half_replay":        {header: ce("Ims-Request-Id", "9"), body: `{}`, id: "7", want: "Ims-Request-Source: is missing beside Ims-Request-Id"},
		"attempt":            {header: ce("Ims-Request-Attempt", "0"), body: `{}`, id: "7", want: `Ims-Request-Attempt: is "0"; it must be a whole number from 1`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, problems := ReadEnvelope(operation, test.header, []byte(test.body))
			if problems.Error() != test.want {
				t.Errorf("problems\n got %s\nwant %s", problems, test.want)
			}
			if got.ID != test.id {
				t.Errorf("id %q, want %q", got.ID, test.id)
			}
		})
	}
}

// TestNoIdentity: where a part of the identity is given twice nobody can say
// which is meant. Nothing may be recorded under either, nor under a made-up one.
func TestNoIdentity(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		header map[string][]string
		body   string
		want   Identity
	}{
		"id":             {header: map[string][]string{"ce-specversion": {"1.0"}, "ce-id": {"7", "8"}, "ce-source": {"/s"}}},
		"source_in_case": {header: ce("CE-Source", "/other")},
		"message_id":     {header: map[string][]string{"Nats-Msg-Id": {"1"}, "nats-msg-id": {"1"}}},
		"content_type":   {header: map[string][]string{"content-type": {"application/json"}, "Content-Type": {"application/cloudevents+json"}}},
		"replay":         {header: ce("Ims-Request-Id", "1", "ims-request-id", "2", "Ims-Request-Source", "/s")},
		"structured":     {header: structuredHeader(), body: structuredBody(`,"source":"/other","data":{}`)},

		"other_message_id_of_an_event": {header: ce("Nats-Msg-Id", "1", "nats-msg-id", "2"), want: Identity{"/nightly", "7"}},
		"replay_of_two_ids":            {header: ce("Ce-Id", "8", "Ims-Request-Id", "1", "Ims-Request-Source", "/s"), want: Identity{"/s", "1"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, problems := ReadEnvelope(operation, test.header, []byte(cmp.Or(test.body, "{}")))
			if len(problems) == 0 || got.Anonymous || got.HasIdentity != (test.want.ID != "") || got.Identity != test.want {
				t.Errorf("got %+v, problems %v", got, problems)
			}
		})
	}
}

// TestHiddenEvent: the members of a structured event without its content type
// are not judged as an operation's fields.
func TestHiddenEvent(t *testing.T) {
	t.Parallel()
	got, problems := ReadEnvelope(operation, map[string][]string{"Nats-Msg-Id": {"1"}}, []byte(structuredBody(`,"data":{}`)))
	if len(problems) != 1 || got.Data != nil || got.ID != "1" {
		t.Errorf("got %+v, problems %v", got, problems)
	}
}

// TestManyProblems keeps what goes into a header small.
func TestManyProblems(t *testing.T) {
	t.Parallel()
	var body strings.Builder
	for i := range 500 {
		fmt.Fprintf(&body, `,"f%03d%s":1,"f%03d%[2]s":2`, i, strings.Repeat("x", 10), i)
	}
	_, problems := ReadEnvelope(operation, ce(), []byte("{"+body.String()[1:]+"}"))
	if len(problems) != 51 || !strings.HasSuffix(problems.Error(), "f049xxxxxxxxxx: the field is given twice in one object; give it once") {
		t.Errorf("%d problems: %v", len(problems), problems)
	}
	if last := problems[50].Message; last != "and 450 more problems" {
		t.Errorf("last is %q", last)
	}
}

func FuzzReadEnvelope(f *testing.F) {
	f.Add("1.0", "io.imsworker.request.copy-image.v1", "/nightly", "a%20b", "application/json", []byte(`{"name":"n"}`))
	f.Add("", "", "", "", "application/cloudevents+json", []byte(structuredBody(`,"data_base64":"e30="`)))
	f.Fuzz(func(t *testing.T, version, kind, source, id, contentType string, body []byte) {
		header := ce("ce-specversion", version, "ce-type", kind, "ce-source", source, "ce-id", id, "content-type", contentType)
		e, problems := ReadEnvelope(operation, header, body)
		if len(problems) > 0 {
			return
		}
		again := Request{Identity: e.Identity, Cloud: "c", Operation: operation, Time: e.Time, CorrelationID: e.CorrelationID, Trace: e.Trace, Data: e.Data}
		if !e.HasIdentity {
			return
		}
		_, h, b := EncodeRequest(again)
		back, problems := ReadEnvelope(operation, h, b)
		if len(problems) > 0 || show(back) != show(e) {
			t.Errorf("read   %s\nbecame %s, problems %v", show(e), show(back), problems)
		}
	})
}
