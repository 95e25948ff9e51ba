package trace_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/imsworker/imsworker/internal/trace"
	"github.com/imsworker/imsworker/messages"
)

const (
	origin   = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	elsewise = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
)

var about = trace.About{Key: "k", Cloud: "demo", Operation: "copy-image", Attempt: 1}

// kept keeps spans as they end.
func kept(sampler sdk.Sampler) (*trace.Tracer, *tracetest.InMemoryExporter) {
	e := tracetest.NewInMemoryExporter()
	provider := sdk.NewTracerProvider(sdk.WithSyncer(e), sdk.WithSampler(sampler))
	return trace.New(provider, sdk.NewTracerProvider(sdk.WithSyncer(e))), e
}

func traceOf(s tracetest.SpanStub) string { return s.SpanContext.TraceID().String() }

func idOf(traceparent string) string { return messages.Trace{Parent: traceparent}.ID() }

// TestReceive: the span is part of the trace in which the message was
// published, and linked to the one that it all began with.
func TestReceive(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		hop, trace messages.Trace
		parent     string
		links      int
	}{
		"alone":            {},
		"event":            {trace: messages.Trace{Parent: origin, State: "a=1"}, parent: origin},
		"plain":            {hop: messages.Trace{Parent: origin}, trace: messages.Trace{Parent: origin}, parent: origin},
		"both":             {hop: messages.Trace{Parent: elsewise}, trace: messages.Trace{Parent: origin}, parent: elsewise, links: 1},
		"unsound":          {trace: messages.Trace{Parent: "00-a-b-01"}},
		"unsound_state":    {trace: messages.Trace{Parent: origin, State: "=,=;"}, parent: origin},
		"unsound_with_hop": {hop: messages.Trace{Parent: elsewise}, trace: messages.Trace{Parent: "00-a-b-01"}, parent: elsewise},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracer, e := kept(sdk.AlwaysSample())
			s := tracer.Receive(trace.Receipt{About: about, Subject: "ims.request.{cloud}.{operation}", Begun: time.Now(), Hop: test.hop, Trace: test.trace})
			if own := s.TraceParent(); test.parent != "" && idOf(own) != idOf(test.parent) || trace.Sampled(own) == "" {
				t.Errorf("context %q, parent %q", own, test.parent)
			}
			s.Taken("accepted", nil)
			got := e.GetSpans()
			if len(got) != 1 || len(got[0].Links) != test.links || got[0].Parent.IsValid() != (test.parent != "") {
				t.Fatalf("got %+v", got)
			}
			if test.trace.State == "a=1" && got[0].SpanContext.TraceState().String() != "a=1" {
				t.Errorf("state %q", got[0].SpanContext.TraceState())
			}
		})
	}
}

// TestSubmission: only a try that came to something is a span, then with the
// calls it made and the times of then.
func TestSubmission(t *testing.T) {
	t.Parallel()
	tracer, e := kept(sdk.AlwaysSample())
	s := tracer.Submit()
	ctx := s.In(t.Context())
	s.Called(trace.Exchange{Call: "Quotas", Method: "GET"})
	tracer.Submission(ctx).Close("parked", "", errors.New("busy"))
	if got := e.GetSpans(); len(got) != 0 {
		t.Errorf("a try that waits on left %d spans", len(got))
	}

	begun := time.Now().Add(-time.Minute).Round(0)
	s = tracer.Submit()
	ctx = s.In(t.Context())
	for range 100 {
		s.Called(trace.Exchange{Call: "Images", Method: "GET", Path: "/v2/cloudimages", Begun: begun, Ended: begun, Status: 200})
	}
	s.Called(trace.Exchange{Call: "CopyImage", Method: "POST", Path: "/v1/cloudimages/{id}/copy", Begun: begun, Ended: begun.Add(time.Second), Status: 400, RequestID: "r"})
	own := tracer.Submission(ctx).Open(about, elsewise, messages.Trace{Parent: origin})
	if again := s.Open(about, origin, messages.Trace{}); again != own || idOf(own) != idOf(elsewise) {
		t.Errorf("opened as %q, again as %q", own, again)
	}
	s.Close("rejected", "j", errors.New("the cloud refuses"))
	got := e.GetSpans()
	if len(got) != 65 {
		t.Fatalf("%d spans", len(got))
	}
	call, whole := got[63], got[64]
	if call.Name != "POST /v1/cloudimages/{id}/copy" || !call.StartTime.Equal(begun) || call.EndTime.Sub(call.StartTime) != time.Second || call.Status.Code != codes.Error {
		t.Errorf("call: %+v", call)
	}
	if call.Parent.SpanID() != whole.SpanContext.SpanID() || whole.Name != "submit copy-image" || whole.Status.Description != "the cloud refuses" {
		t.Errorf("submission: %+v", whole)
	}
}

// TestEnd: a trace of its own, the same however often it is told, with links
// to what led to it.
func TestEnd(t *testing.T) {
	t.Parallel()
	tracer, e := kept(sdk.AlwaysSample())
	begun := time.Now().Add(-time.Hour).Round(0)
	end := trace.End{
		About: about, Seed: "token", Begun: begun, Taken: elsewise, Sending: strings.Replace(elsewise, "00f0", "11f1", 1),
		Trace: messages.Trace{Parent: origin}, State: "failed", Failed: true, Reason: "job_failed", Message: "the cloud's words", Job: "j", Images: []string{"i"},
	}
	s := tracer.End(end)
	s.Told(begun.Add(time.Hour))
	got := e.GetSpans()
	if len(got) != 1 || got[0].Parent.IsValid() || traceOf(got[0]) == idOf(elsewise) || !got[0].StartTime.Equal(begun) || got[0].EndTime.Sub(begun) != time.Hour {
		t.Fatalf("got %+v", got)
	}
	var links []string
	for _, l := range got[0].Links {
		links = append(links, l.Attributes[0].Value.AsString()+" "+l.SpanContext.TraceID().String())
	}
	if want := "submission " + idOf(elsewise) + ",request " + idOf(elsewise) + ",origin " + idOf(origin); strings.Join(links, ",") != want {
		t.Errorf("links %v, want %s", links, want)
	}
	if got[0].Status.Description != "the cloud's words" {
		t.Errorf("status %+v", got[0].Status)
	}
}

// TestSampling: an end is sampled if and only if its request was.
func TestSampling(t *testing.T) {
	t.Parallel()
	tracer, e := kept(sdk.NeverSample())
	taken := tracer.Receive(trace.Receipt{About: about, Begun: time.Now()})
	if taken.TraceParent() == "" || trace.Sampled(taken.TraceParent()) != "" {
		t.Errorf("taken in as %q", taken.TraceParent())
	}
	taken.Taken("accepted", nil)
	tracer.End(trace.End{About: about, Taken: taken.TraceParent()}).Told(time.Now())
	tracer.End(trace.End{About: about}).Told(time.Now()) // by the sampler
	if got := e.GetSpans(); len(got) != 0 {
		t.Errorf("%d spans of what was not sampled", len(got))
	}
	tracer.End(trace.End{About: about, Taken: origin}).Told(time.Now())
	if got := e.GetSpans(); len(got) != 1 {
		t.Errorf("%d spans of what was sampled", len(got))
	}
}

func TestSampled(t *testing.T) {
	t.Parallel()
	for flags, want := range map[string]bool{"00": false, "01": true, "02": false, "03": true, "0a": false, "0b": true, "ff": true, "fe": false} {
		if got := trace.Sampled(strings.TrimSuffix(origin, "01")+flags) != ""; got != want {
			t.Errorf("%s: got %v", flags, got)
		}
	}
}

// TestOffCostsNothing: what the worker does for each request and each question
// while no traces are made.
func TestOffCostsNothing(t *testing.T) {
	var tracer *trace.Tracer
	ctx, trouble := context.Background(), errors.New("trouble")
	cost := testing.AllocsPerRun(1000, func() {
		span := tracer.Receive(trace.Receipt{About: about, Hop: messages.Trace{Parent: origin}})
		_ = span.TraceParent()
		span.Taken("accepted", trouble)
		s := tracer.Submit()
		ctx := s.In(ctx)
		s.Called(trace.Exchange{Call: "CopyImage"})
		_ = tracer.Submission(ctx).Open(about, "", messages.Trace{})
		s.Close("submitted", "j", nil)
		tracer.End(trace.End{About: about}).Told(time.Time{})
		_ = trace.Sampled(origin)
	})
	if cost > 0 || tracer.On() {
		t.Errorf("%v allocations", cost)
	}
}
