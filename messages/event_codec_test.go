package messages

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

const sampleKey = "mfrggzdfmztwq2lknnwg23tpob"

func sampleMeta() EventMeta {
	return EventMeta{
		Cloud: "eu-de-prod", Operation: "copy-image", Key: sampleKey, Attempt: 1, Sequence: 3,
		State: StateSucceeded, Time: time.Date(2026, 11, 21, 22, 1, 5, 0, time.UTC),
		CorrelationID: "c 1", CausationID: `Zürich "7" 100%`, Trace: Trace{Parent: "00-a-b-01", State: "vendor=a"}, Hop: ownSpan,
	}
}

func sampleEvent(s State) Event {
	at := time.Date(2026, 11, 21, 22, 0, 0, 0, time.UTC)
	return Event{
		Request: RequestInfo{ID: "7", Source: "/nightly", Key: sampleKey, Cloud: "eu-de-prod", Operation: "copy-image", Attempt: 1},
		State:   s,
		Job:     &Job{ID: "9a17", Type: "imsCopyImageInRegionJob", Status: "SUCCESS", Polls: 3},
		Images:  []Image{{ID: "ea0d", Name: "n", Cloud: "eu-de-prod"}},
		Times:   Times{Accepted: &at},
	}
}

func TestEncodeEvent(t *testing.T) {
	t.Parallel()
	header, body, err := EncodeEvent(sampleMeta(), sampleEvent(StateSucceeded))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"ce-specversion":     {"1.0"},
		"ce-type":            {"io.imsworker.event.succeeded.v1"},
		"ce-source":          {"/imsworker/eu-de-prod"},
		"ce-subject":         {sampleKey},
		"ce-id":              {sampleKey + "/1/succeeded"},
		"ce-time":            {"2026-11-21T22:01:05Z"},
		"ce-datacontenttype": {"application/json"},
		"ce-dataschema":      {"https://imsworker.io/schemas/event.v1.json"},
		"ce-sequence":        {"0000000000000003"},
		"ce-correlationid":   {"c%201"},
		"ce-causationid":     {"Z%C3%BCrich%20%227%22%20100%25"},
		"ce-traceparent":     {"00-a-b-01"},
		"ce-tracestate":      {"vendor=a"},
		"traceparent":        {ownSpan},
	}
	if !reflect.DeepEqual(header, want) {
		t.Errorf("headers\n got %v\nwant %v", header, want)
	}
	const wantBody = `{"request":{"id":"7","source":"/nightly","key":"` + sampleKey + `","cloud":"eu-de-prod","operation":"copy-image","attempt":1},` +
		`"state":"succeeded","job":{"id":"9a17","type":"imsCopyImageInRegionJob","status":"SUCCESS","percent":null,"task":"","polls":3},` +
		`"images":[{"id":"ea0d","name":"n","cloud":"eu-de-prod"}],"result":{"members":[],"object":null},"parent":null,"next":[],` +
		`"duplicates":[],"warnings":[],"estimate":{"start":null,"end":null,"percent":null},"error":null,` +
		`"times":{"accepted":"2026-11-21T22:00:00Z","submitted":null,"finished":null,"remote_begin":null,"remote_end":null}}`
	if string(body) != wantBody {
		t.Errorf("body\n got %s\nwant %s", body, wantBody)
	}
}

func TestDecodeEvent(t *testing.T) {
	t.Parallel()
	for _, s := range States() {
		meta, event := sampleMeta(), sampleEvent(s)
		meta.State = s
		header, body, err := EncodeEvent(meta, event)
		if err != nil {
			t.Fatal(err)
		}
		gotMeta, gotEvent, err := DecodeEvent(header, body)
		if err != nil {
			t.Fatal(err)
		}
		if gotMeta != meta {
			t.Errorf("meta\n got %+v\nwant %+v", gotMeta, meta)
		}
		again, err := json.Marshal(gotEvent)
		if err != nil || string(again) != string(body) {
			t.Errorf("data\n got %s %v\nwant %s", again, err, body)
		}
	}
}

func TestDecodeEventErrors(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(h map[string][]string){
		"decode event headers":  func(h map[string][]string) { h["ce-subject"] = []string{"%"} },
		"decode event time":     func(h map[string][]string) { delete(h, "ce-time") },
		"decode event sequence": func(h map[string][]string) { h["ce-sequence"] = []string{"x"} },
		"does not fit":          func(h map[string][]string) { h["ce-type"] = []string{"other"} },
	} {
		header, body, err := EncodeEvent(sampleMeta(), sampleEvent(StateSucceeded))
		if err != nil {
			t.Fatal(err)
		}
		spoil(header)
		if _, _, err := DecodeEvent(header, body); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("error %v, want one with %q", err, name)
		}
	}
}

func TestEventID(t *testing.T) {
	t.Parallel()
	meta := sampleMeta()
	meta.State = StateProgress
	if got, want := meta.ID(), sampleKey+"/1/progress/3"; got != want {
		t.Errorf("id %q, want %q", got, want)
	}
}

func TestEncodeRequest(t *testing.T) {
	t.Parallel()
	r := Request{
		Identity: Identity{Source: "/nightly", ID: "a b"}, Cloud: "demo", Operation: "copy-image",
		Time: time.Date(2026, 11, 21, 22, 0, 0, 0, time.UTC), CorrelationID: "c", Trace: Trace{Parent: "t"}, Data: json.RawMessage(`{}`),
	}
	subject, header, body := EncodeRequest(r)
	if subject != "ims.request.demo.copy-image" {
		t.Errorf("subject %q", subject)
	}
	e, problems := ReadEnvelope(r.Operation, header, body)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	got := Request{Identity: e.Identity, Cloud: "demo", Operation: "copy-image", Time: e.Time, CorrelationID: e.CorrelationID, Trace: e.Trace, Data: e.Data}
	if !reflect.DeepEqual(got, r) {
		t.Errorf("read back %+v, want %+v", got, r)
	}
}

func TestReplayHeaders(t *testing.T) {
	t.Parallel()
	id := Identity{Source: " nats", ID: "50% ü"}
	e, problems := ReadEnvelope(operation, ReplayHeaders(id, 2), []byte(`{}`))
	if len(problems) > 0 || e.Identity != id || e.Attempt != 2 || !e.HasIdentity {
		t.Errorf("read %+v, problems %v", e, problems)
	}
}
