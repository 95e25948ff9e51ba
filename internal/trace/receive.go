package trace

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/imsworker/imsworker/messages"
)

// Receipt is what is known of a message that asks for something.
type Receipt struct {
	About
	// Subject is a template, without names.
	Subject    string
	Source, ID string
	Bytes      int
	Begun      time.Time
	// Hop is the trace in which the message was published, Trace the one that it
	// all began with. Either may be empty.
	Hop, Trace messages.Trace
}

// Receive begins the span of taking a request in, as part of the trace in
// which its message was published. It has to be ended.
func (t *Tracer) Receive(r Receipt) Span {
	if t == nil {
		return Span{}
	}
	parent, links := contextOf(r.Hop), []trace.Link(nil)
	origin := contextOf(r.Trace)
	switch {
	case !parent.IsValid():
		parent = origin
	case origin.IsValid() && origin.TraceID() != parent.TraceID():
		links = []trace.Link{{SpanContext: origin}}
	}
	ctx := trace.ContextWithRemoteSpanContext(context.Background(), parent)
	_, span := t.spans.Start(ctx, "process "+r.Subject, trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(r.Begun), trace.WithLinks(links...),
		trace.WithAttributes(r.attributes(
			attribute.String("messaging.system", "nats"), attribute.String("messaging.operation.name", "process"),
			attribute.String("messaging.operation.type", "process"), attribute.String("messaging.destination.template", r.Subject),
			attribute.Int("messaging.message.body.size", r.Bytes), attribute.String("cloudevents.event_source", r.Source),
			attribute.String("cloudevents.event_id", r.ID),
		)...))
	return Span{span}
}

// Taken ends the span of Receive: what became of the message in one word, or
// the error that has it delivered again.
func (s Span) Taken(result string, err error) {
	if s.span == nil {
		return
	}
	if err != nil {
		s.span.SetStatus(codes.Error, err.Error())
		result = "error"
	}
	s.span.SetAttributes(attribute.String("imsworker.result", result))
	s.span.End()
}
