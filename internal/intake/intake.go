// Package intake takes requests in: it turns each delivery of a shard's queue
// into a record of the ledger, or into a dead letter that says what is wrong
// with it. It decides nothing that could not be decided again: a delivery may
// come any number of times.
//
// What data an operation wants is the operation's business, what happens to a
// record the engine's.
package intake

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/mutation"
	"github.com/imsworker/imsworker/internal/pauses"
	"github.com/imsworker/imsworker/internal/trace"
	"github.com/imsworker/imsworker/messages"
)

// records is what the intake needs of the shard's ledger.
type records interface {
	Create(ctx context.Context, r *ledger.Record) error
	Update(ctx context.Context, r *ledger.Record) error
	Get(ctx context.Context, key string) (*ledger.Record, error)
}

// Cloud is what the intake needs to know of a configured cloud.
type Cloud struct {
	Profile ims.Profile
	// Allows reports whether requests for an operation are taken.
	Allows func(operation string) bool
	// AllowsStep reports whether requests may have follow-up steps of an
	// operation, AllowsTarget whether these may use a cloud.
	AllowsStep, AllowsTarget func(name string) bool
	// Scale divides a duration by the cloud's time factor.
	Scale func(time.Duration) time.Duration
}

// Counter counts what became of requests; the result is "duplicate" or "dead".
type Counter interface {
	Request(cloud, operation, result string)
}

// Options are what an intake works with.
type Options struct {
	Records records
	Dead    *DeadLetters
	// Cloud returns a configured cloud; false: this worker does not know it.
	Cloud   func(name string) (Cloud, bool)
	History history
	// Pause stores that somebody has paused a cloud, or one operation there, or
	// goes on with it.
	Pause func(ctx context.Context, p pauses.Pause) error
	// Hear takes a backup notice that was stored at that time; an error has it
	// delivered again.
	Hear func(ctx context.Context, cloud string, n messages.Notice, at time.Time) error
	// Hear takes note that a leg of a bulk of the shard may have ended; nil:
	// nobody listens.
	HearLeg func(ctx context.Context, key string, leg int) error
	Count   Counter
	// Trace is nil where no traces are made.
	Trace *trace.Tracer
	Log   *slog.Logger
}

// Intake handles the deliveries of one shard.
type Intake struct {
	Options
	unknown waiting
	origins origins
	bulks   bulks
}

// New returns an intake.
func New(o Options) *Intake {
	return &Intake{Options: o, unknown: waiting{since: map[uint64]time.Time{}}}
}

// request is one delivery on its way to become a record.
type request struct {
	delivery  broker.Delivery
	cloud     string
	operation string
	envelope  messages.Envelope
	parent    *messages.Relative
	body      []byte
	span      trace.Span
	result    string // in a word, for the span
}

// Handle takes one delivery in; it is the router's handler. A nil error means
// that the delivery is done with, for good; any other that it comes again.
func (in *Intake) Handle(msg *message.Message) error {
	ctx := msg.Context()
	d, ok := broker.DeliveryOf(msg)
	if !ok {
		return errors.New("message without its delivery")
	}
	kind, cloud, verb, ok := parseSubject(d.Subject)
	switch {
	case ok && kind == "control":
		return in.control(ctx, msg, d, cloud, verb)
	case ok && kind == "backup":
		return in.notice(ctx, msg, d, cloud, verb)
	case !ok || kind != "request":
		return in.Dead.Store(ctx, letter(d, msg.Payload, cloud, verb), notTaken)
	}
	req := &request{delivery: d, cloud: cloud, operation: verb, body: msg.Payload}
	crash.At(crash.Delivered)
	if mutation.On(mutation.EarlyAck) {
		msg.Ack()
	}
	conf, known := in.Cloud(cloud)
	if !known && in.unknown.wait(d, unknownLimit) {
		broker.Delay(msg, unknownPause)
		return fmt.Errorf("cloud %q is not known here; the request waits", cloud)
	}
	in.unknown.done(d)
	return in.take(ctx, req, conf, known)
}

// take makes a record of a request, or a dead letter.
func (in *Intake) take(ctx context.Context, req *request, conf Cloud, known bool) (err error) {
	var problems messages.Problems
	req.envelope, problems = messages.ReadEnvelope(req.operation, req.delivery.Header, req.body)
	if req.envelope.Anonymous {
		req.envelope.Identity, req.envelope.HasIdentity = deliveryIdentity(req.delivery), true
	}
	in.begin(req)
	defer func() { req.span.Taken(req.result, err) }()
	var claims messages.Problems
	req.parent, claims, err = in.parent(ctx, req)
	if err != nil {
		return err
	}
	if messages.OfBackup(req.envelope.Identity) {
		claims.Add("", "the source %q is that of requests that backup notices lead to; use a source of your own", req.envelope.Identity.Source)
	}
	if len(claims) > 0 {
		return in.dead(ctx, req, ReasonIdentityReused, claims)
	}
	op, exists := handlers.Lookup(req.operation)
	switch {
	case !known:
		return in.refuse(ctx, req, ReasonUnknownCloud, append(problems, unknownCloud(req.cloud)))
	case !exists:
		return in.refuse(ctx, req, ReasonUnknownOperation, append(problems, unknownOperation(req.operation)))
	case len(problems) > 0 && len(req.envelope.Data) == 0:
		return in.refuse(ctx, req, ReasonInvalid, problems)
	}
	work, more := op.DecodeAt(req.envelope.Data, in.place(req.cloud, conf.Profile))
	problems = slices.Concat(problems, more, messages.PutOffTooFar(req.envelope.Data, time.Now()))
	if len(problems) > 0 {
		return in.refuse(ctx, req, ReasonInvalid, problems)
	}
	r := in.record(req, work, conf)
	if r.Origin, err = in.origin(ctx, req.envelope.Identity); err != nil {
		return err
	}
	if beyond := in.overTargets(req.cloud, conf, req.operation, r.Data); len(beyond) > 0 {
		forbidTargets(r, beyond)
	}
	beyond, err := in.overreach(ctx, r, conf)
	if err != nil {
		return err
	}
	if len(beyond) > 0 {
		forbidSteps(r, beyond)
	}
	if !conf.Allows(req.operation) {
		forbid(r)
	}
	return in.store(ctx, req, r)
}

// record is the first version of a request's record.
func (in *Intake) record(req *request, work handlers.Work, conf Cloud) *ledger.Record {
	r := bare(req)
	o := work.Options()
	r.Data, r.DataHash, r.Priority = req.envelope.Data, ledger.HashData(req.envelope.Data), o.Priority
	r.Unmark, r.CancelLate = !o.MarkerKept(), o.OnDeadline == messages.OnDeadlineCancel
	if o.NotBefore != nil {
		r.NotBefore = *o.NotBefore
	}
	r.Deadline = deadline(r, work, conf)
	return r
}

// deadline is what the request names, a duration from its acceptance on, else
// that of its operation. The latter counts from not_before where that is
// later: what is put off until tonight has as long as what is asked for tonight.
func deadline(r *ledger.Record, work handlers.Work, conf Cloud) time.Time {
	given := work.Options().Deadline
	if given == nil {
		from := r.Accepted
		if r.NotBefore.After(from) {
			from = r.NotBefore
		}
		return from.Add(conf.Scale(work.Policy().Deadline))
	}
	if after, relative := given.Duration(); relative {
		return r.Accepted.Add(conf.Scale(after))
	}
	return given.At(r.Accepted)
}

// bare is a record that says no more than who asked for what.
func bare(req *request) *ledger.Record {
	id := req.envelope.Identity
	return &ledger.Record{
		Key: messages.Key(req.cloud, id.Source, id.ID), Cloud: req.cloud, Operation: req.operation,
		Source: id.Source, ID: id.ID, Attempt: max(1, req.envelope.Attempt), State: ledger.Accepted,
		Parent: req.parent, Token: rand.Text(), Accepted: time.Now().UTC(), Sent: req.envelope.Time,
		Taken: req.span.TraceParent(), CorrelationID: req.envelope.CorrelationID, TraceParent: req.envelope.Trace.Parent, TraceState: req.envelope.Trace.State,
	}
}

// forbid ends a record whose operation the cloud's entry does not allow.
func forbid(r *ledger.Record) {
	r.State, r.Outcome, r.Finished, r.Unannounced = ledger.Finished, messages.StateRejected, r.Accepted, true
	r.Failure = &messages.Failure{
		Reason:  messages.ReasonConstraint,
		Message: fmt.Sprintf("cloud %q does not allow the operation %s", r.Cloud, r.Operation),
		Remedy:  "add the operation to `allow` of the cloud's entry in clouds.yaml, or ask another cloud",
	}
}

// store brings the record into the ledger, or finds what stands there.
func (in *Intake) store(ctx context.Context, req *request, r *ledger.Record) error {
	if r.Attempt > 1 {
		return in.storeAttempt(ctx, req, r)
	}
	err := in.Records.Create(ctx, r)
	if !errors.Is(err, ledger.ErrExists) {
		crash.At(crash.Recorded)
		return err
	}
	there, err := in.Records.Get(ctx, r.Key)
	if err != nil {
		return err
	}
	return in.repeated(ctx, req, r, there)
}

// repeated handles a request whose key has a record: the same request again,
// or another one under an identity that is taken.
func (in *Intake) repeated(ctx context.Context, req *request, r, there *ledger.Record) error {
	if there.Operation != r.Operation || there.DataHash != r.DataHash {
		return in.dead(ctx, req, ReasonIdentityReused, messages.Problems{reused(r, there)})
	}
	if there.Token != r.Token {
		req.result = resultDuplicate
		in.Count.Request(r.Cloud, r.Operation, resultDuplicate)
	}
	return nil
}

// parseSubject takes the subject of a delivery apart: ims.inbox.<n>.<kind>.<cloud>.<verb>.
func parseSubject(subject string) (kind, cloud, verb string, ok bool) {
	tokens := strings.Split(subject, ".")
	if len(tokens) != 6 || tokens[0] != "ims" || tokens[1] != "inbox" {
		return "", "", "", false
	}
	return tokens[3], tokens[4], tokens[5], true
}

// deliveryIdentity is the identity of a plain message without Nats-Msg-Id: a
// redelivery is the same request, a second publish another one.
func deliveryIdentity(d broker.Delivery) messages.Identity {
	return messages.Identity{Source: messages.PlainSource, ID: fmt.Sprintf("%d-%d", d.StreamSequence, d.Time.UnixNano())}
}
