package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// history reads what was told of a request: its events remember it longer
// than the ledger does.
type history interface {
	// Accepted reads the accepted event of an attempt, which has the data.
	Accepted(ctx context.Context, cloud, key string, attempt int) (messages.Event, bool, error)
	// Final reads the final event of an attempt.
	Final(ctx context.Context, cloud, key string, attempt int) (messages.Event, bool, error)
}

// errBeingFinished has a delivery come again: the attempt is over, but not yet
// told, or its tombstone not yet written. A record written over it now would
// take its final event with it.
var errBeingFinished = errors.New("the attempt is being finished")

// control carries out a control message; one that asks for nothing that can
// be done is a dead letter and changes nothing.
func (in *Intake) control(ctx context.Context, msg *message.Message, d broker.Delivery, cloud, verb string) error {
	bury := func(reason Reason, problems messages.Problems) error {
		return in.Dead.Store(ctx, letter(d, msg.Payload, cloud, verb), Verdict{Reason: reason, Problems: problems})
	}
	if !slices.Contains(messages.Verbs(), verb) && verb != messages.VerbChildFinished {
		return bury(ReasonUnknownOperation, messages.Problems{{Message: fmt.Sprintf("there is no control verb %q; known are %s", verb, strings.Join(messages.Verbs(), ", "))}})
	}
	if _, known := in.Cloud(cloud); !known {
		if in.unknown.wait(d, unknownLimit) {
			broker.Delay(msg, unknownPause)
			return fmt.Errorf("cloud %q is not known here; the message waits", cloud)
		}
		in.unknown.done(d)
		return bury(ReasonUnknownCloud, messages.Problems{unknownCloud(cloud)})
	}
	if verb == messages.VerbChildFinished {
		return in.childFinished(ctx, d, cloud, msg.Payload)
	}
	c, problems := messages.ReadControl(verb, cloud, msg.Payload)
	if len(problems) > 0 {
		in.unknown.done(d)
		return bury(ReasonInvalid, problems)
	}
	problem, err := in.carryOut(ctx, msg, d, cloud, verb, c)
	if err != nil || problem == "" {
		return err
	}
	if !messages.AboutRequest(verb) { // there is but one thing that can be wrong
		return bury(ReasonUnknownOperation, messages.Problems{{Field: "operation", Message: problem}})
	}
	return bury(ReasonAttempt, messages.Problems{{Message: problem}})
}

// carryOut does what a sound control message asks for. It returns in words why
// that cannot be.
func (in *Intake) carryOut(ctx context.Context, msg *message.Message, d broker.Delivery, cloud, verb string, c messages.Control) (problem string, err error) {
	if verb == messages.VerbCancel {
		return in.cancel(ctx, msg, d, cloud, c)
	}
	in.unknown.done(d)
	if !messages.AboutRequest(verb) {
		return in.pause(ctx, d, cloud, verb, c)
	}
	return in.reopen(ctx, d, cloud, verb, c)
}

// reopen opens the attempt after the one that is named. It returns in words
// why that cannot be. An attempt that is open already is no problem: the
// message came a second time.
func (in *Intake) reopen(ctx context.Context, d broker.Delivery, cloud, verb string, c messages.Control) (problem string, err error) {
	last, err := in.last(ctx, cloud, c)
	switch {
	case err != nil:
		return "", err
	case last == nil:
		return fmt.Sprintf("nothing is known of attempt %d of a request with key %s on cloud %s", c.Attempt, c.Key, cloud), nil
	case last.Attempt > c.Attempt:
		return "", nil
	}
	if c.Parent != "" && last.Cloud == cloud && last.StillTrails() {
		return "", nil // its bulk asks again
	}
	if problem := last.CannotReopen(cloud, verb, c); problem != "" {
		return problem, nil
	}
	if problem, err := in.begunAnew(ctx, last, c); err != nil || problem != "" {
		return problem, err
	}
	if !last.Closed() {
		return "", errBeingFinished
	}
	span := in.beginAttempt(d, verb, last)
	defer func() { span.Taken(verb, err) }()
	r, problem, err := in.next(ctx, last)
	if err != nil || problem != "" {
		return problem, err
	}
	r.Taken = span.TraceParent()
	r.As, r.ImageID = c.As, c.ImageID
	r.Look = r.Look || verb == messages.VerbRetry && last.Outcome == messages.StateUnresolved
	return "", in.write(ctx, r)
}

// last is the newest attempt of a request that ledger or events know; nil
// without an error where neither does.
func (in *Intake) last(ctx context.Context, cloud string, c messages.Control) (*ledger.Record, error) {
	r, err := in.Records.Get(ctx, c.Key)
	if !errors.Is(err, ledger.ErrNone) {
		return r, err
	}
	from := max(1, c.Attempt)
	final, ended, err := in.History.Final(ctx, cloud, c.Key, from)
	if err != nil || !ended {
		return nil, err
	}
	later, err := in.attempts(ctx, cloud, c.Key, from)
	return &ledger.Record{
		Key: c.Key, Cloud: cloud, Operation: final.Request.Operation, Source: final.Request.Source, ID: final.Request.ID,
		Attempt: later, State: ledger.Finished, Outcome: final.State, Buried: true, Images: final.Images, Parent: final.Parent, Cancel: wishOf(final), Since: sinceOf(final),
	}, err
}

// attempts is the last attempt of which there is an event, from one on that
// has ended.
func (in *Intake) attempts(ctx context.Context, cloud, key string, from int) (int, error) {
	for {
		_, ended, err := in.History.Final(ctx, cloud, key, from+1)
		if err != nil || !ended {
			return from, err
		}
		from++
	}
}

// next is the record of the attempt after one that has ended, with the data
// of the request. It says in words where there is no data to go on with.
func (in *Intake) next(ctx context.Context, last *ledger.Record) (r *ledger.Record, problem string, err error) {
	data := last.Data
	if data == nil {
		accepted, found, err := in.History.Accepted(ctx, last.Cloud, last.Key, last.Attempt)
		if err != nil {
			return nil, "", err
		}
		if !found {
			return nil, last.NoData(), nil
		}
		data = accepted.Request.Data
	}
	op, exists := handlers.Lookup(last.Operation)
	conf, known := in.Cloud(last.Cloud)
	if !exists || !known {
		return nil, fmt.Sprintf("the operation %s on cloud %s is not known to this version of the worker", last.Operation, last.Cloud), nil
	}
	work, problems := op.DecodeAt(data, in.place(last.Cloud, conf.Profile))
	if len(problems) > 0 {
		return nil, "the data is not valid any more: " + problems.Error(), nil
	}
	r = in.record(&request{cloud: last.Cloud, operation: last.Operation, envelope: messages.Envelope{
		Identity: messages.Identity{Source: last.Source, ID: last.ID}, Attempt: last.Attempt + 1, Data: data,
		Time: last.Sent, CorrelationID: last.CorrelationID, Trace: last.Trace(),
	}}, work, conf)
	inherit(r, last)
	return r, "", nil
}

// inherit takes over what an earlier attempt may have begun at the cloud.
func inherit(r, last *ledger.Record) {
	r.Version, r.Sequence, r.Posts, r.Parent, r.Origin = ledger.Version, last.Sequence, last.Posts, last.Parent, last.Origin
	r.Since, r.EverUncertain, r.Doubted, r.Look = last.Since, last.EverUncertain, last.Doubted, last.LeftBehind()
	if last.Outcome != messages.StateUnresolved {
		r.Made = last.MadeSoFar()
	}
}

// write stores a further attempt: over its predecessor, or as the first
// record where that is gone.
func (in *Intake) write(ctx context.Context, r *ledger.Record) error {
	if r.Sequence > 0 {
		return in.Records.Update(ctx, r)
	}
	return in.Records.Create(ctx, r)
}
