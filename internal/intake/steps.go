package intake

import (
	"context"
	"fmt"
	"slices"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// place is the request's cloud, with the profiles of the others as far as
// they are known here.
func (in *Intake) place(name string, own ims.Profile) handlers.Place {
	return handlers.Place{Cloud: name, Profile: func(cloud string) ims.Profile {
		if other, known := in.Cloud(cloud); known && cloud != name {
			return other.Profile
		}
		return own
	}}
}

// overreach finds what the follow-up steps of a request may not do: by the
// entry of its own cloud, and by those of the clouds that the steps use, as
// far as they are known here. Nobody gets more rights by asking for a step
// than the entry of the cloud that was asked gives. Steps that the operator's
// own rules ask for need no allow_steps, the steps of these neither.
func (in *Intake) overreach(ctx context.Context, r *ledger.Record, conf Cloud) (messages.Problems, error) {
	ps, steps := in.beyond(r, conf)
	if len(steps) == 0 {
		return ps, nil
	}
	ruled, err := in.ruled(ctx, r)
	if err != nil || ruled {
		return ps, err
	}
	return append(ps, steps...), nil
}

// beyond tells what goes beyond allow_steps apart from the rest.
func (in *Intake) beyond(r *ledger.Record, conf Cloud) (rest, steps messages.Problems) {
	for _, step := range handlers.Plan(r.Cloud, r.Data) {
		if !conf.AllowsStep(step.Operation) {
			steps.Add(step.Field+".operation", "the step %s is not in `allow_steps` of cloud %q", step.Operation, r.Cloud)
		}
		if !conf.AllowsTarget(step.Cloud) {
			rest.Add(step.Field+".cloud", "the cloud %q is not in `allow_targets` of cloud %q", step.Cloud, r.Cloud)
		}
		if there, known := in.Cloud(step.Cloud); known && !there.Allows(step.Operation) {
			rest.Add(step.Field+".operation", "cloud %q does not allow the operation %s", step.Cloud, step.Operation)
		}
		after, known := in.Cloud(step.After)
		if !known || step.After == r.Cloud {
			continue
		}
		if !after.AllowsStep(step.Operation) {
			steps.Add(step.Field+".operation", "the step %s is not in `allow_steps` of cloud %q, which it follows", step.Operation, step.After)
		}
		if !after.AllowsTarget(step.Cloud) {
			rest.Add(step.Field+".cloud", "the cloud %q is not in `allow_targets` of cloud %q, which it follows", step.Cloud, step.After)
		}
	}
	return rest, steps
}

// ruled reports whether a request comes of the operator's own rules: it is of
// a backup, whose identity nobody else may use, or follows one that is.
func (in *Intake) ruled(ctx context.Context, r *ledger.Record) (bool, error) {
	id := messages.Identity{Source: r.Source, ID: r.ID}
	for range handlers.StepDepth + 1 {
		if messages.OfBackup(id) {
			return true, nil
		}
		cloud, key, attempt, follows := messages.StepParent(id)
		if !follows {
			return false, nil
		}
		final, ended, err := in.History.Final(ctx, cloud, key, max(1, attempt))
		if err != nil || !ended {
			return false, err
		}
		id = messages.Identity{Source: final.Request.Source, ID: final.Request.ID}
	}
	return false, nil
}

// forbidSteps ends a record whose steps go beyond what is allowed.
func forbidSteps(r *ledger.Record, ps messages.Problems) {
	r.State, r.Outcome, r.Finished, r.Unannounced = ledger.Finished, messages.StateRejected, r.Accepted, true
	r.Failure = &messages.Failure{
		Reason: messages.ReasonConstraint, Message: "the follow-up steps are not allowed: " + ps.Limited().Error(), Problems: ps.Limited(),
		Remedy: "add what is named to `allow_steps`, `allow_targets` or `allow` of the entries in clouds.yaml, or send the request without these steps",
	}
}

// parent is the request that caused one, where its identity is that of a
// follow-up step: the parent's final event must name it, so that nobody can
// claim a parent, or take the place of a step that is still to come.
func (in *Intake) parent(ctx context.Context, req *request) (*messages.Relative, messages.Problems, error) {
	if leg, claimed := messages.LegParent(req.envelope.Identity); claimed {
		return in.bulkParent(ctx, req, leg)
	}
	cloud, key, attempt, claimed := messages.StepParent(req.envelope.Identity)
	if !claimed {
		return nil, nil, nil
	}
	own := messages.Relative{Key: messages.Key(req.cloud, req.envelope.Identity.Source, req.envelope.Identity.ID), Cloud: req.cloud, Operation: req.operation}
	final, ended, err := in.History.Final(ctx, cloud, key, max(1, attempt))
	if err != nil {
		return nil, nil, err
	}
	if !ended || attempt == 0 || !slices.Contains(final.Next, own) {
		return nil, messages.Problems{{Message: fmt.Sprintf(
			"the source %q is that of follow-up steps, but the request with key %s did not cause this one; use a source of your own", req.envelope.Identity.Source, key)}}, nil
	}
	return &messages.Relative{Key: key, Cloud: cloud, Operation: final.Request.Operation}, nil, nil
}
