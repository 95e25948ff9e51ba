package otlp

import (
	"context"
	"encoding/binary"
	"math/rand/v2"

	api "go.opentelemetry.io/otel/trace"

	"github.com/imsworker/imsworker/internal/trace"
)

// ids makes the ids of traces and spans: those that package trace wants, else
// by chance.
type ids struct{}

// NewIDs implements the SDK's generator.
func (i ids) NewIDs(ctx context.Context) (id api.TraceID, span api.SpanID) {
	if id, span, fixed := trace.IDs(ctx); fixed {
		return id, span
	}
	for !id.IsValid() {
		binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
		binary.NativeEndian.PutUint64(id[8:], rand.Uint64())
	}
	return id, i.NewSpanID(ctx, id)
}

// NewSpanID implements the SDK's generator.
func (ids) NewSpanID(context.Context, api.TraceID) (span api.SpanID) {
	for !span.IsValid() {
		binary.NativeEndian.PutUint64(span[:], rand.Uint64())
	}
	return span
}
