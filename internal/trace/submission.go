package trace

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/imsworker/imsworker/messages"
)

// Exchange is one request to the cloud and its answer, without anything that
// they carried.
type Exchange struct {
	Call, Method, Host, Path string // Path is a template
	Begun, Ended             time.Time
	Status                   int    // 0 where no answer came
	RequestID                string // the cloud's
	Failed                   string // why there is no whole answer, in one word
}

// mostCalls bounds the calls that one submission remembers: the first ones and
// the last one, which is the creating one unless that is among the first.
const mostCalls = 64

// Submission is one try to submit a request. Whether it is worth a span is
// known only afterwards, since a request that waits for a limit may be tried
// hundreds of times: until then it remembers what was done, and the spans are
// made with the times of then. It is safe for concurrent use; nil does nothing.
type Submission struct {
	tracer *Tracer
	begun  time.Time

	mu    sync.Mutex
	calls []Exchange
	span  trace.Span
}

type submissionKey struct{}

// Submit begins a try; nil without a tracer.
func (t *Tracer) Submit() *Submission {
	if t == nil {
		return nil
	}
	return &Submission{tracer: t, begun: time.Now()}
}

// In is a context that carries the try to those that know more of it.
func (s *Submission) In(ctx context.Context) context.Context {
	if s == nil {
		return ctx
	}
	return context.WithValue(ctx, submissionKey{}, s)
}

// Submission is the try that a context carries; nil where there is none.
func (t *Tracer) Submission(ctx context.Context) *Submission {
	if t == nil {
		return nil
	}
	s, _ := ctx.Value(submissionKey{}).(*Submission)
	return s
}

// Called notes a call.
func (s *Submission) Called(c Exchange) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.calls) == mostCalls {
		s.calls = s.calls[:mostCalls-1]
	}
	s.calls = append(s.calls, c)
}

// Open makes the try a span, below that of taking the request in, and returns
// its traceparent. A second time changes nothing.
func (s *Submission) Open(a About, taken string, origin messages.Trace) string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.span == nil {
		parent := contextOf(messages.Trace{Parent: taken, State: origin.State})
		if !parent.IsValid() {
			parent = contextOf(origin)
		}
		ctx := trace.ContextWithRemoteSpanContext(context.Background(), parent)
		_, s.span = s.tracer.spans.Start(ctx, "submit "+a.Operation, trace.WithTimestamp(s.begun), trace.WithAttributes(a.attributes()...))
	}
	return textOf(s.span.SpanContext())
}

// Close ends the try: state is what the request is in now. A try that is no
// span until now leaves none.
func (s *Submission) Close(state, job string, cause error) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.span == nil {
		return
	}
	if s.span.IsRecording() {
		ctx := trace.ContextWithSpan(context.Background(), s.span)
		for _, c := range s.calls {
			s.tracer.call(ctx, c)
		}
		s.span.SetAttributes(attribute.String("imsworker.state", state))
		if job != "" {
			s.span.SetAttributes(attribute.String("imsworker.job_id", job))
		}
		if cause != nil {
			s.span.SetStatus(codes.Error, cause.Error())
		}
	}
	s.span.End()
}

// call makes the span of a call that is over.
func (t *Tracer) call(ctx context.Context, c Exchange) {
	_, span := t.spans.Start(ctx, c.Method+" "+c.Path, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(c.Begun), trace.WithAttributes(
		attribute.String("imsworker.call", c.Call), attribute.String("http.request.method", c.Method), attribute.String("url.template", c.Path),
		attribute.String("server.address", c.Host),
	))
	if c.Status != 0 {
		span.SetAttributes(attribute.Int("http.response.status_code", c.Status))
	}
	if c.RequestID != "" {
		span.SetAttributes(attribute.String("imsworker.cloud_request_id", c.RequestID))
	}
	if c.Failed != "" || c.Status >= 400 {
		span.SetStatus(codes.Error, c.Failed)
	}
	span.End(trace.WithTimestamp(c.Ended))
}
