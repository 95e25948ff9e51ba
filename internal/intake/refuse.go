package intake

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// refuse makes a dead letter and, where the request can be named and nobody
// has its name, a record that ends as rejected: who sent it hears of it. A
// subject that no event could have gets the letter alone.
func (in *Intake) refuse(ctx context.Context, req *request, reason Reason, problems messages.Problems) error {
	if !soundTokens(req.cloud, req.operation) {
		return in.dead(ctx, req, ReasonSubject, unsound(req.cloud, req.operation))
	}
	if err := in.dead(ctx, req, reason, problems); err != nil {
		return err
	}
	if !req.envelope.HasIdentity || req.envelope.Identity.ID == "" {
		return nil
	}
	r := bare(req)
	r.State, r.Outcome, r.Finished, r.Unannounced = ledger.Finished, messages.StateRejected, r.Accepted, true
	r.Attempt, r.DataHash = 1, ledger.HashData(orBody(req))
	r.Failure = rejection(problems)
	err := in.Records.Create(ctx, r)
	if errors.Is(err, ledger.ErrExists) {
		return nil
	}
	return err
}

// orBody is the request's data as far as it could be told from the rest.
func orBody(req *request) []byte {
	if len(req.envelope.Data) > 0 {
		return req.envelope.Data
	}
	return req.body
}

// rejection is the failure that the rejected event carries.
func rejection(problems messages.Problems) *messages.Failure {
	return &messages.Failure{
		Reason: messages.ReasonInvalid, Message: problems.Error(), Problems: problems.Sorted(),
		Remedy: "correct what is named and send the request again under a new id; the original is kept as a dead letter",
	}
}

// dead stores the request as a dead letter.
func (in *Intake) dead(ctx context.Context, req *request, reason Reason, problems messages.Problems) error {
	l := letter(req.delivery, req.body, req.cloud, req.operation)
	if req.envelope.HasIdentity {
		l.Identity = req.envelope.Identity
	}
	if err := in.Dead.Store(ctx, l, Verdict{Reason: reason, Problems: problems}); err != nil {
		return err
	}
	req.result = resultDead
	in.Count.Request(req.cloud, req.operation, resultDead)
	return nil
}

func reused(r, there *ledger.Record) messages.Problem {
	what := "other data"
	if there.Operation != r.Operation {
		what = "the operation " + there.Operation
	}
	return messages.Problem{Message: fmt.Sprintf("the identity (source %q, id %q) belongs to an earlier request with %s, which is left as it is; give each request an id of its own", r.Source, r.ID, what)}
}

func unknownCloud(name string) messages.Problem {
	return messages.Problem{Message: fmt.Sprintf("no worker knows the cloud %q; the second-last token of the subject must be the name of an entry of clouds.yaml that is served", name)}
}

func unknownOperation(name string) messages.Problem {
	known := "known are " + strings.Join(handlers.Names(), ", ")
	if near := handlers.Nearest(name, handlers.Names()); near != "" {
		known = fmt.Sprintf("did you mean %q?", near)
	}
	return messages.Problem{Message: fmt.Sprintf("there is no operation %q; %s", name, known)}
}

// notTaken is the verdict on messages that are neither requests nor anything
// else that is known.
var notTaken = Verdict{Reason: ReasonSubject, Problems: messages.Problems{{Message: "the subject has not the form ims.request.<cloud>.<operation>"}}}

// Leftover handles what kept its subject in the stream of requests because it
// has the wrong number of tokens, or wildcards for tokens: dead letters, never
// records.
func (d *DeadLetters) Leftover(msg *message.Message) error {
	del, ok := broker.DeliveryOf(msg)
	if !ok {
		return errors.New("message without its delivery")
	}
	return d.Store(msg.Context(), letter(del, msg.Payload, "", ""), Verdict{Reason: ReasonSubject, Problems: messages.Problems{{Message: leftover(del.Subject)}}})
}

// leftover says in words why a subject is left over.
func leftover(subject string) string {
	kind, form := "request", "<operation>"
	tokens := strings.Split(subject, ".")
	if len(tokens) == 4 && tokens[1] != kind {
		kind, form = tokens[1], "<verb>"
	}
	if len(tokens) != 4 {
		return fmt.Sprintf("the subject %q has %d tokens; it must be ims.request.<cloud>.<operation>, which has 4", brief(subject), len(tokens))
	}
	return fmt.Sprintf("the subject %q has a wildcard for a token; publish to ims.%s.<cloud>.%s, with one cloud's name", brief(subject), kind, form)
}
