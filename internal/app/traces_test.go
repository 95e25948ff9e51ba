package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/imsworker/imsworker/internal/trace"
	"github.com/imsworker/imsworker/messages"
)

// trace has the workers of the system make traces, and keeps them.
func (s *system) trace() *tracetest.InMemoryExporter {
	e := tracetest.NewInMemoryExporter()
	p := sdk.NewTracerProvider(sdk.WithSyncer(e))
	s.deps.Trace = trace.New(p, p)
	return e
}

// TestOneTraceOverARestart: a request that is part of somebody's trace, taken
// in and submitted by one worker and ended by the next.
func TestOneTraceOverARestart(t *testing.T) {
	t.Parallel()
	const sender = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	s := newSystem(t, "", nil)
	spans := s.trace()
	s.start()
	header := copyEvent("traced")
	header["ce-traceparent"], header["ce-tracestate"] = []string{sender}, []string{"vendor=1"}
	s.publish("ims.request.demo.copy-image", copyBase, header)
	key := messages.Key("demo", "/test", "traced")
	s.await("the submission", func() bool { return strings.Contains(states(s.events(key)), "submitted") })
	s.stop()
	s.start()
	if e := s.final(key); e.State != messages.StateSucceeded {
		t.Fatalf("ended as %+v", e)
	}
	var end tracetest.SpanStub
	s.await("the span of the end", func() bool {
		all := spans.GetSpans()
		end = all[len(all)-1]
		return end.Name == "end copy-image"
	})
	names := map[string]int{}
	for _, span := range spans.GetSpans() {
		names[span.Name]++
		if own := span.SpanContext.TraceID().String(); (own == sender[3:35]) == (span.Name == end.Name) {
			t.Errorf("the span %s is of trace %s", span.Name, own)
		}
	}
	for _, preflight := range []string{"GET /v2/cloudimages", "GET /v1/cloudimages/quota"} { // unless they are remembered
		delete(names, preflight)
	}
	want := map[string]int{
		"process ims.request.{cloud}.{operation}": 1, "submit copy-image": 1, "POST /v1/cloudimages/{id}/copy": 1, "end copy-image": 1,
	}
	if fmt.Sprint(names) != fmt.Sprint(want) {
		t.Errorf("spans %v, want %v", names, want)
	}
	if len(end.Links) != 2 || end.Links[0].SpanContext.TraceID().String() != sender[3:35] || end.Links[0].SpanContext.TraceState().String() != "vendor=1" {
		t.Errorf("links %+v", end.Links)
	}
	for _, e := range s.events(key) {
		if e.meta.Trace != (messages.Trace{Parent: sender, State: "vendor=1"}) || messages.HopIn(e.header).ID() == "" {
			t.Errorf("%s: %+v in %q", e.meta.State, e.meta.Trace, e.header["traceparent"])
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.at.HTTP+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
	_, text := s.do(req)
	for _, id := range []string{end.SpanContext.TraceID().String(), sender[3:35]} {
		if !strings.Contains(text, `# {trace_id="`+id+`"}`) {
			t.Errorf("no metric names the trace %s", id)
		}
	}
	if log := s.logs.String(); !strings.Contains(log, "trace_id="+sender[3:35]) {
		t.Error("the log does not name the trace")
	}
}

// TestTraceOfItsOwn: a request without a trace begins one, and what it causes
// is part of that.
func TestTraceOfItsOwn(t *testing.T) {
	t.Parallel()
	s := newSystem(t, ", allow_steps: [export-volume]", nil)
	spans := s.trace()
	s.start()
	s.publish("ims.request.demo.copy-image", copyThenVolume, nats.Header{"Nats-Msg-Id": {"plain"}})
	key := messages.Key("demo", messages.PlainSource, "plain")
	next := s.final(key).Next
	if len(next) != 1 {
		t.Fatalf("caused %v", next)
	}
	s.final(next[0].Key)
	own := s.events(key)[0].meta.Trace
	step := s.events(next[0].Key)[0].meta.Trace
	if own.ID() == "" || step != own {
		t.Errorf("trace %+v, that of the step %+v", own, step)
	}
	var taken tracetest.SpanStub
	for _, span := range spans.GetSpans() {
		if strings.HasPrefix(span.Name, "process") && span.Parent.IsValid() {
			taken = span
		}
	}
	if taken.Parent.TraceID().String() != own.ID() {
		t.Errorf("the step is taken in below %+v, want %s", taken.Parent, own.Parent)
	}
}
