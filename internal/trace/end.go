package trace

import (
	"context"
	"crypto/sha256"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/imsworker/imsworker/messages"
)

// End is how an attempt of a request has ended.
type End struct {
	About
	// Seed is the same whoever tells of this end, and of no other: its spans
	// have the same ids, so that an end which is told twice is one trace.
	Seed string
	// Begun is when the request was submitted, or where it never was, accepted.
	Begun time.Time
	// Taken and Sending are the traceparents of the spans before, if any.
	Taken, Sending string
	Trace          messages.Trace
	State          string
	Failed         bool
	Reason, Code   string
	Message        string
	Job            string
	Polls          int
	Images         []string
}

// End begins the span of an end: a trace of its own with links to the spans
// before, in the order of what is nearest. It makes none where taking the
// request in was not sampled.
func (t *Tracer) End(e End) Span {
	if t == nil {
		return Span{}
	}
	tracer := t.ends
	if e.Taken == "" { // taken in by a worker without traces
		tracer = t.spans
	} else if Sampled(e.Taken) == "" {
		return Span{}
	}
	_, span := tracer.Start(preset(e.Seed), "end "+e.Operation, trace.WithNewRoot(), trace.WithTimestamp(e.Begun), trace.WithLinks(e.links()...),
		trace.WithAttributes(e.attributes(attribute.String("imsworker.state", e.State), attribute.StringSlice("imsworker.images", e.Images))...))
	if e.Job != "" {
		span.SetAttributes(attribute.String("imsworker.job_id", e.Job), attribute.Int("imsworker.polls", e.Polls))
	}
	if e.Reason != "" {
		span.SetAttributes(attribute.String("imsworker.reason", e.Reason), attribute.String("imsworker.code", e.Code))
	}
	if e.Failed {
		span.SetStatus(codes.Error, e.Message)
	}
	return Span{span}
}

// links are the spans that lead to the end: the submission, the request, and
// what asked for it where that is another trace.
func (e End) links() (links []trace.Link) {
	taken := contextOf(messages.Trace{Parent: e.Taken, State: e.Trace.State})
	add := func(what string, sc trace.SpanContext) {
		if sc.IsValid() {
			links = append(links, trace.Link{SpanContext: sc, Attributes: []attribute.KeyValue{attribute.String("imsworker.link", what)}})
		}
	}
	add("submission", contextOf(messages.Trace{Parent: e.Sending, State: e.Trace.State}))
	add("request", taken)
	if origin := contextOf(e.Trace); !taken.IsValid() || origin.TraceID() != taken.TraceID() {
		add("origin", origin)
	}
	return links
}

// Told ends the span of End at that time.
func (s Span) Told(at time.Time) {
	if s.span != nil {
		s.span.End(trace.WithTimestamp(at))
	}
}

type presetKey struct{}

// preset is a context under which a new trace has the ids that follow from the
// seed, if its ids are made with IDs.
func preset(seed string) context.Context {
	return context.WithValue(context.Background(), presetKey{}, sha256.Sum256([]byte(seed)))
}

// IDs are the ids that a new trace is to have by its context; false: any.
func IDs(ctx context.Context) (id trace.TraceID, span trace.SpanID, fixed bool) {
	sum, fixed := ctx.Value(presetKey{}).([sha256.Size]byte)
	copy(id[:], sum[:16])
	copy(span[:], sum[16:])
	return id, span, fixed && id.IsValid() && span.IsValid()
}
