package intake

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// childFinished hands over that a leg of a bulk has ended. It is done with once
// that is written down.
func (in *Intake) childFinished(ctx context.Context, d broker.Delivery, cloud string, body []byte) error {
	in.unknown.done(d)
	c, problems := messages.ReadChildFinished(body)
	if len(problems) > 0 {
		return in.Dead.Store(ctx, letter(d, body, cloud, messages.VerbChildFinished), Verdict{Reason: ReasonInvalid, Problems: problems})
	}
	if in.HearLeg == nil {
		return nil
	}
	return in.HearLeg(ctx, c.Key, c.Leg)
}

// bulks remembers the data of bulks whose legs were taken in lately: one bulk
// has thousands.
type bulks struct {
	mu   sync.Mutex
	data map[string]*bulkOf
}

// bulkOf is what a bulk lets its legs be; nil data: it is no bulk.
type bulkOf struct {
	data   *messages.BulkCopy
	images map[string]bool // nil where a query chose them
}

// mostBulks is how many bulks are remembered.
const mostBulks = 16

// bulkParent is the bulk whose leg a request says it is. The bulk has to be
// there, and to name the cloud and the image.
func (in *Intake) bulkParent(ctx context.Context, req *request, leg messages.LegOf) (*messages.Relative, messages.Problems, error) {
	b, err := in.bulkOf(ctx, leg)
	if err != nil {
		return nil, nil, err
	}
	if !b.causes(req, leg) {
		return nil, messages.Problems{{Message: fmt.Sprintf(
			"the source %q is that of a bulk's legs, but the bulk with key %s did not ask for this one; use a source of your own", req.envelope.Identity.Source, leg.Key)}}, nil
	}
	return &messages.Relative{Key: leg.Key, Cloud: leg.Cloud, Operation: messages.OperationBulkCopy}, nil, nil
}

// bulkOf reads what an attempt of a bulk has asked for.
func (in *Intake) bulkOf(ctx context.Context, leg messages.LegOf) (*bulkOf, error) {
	id := fmt.Sprintf("%s/%s/%d", leg.Cloud, leg.Key, leg.Attempt)
	in.bulks.mu.Lock()
	known := in.bulks.data[id]
	in.bulks.mu.Unlock()
	if known != nil {
		return known, nil
	}
	accepted, found, err := in.History.Accepted(ctx, leg.Cloud, leg.Key, leg.Attempt)
	if err != nil || !found || accepted.Request.Operation != messages.OperationBulkCopy {
		return &bulkOf{}, err
	}
	b := readBulk(accepted.Request.Data)
	in.bulks.mu.Lock()
	defer in.bulks.mu.Unlock()
	if len(in.bulks.data) >= mostBulks || in.bulks.data == nil {
		in.bulks.data = map[string]*bulkOf{}
	}
	in.bulks.data[id] = b
	return b, nil
}

func readBulk(data []byte) *bulkOf {
	var d messages.BulkCopy
	if json.Unmarshal(data, &d) != nil {
		return &bulkOf{}
	}
	b := &bulkOf{data: &d}
	if d.Query == nil {
		b.images = map[string]bool{}
		for _, id := range d.Images {
			b.images[strings.ToLower(id)] = true
		}
		d.Images = nil
	}
	return b
}

// legOperations are what legs of a bulk ask for.
var legOperations = []string{"copy-image", "copy-image-cross-region", "share-image", "answer-share"}

// causes reports whether a request may be a leg of the bulk.
func (b *bulkOf) causes(req *request, leg messages.LegOf) bool {
	if b.data == nil || !slices.Contains(legOperations, req.operation) {
		return false
	}
	named := handlers.Named(req.envelope.Data)
	ours := req.cloud == leg.Cloud || slices.ContainsFunc(b.data.Targets, func(t messages.BulkTarget) bool { return t.Cloud == req.cloud })
	return ours && len(named) == 1 && (b.images == nil || b.images[strings.ToLower(named[0])])
}

// begunAnew says in words that a leg belongs to a bulk that was retried since.
// The bulk itself may go on with it.
func (in *Intake) begunAnew(ctx context.Context, last *ledger.Record, c messages.Control) (problem string, err error) {
	leg, is := last.RepeatedBy()
	if !is || c.Parent != "" {
		return "", nil
	}
	_, retried, err := in.History.Accepted(ctx, leg.Cloud, leg.Key, leg.Attempt+1)
	if err != nil || !retried {
		return "", err
	}
	return ledger.BegunAnew(leg), nil
}

// overTargets finds targets that a bulk may not have by its cloud's entry.
func (in *Intake) overTargets(cloud string, conf Cloud, operation string, data []byte) (ps messages.Problems) {
	var d messages.BulkCopy
	if operation != messages.OperationBulkCopy || json.Unmarshal(data, &d) != nil {
		return nil
	}
	for i, t := range d.Targets {
		if t.Cloud != "" && t.Cloud != cloud && !conf.AllowsTarget(t.Cloud) {
			ps.Add(fmt.Sprintf("targets[%d].cloud", i), "the cloud %q is not in `allow_targets` of cloud %q", t.Cloud, cloud)
		}
	}
	return ps
}

// forbidTargets ends a bulk whose targets go beyond what is allowed.
func forbidTargets(r *ledger.Record, ps messages.Problems) {
	r.State, r.Outcome, r.Finished, r.Unannounced = ledger.Finished, messages.StateRejected, r.Accepted, true
	r.Failure = &messages.Failure{
		Reason: messages.ReasonConstraint, Message: "the targets are not allowed: " + ps.Limited().Error(), Problems: ps.Limited(),
		Remedy: "add what is named to `allow_targets` of the cloud's entry in clouds.yaml, or leave these targets out",
	}
}
