package intake

import (
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/trace"
	"github.com/imsworker/imsworker/messages"
)

// What became of a request, in counts and spans.
const (
	resultAccepted  = "accepted"
	resultDuplicate = "duplicate"
	resultDead      = "dead"
)

// begin begins the span of a request. One that came without a trace begins its
// own, which everything that follows from it carries on.
func (in *Intake) begin(req *request) {
	req.result = resultAccepted
	if !in.Trace.On() {
		return
	}
	e := &req.envelope
	req.span = in.Trace.Receive(trace.Receipt{
		About: trace.About{
			Key: messages.Key(req.cloud, e.Source, e.ID), Cloud: req.cloud, Operation: req.operation, Attempt: max(1, e.Attempt),
		},
		Subject: messages.RequestSubject("{cloud}", "{operation}"), Source: e.Source, ID: e.ID, Bytes: len(req.body), Begun: time.Now(),
		Hop: e.Hop, Trace: e.Trace,
	})
	if e.Trace.Parent == "" {
		e.Trace.Parent = req.span.TraceParent()
	}
}

// beginAttempt begins the span of a control message that opens another attempt.
func (in *Intake) beginAttempt(d broker.Delivery, verb string, last *ledger.Record) trace.Span {
	if !in.Trace.On() {
		return trace.Span{}
	}
	return in.Trace.Receive(trace.Receipt{
		About:   trace.About{Key: last.Key, Cloud: last.Cloud, Operation: last.Operation, Attempt: last.Attempt + 1},
		Subject: messages.ControlSubject("{cloud}", verb), Source: last.Source, ID: last.ID, Begun: time.Now(),
		Hop: messages.HopIn(d.Header), Trace: last.Trace(),
	})
}
