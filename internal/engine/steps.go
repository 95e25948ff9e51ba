package engine

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// followUp is one request that a record causes.
type followUp struct {
	cloud, operation string
	identity         messages.Identity
	data             json.RawMessage
}

// followUps are the requests that a record causes, always the same ones in
// the same order; none unless it has succeeded.
func followUps(r *ledger.Record) (all []followUp) {
	if r.Outcome != messages.StateSucceeded || r.Duplicate {
		return nil
	}
	images := stepImages(r)
	for _, raw := range messages.StepsOf(r.Data) {
		step, err := messages.ReadStep(raw)
		if err != nil {
			continue
		}
		cloud := step.Cloud
		if cloud == "" {
			cloud = r.Cloud
		}
		for _, data := range handlers.Caused(step, images) {
			identity := messages.StepIdentity(r.Cloud, r.Key, r.Attempt, len(all))
			all = append(all, followUp{cloud, step.Operation, identity, data})
		}
	}
	return all
}

// stepImages are the images that follow-up steps are about: those that were
// made, else those that the request itself was about.
func stepImages(r *ledger.Record) (ids []string) {
	for _, image := range r.Images {
		ids = append(ids, image.ID)
	}
	if len(ids) == 0 {
		ids = handlers.Taken(r.Operation, r.Data)
	}
	return ids
}

// relatives names what a record causes.
func relatives(r *ledger.Record) (all []messages.Relative) {
	for _, f := range followUps(r) {
		all = append(all, messages.Relative{Key: messages.Key(f.cloud, f.identity.Source, f.identity.ID), Cloud: f.cloud, Operation: f.operation})
	}
	return all
}

// withoutImage are the warnings about steps that have no image to go on with.
func withoutImage(r *ledger.Record) (warnings []string) {
	if r.Outcome != messages.StateSucceeded || len(stepImages(r)) > 0 {
		return nil
	}
	for i, raw := range messages.StepsOf(r.Data) {
		if step, err := messages.ReadStep(raw); err == nil && len(handlers.Caused(step, nil)) == 0 {
			warnings = append(warnings, fmt.Sprintf("the step options.on_success[%d] (%s) was not begun: there is no image for it", i, step.Operation))
		}
	}
	return warnings
}

// cause asks for what follows a record, after its end is told: by then its
// final event names what it causes, and nothing else is believed. It is done
// again by whoever finds the record without its tombstone; the identities are
// the same, so each is one request. What becomes of them changes nothing here.
func (g *Engine) cause(ctx context.Context, r *ledger.Record) error {
	if r.Duplicate {
		return nil
	}
	for _, f := range followUps(r) {
		err := g.Request(ctx, messages.Request{
			Identity: f.identity, Cloud: f.cloud, Operation: f.operation, Time: r.Finished,
			CorrelationID: r.CorrelationID, Trace: r.Trace(), Hop: r.Taken, Data: f.data,
		})
		if err != nil {
			return fmt.Errorf("ask for the step %s on cloud %s: %w", f.operation, f.cloud, err)
		}
		crash.At(crash.Caused)
	}
	return nil
}
