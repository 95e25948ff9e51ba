// Package trace makes the worker's spans: of taking a request in, of trying to
// submit it, with the calls of the cloud that this took, and of its end. A job
// runs for minutes or hours, and its end may be seen by another process than
// its beginning, so the end is a trace of its own that begins when the request
// was submitted and links back. Asking for a job makes no span: an hour of
// questions would bury what matters.
//
// Rooms that use it know nothing of how spans are collected, chosen or sent:
// it speaks to the OpenTelemetry API alone. A nil *Tracer makes no spans, and
// costs nothing.
package trace

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/imsworker/imsworker/messages"
)

// Name is the instrumentation scope of all spans.
const Name = "github.com/imsworker/imsworker"

// Tracer makes spans. It is safe for concurrent use; nil makes none.
type Tracer struct {
	spans trace.Tracer
	ends  trace.Tracer
}

// New returns a tracer that has requests and submissions sampled by spans. Ends
// are made by ends, which should take all: they are begun only where the
// request itself was taken.
func New(spans, ends trace.TracerProvider) *Tracer {
	return &Tracer{spans: spans.Tracer(Name), ends: ends.Tracer(Name)}
}

// On reports whether spans are made.
func (t *Tracer) On() bool { return t != nil }

// About says which attempt of which request a span is about.
type About struct {
	Key, Cloud, Operation string
	Attempt               int
}

// attributes are those that all spans have; none of them is a secret.
func (a About) attributes(more ...attribute.KeyValue) []attribute.KeyValue {
	return append([]attribute.KeyValue{
		attribute.String("imsworker.key", a.Key), attribute.String("imsworker.cloud", a.Cloud),
		attribute.String("imsworker.operation", a.Operation), attribute.Int("imsworker.attempt", a.Attempt),
	}, more...)
}

// Span is one that has begun. The zero value is none.
type Span struct {
	span trace.Span
}

// TraceParent is the span's place as a traceparent, empty where there is none.
func (s Span) TraceParent() string {
	if s.span == nil {
		return ""
	}
	return textOf(s.span.SpanContext())
}

// textOf writes a span's context as a traceparent.
func textOf(sc trace.SpanContext) string {
	if !sc.IsValid() {
		return ""
	}
	return "00-" + sc.TraceID().String() + "-" + sc.SpanID().String() + "-" + sc.TraceFlags().String()
}

// contextOf reads a trace; one that is not sound is as good as none.
func contextOf(t messages.Trace) trace.SpanContext {
	if t.ID() == "" {
		return trace.SpanContext{}
	}
	carrier := propagation.MapCarrier{"traceparent": t.Parent, "tracestate": t.State}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier))
}

// Sampled is the id of the trace of a traceparent whose spans are collected,
// else empty. It makes no garbage.
func Sampled(traceparent string) string {
	id := messages.Trace{Parent: traceparent}.ID()
	const flags = 54 // the digit that holds the bit
	if id == "" || !strings.Contains("13579bdf", traceparent[flags:flags+1]) {
		return ""
	}
	return id
}
