package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/trace"
	"github.com/imsworker/imsworker/messages"
)

const takenSpan = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// spans has the world make traces, and keeps them.
func (w *world) spans() *tracetest.InMemoryExporter {
	e := tracetest.NewInMemoryExporter()
	p := sdk.NewTracerProvider(sdk.WithSyncer(e))
	w.tracer = trace.New(p, p)
	return e
}

// shape is one word a span, in the order in which they ended.
func shape(e *tracetest.InMemoryExporter) string {
	var words []string
	for _, s := range e.GetSpans() {
		state := ""
		for _, a := range s.Attributes {
			if a.Key == "imsworker.state" {
				state = "=" + a.Value.AsString()
			}
		}
		verb, _, _ := strings.Cut(s.Name, " ")
		words = append(words, verb+state)
	}
	return strings.Join(words, " ")
}

// TestSpansOfALongWait: what waits for the cloud is a span the first time and
// the tenth; asking for the job is none. The end links to the submission that
// got through, though another owner tells it.
func TestSpansOfALongWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		spans := w.spans()
		w.cloud.create = func(n int) reply {
			if n <= 12 {
				return refusal(400, "IMG.0136")
			}
			return accepted()
		}
		done := false
		w.cloud.job = func(n int) reply {
			if !done {
				return running(n)
			}
			return succeeded(n)
		}
		w.start()
		began := time.Now()
		key := w.request("a", func(r *ledger.Record) { r.Taken, r.TraceParent = takenSpan, takenSpan })
		w.expect(key, "accepted submitted")
		w.end()
		if got, want := shape(spans), "GET GET POST submit=parked GET GET POST submit=parked GET GET POST submit=submitted"; got != want {
			t.Errorf("spans before the take-over\n got %s\nwant %s", got, want)
		}
		sent := spans.GetSpans()[len(spans.GetSpans())-1]
		done = true
		w.start()
		w.expect(key, "accepted submitted succeeded")
		w.end()
		all := spans.GetSpans()
		end := all[len(all)-1]
		if len(all) != 13 || end.Name != "end copy-image" || end.Parent.IsValid() || end.SpanContext.TraceID() == sent.SpanContext.TraceID() {
			t.Fatalf("%d spans, the last is %+v", len(all), end)
		}
		if end.StartTime.Sub(began) < time.Minute || end.StartTime.Before(sent.StartTime) || end.EndTime.Sub(end.StartTime) <= 0 {
			t.Errorf("the end lasts from %v to %v", end.StartTime, end.EndTime)
		}
		if len(end.Links) != 2 || end.Links[0].SpanContext.SpanID() != sent.SpanContext.SpanID() || end.Links[1].SpanContext.TraceID().String() != takenSpan[3:35] {
			t.Errorf("links %+v", end.Links)
		}
		wantHops(t, w, key, map[messages.State]string{
			messages.StateAccepted: takenSpan, messages.StateSubmitted: hopOf(sent), messages.StateSucceeded: hopOf(end),
		})
	})
}

func hopOf(s tracetest.SpanStub) string {
	return fmt.Sprintf("00-%s-%s-01", s.SpanContext.TraceID(), s.SpanContext.SpanID())
}

// wantHops looks which span each event names, and that all carry the request's
// trace.
func wantHops(t *testing.T, w *world, key string, want map[messages.State]string) {
	t.Helper()
	w.events.mu.Lock()
	defer w.events.mu.Unlock()
	for _, e := range w.events.of(key) {
		if hop, told := want[e.meta.State]; told && e.meta.Hop != hop || e.meta.Trace.Parent != takenSpan {
			t.Errorf("%s names the span %q, want %q, and the trace %q", e.meta.State, e.meta.Hop, hop, e.meta.Trace.Parent)
		}
	}
}

// TestSpansOfALostAnswer: the end links to the submission whose answer was
// lost, also where its image is found by another owner.
func TestSpansOfALostAnswer(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		spans := w.spans()
		w.registry = prometheus.NewRegistry()
		w.cloud.create = func(int) reply { return reply{status: 502, body: "lost"} }
		w.cloud.images = marked
		w.start()
		key := w.request("a", func(r *ledger.Record) { r.Taken = takenSpan })
		w.expect(key, "accepted submitted succeeded")
		all := spans.GetSpans()
		if got := shape(spans); got != "GET GET POST submit=uncertain end=succeeded" {
			w.t.Fatalf("spans %s", got)
		}
		if end, sent := all[4], all[3]; len(end.Links) == 0 || end.Links[0].SpanContext.SpanID() != sent.SpanContext.SpanID() {
			w.t.Errorf("links %+v", end.Links)
		}
		end := all[4].SpanContext.TraceID().String()
		if got := w.exemplars(); got["imsworker_request_end_to_end_seconds"] != end || got["imsworker_job_duration_seconds"] != end {
			w.t.Errorf("exemplars %v, want %s", got, end)
		}
	})
}

// exemplars are the traces that histograms name, one each.
func (w *world) exemplars() map[string]string {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	named := map[string]string{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, b := range m.GetHistogram().GetBucket() {
				for _, l := range b.GetExemplar().GetLabel() {
					named[f.GetName()] = l.GetValue()
				}
			}
		}
	}
	return named
}

// TestSpansOfARefusal: it never was submitted, so the end begins with its
// acceptance.
func TestSpansOfARefusal(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		spans := w.spans()
		w.cloud.create = func(int) reply { return refusal(400, "IMG.0130") }
		w.start()
		began := time.Now()
		key := w.request("a", func(r *ledger.Record) { r.Taken = takenSpan })
		w.expect(key, "accepted rejected")
		all := spans.GetSpans()
		if got := shape(spans); got != "GET GET POST submit=rejected end=rejected" {
			w.t.Fatalf("spans %s", got)
		}
		if end := all[4]; !end.StartTime.Equal(began) || end.Status.Description != "the cloud's words" || len(end.Links) != 2 {
			w.t.Errorf("end %+v", end)
		}
	})
}
