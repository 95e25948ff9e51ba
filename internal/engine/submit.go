package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/mutation"
	"github.com/imsworker/imsworker/messages"
)

// leaseRetry is the wait before a submission is tried again for which the
// lease was not sure enough.
const leaseRetry = time.Second

// submit brings one request to the cloud: a claim in the ledger, one creating
// call, its answer in the ledger. Whoever finds the claim without an answer
// must assume that the call was made.
func (g *Engine) submit(ctx context.Context, t task) result {
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: fmt.Errorf("submit: %w", err)}
	}
	if r.State != ledger.Accepted && r.State != ledger.Parked {
		return result{record: r}
	}
	if !g.Lease.Valid() || g.heldBack(r.Cloud, r.Operation) {
		return result{record: r, again: time.Now().Add(leaseRetry)}
	}
	work, err := open(r)
	if err != nil {
		return g.end(ctx, r, messages.StateRejected, unreadable(err))
	}
	if _, known := g.place(t.conf, work); !known && !t.conf.JobOnly {
		return g.end(ctx, r, messages.StateRejected, placeless(work))
	}
	ctx, ask := g.inTrace(ctx, r), g.paced(g.inTrace(watched(asking(ctx), g.Trace.Submission(ctx)), r), t)
	if r.Look || r.EverUncertain { // what an earlier call has made may show only now
		if res, done := g.look(ask, t, r, work); done {
			return res
		}
	}
	taken, err := g.taken(ask, t.conf)
	if err == nil && !taken && work.Options().PreflightWanted() {
		err = preflight(ask, t.conf, work)
	}
	switch {
	case ask.Err() != nil: // the engine stops: nothing is begun any more
		return result{record: r}
	case taken:
		return result{record: r, again: time.Now().Add(leaseRetry)}
	case putOff(err):
		return result{record: r, again: time.Now().Add(t.conf.Scale(pollTimeout))}
	case err != nil:
		return g.refuse(ctx, t, r, err, time.Time{})
	}
	if bucket := bucketFor(r); t.conf.single(bucket) {
		if err := g.turn(ask, t, bucket); err != nil {
			return result{record: r, again: time.Now().Add(t.conf.Scale(pollTimeout))}
		}
	}
	return g.post(ctx, t, r, work)
}

// turn waits for the turn of a creating call in a bucket that it has in common
// with questions.
func (g *Engine) turn(ctx context.Context, t task, bucket string) error {
	ctx, cancel := context.WithTimeout(ctx, t.conf.patience())
	defer cancel()
	return (&calls{engine: g, account: t.entry.account}).Wait(ctx, t.cloud, bucket)
}

// taken asks whether another cloud is the same account and works it.
func (g *Engine) taken(ctx context.Context, conf *Account) (bool, error) {
	if g.Taken == nil {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, conf.patience())
	defer cancel()
	return g.Taken(ctx, conf)
}

// fresh is how old an answer of the cloud may be that lets a request pass.
const fresh = 15 * time.Second

// preflight asks the cloud whether the submission can work. Many requests
// about one thing cost one look at it; but what is remembered never refuses:
// then the cloud is asked anew, everything once.
func preflight(ctx context.Context, conf *Account, work handlers.Work) error {
	ctx, cancel := context.WithTimeout(ctx, conf.patience())
	defer cancel()
	now := time.Now()
	err := work.Preflight(ims.Since(ctx, now.Add(-fresh)), conf.Client)
	if _, broken := errors.AsType[handlers.Refusals](err); !broken {
		return err
	}
	return work.Preflight(ims.Since(ctx, now), conf.Client)
}

// open makes work of a record's data again.
func open(r *ledger.Record) (handlers.Work, error) {
	op, known := handlers.Lookup(r.Operation)
	if !known {
		return nil, fmt.Errorf("operation %q is not known to this version of the worker", r.Operation)
	}
	return op.Reopen(r.Data)
}

// unreadable is the failure of a request whose data cannot be read any more.
func unreadable(err error) *messages.Failure {
	return &messages.Failure{
		Reason: messages.ReasonInternal, Message: err.Error(),
		Remedy: "another version of the worker took this request; send it again under a new id",
	}
}

// post claims the record and makes the call. The call's time limit starts
// before the claim is written, so that it has surely ended when the claim is
// that old.
func (g *Engine) post(ctx context.Context, t task, r *ledger.Record, work handlers.Work) result {
	claimed := time.Now()
	call, cancel := context.WithDeadline(ctx, claimed.Add(g.SubmitTimeout))
	defer cancel()
	before := *r
	r.State, r.Until = ledger.Submitting, time.Time{}
	noteBucket(r)
	if r.Since.IsZero() {
		r.Since = cloudTime(t.conf.Client, claimed)
	}
	if err := g.Ledger.Update(ctx, r); err != nil && !mutation.On(mutation.Unclaimed) {
		return result{err: fmt.Errorf("claim: %w", err)}
	}
	crash.At(crash.Claimed)
	if !g.Lease.Valid() && !mutation.On(mutation.Unclaimed) {
		return g.unclaim(ctx, r, &before)
	}
	done, err := work.Submit(ims.Paced(call, creating{&calls{engine: g, account: t.entry.account}}), t.conf.Client, handlers.Call{Key: r.Key, ImageID: r.ImageID, Again: r.EverUncertain || r.Look || !r.Submitted.IsZero()})
	crash.At(crash.Posted)
	if err != nil {
		return g.refuse(ctx, t, r, err, claimed)
	}
	if done.More {
		return g.more(ctx, r, done.ImageID, t.conf.longestWindow())
	}
	return g.tellOnward(ctx, g.submitted(ctx, r, done, t.conf.longestWindow()))
}

// more stores the image that the request's next call needs and puts the record
// back into the queue. Each call has a claim of its own. Where another owner has
// found the image meanwhile, and gone on with it, only the call itself is noted.
func (g *Engine) more(ctx context.Context, r *ledger.Record, imageID string, keep time.Duration) result {
	now := time.Now().UTC()
	overtaken, sending := false, g.sending(ctx, r)
	r, merged, err := g.merge(ctx, r, func(r *ledger.Record) {
		r.Sending = sending
		r.Posts = posted(r.Posts, now, keep)
		if overtaken = r.ImageID != ""; overtaken {
			return
		}
		r.State, r.ImageID, r.Until = ledger.Accepted, imageID, time.Time{}
		r.Failure, r.Refusals, r.Doubted, r.Contested = nil, 0, time.Time{}, false
	})
	if err != nil {
		return result{err: fmt.Errorf("store the image %s of the first call: %w", imageID, err), sent: true, answered: true}
	}
	if merged && !overtaken {
		g.changed(r, "begun")
	}
	return result{record: r, sent: true, answered: true}
}

// unclaim puts a record back for which surely nothing was sent.
func (g *Engine) unclaim(ctx context.Context, r, before *ledger.Record) result {
	r.State, r.Until, r.Since, r.Bucket = before.State, before.Until, before.Since, before.Bucket
	if err := g.Ledger.Update(ctx, r); err != nil {
		return result{err: fmt.Errorf("put back: %w", err)}
	}
	return result{record: r, again: time.Now().Add(leaseRetry)}
}

// submitted stores the cloud's answer, whatever has happened to the record
// meanwhile: an answer in hand is never thrown away.
func (g *Engine) submitted(ctx context.Context, r *ledger.Record, done handlers.Submission, keep time.Duration) result {
	now, sending := time.Now().UTC(), g.sending(ctx, r)
	r, merged, err := g.merge(ctx, r, func(r *ledger.Record) {
		r.State, r.Submitted, r.JobID, r.ImageID = ledger.Submitted, now, done.JobID, done.ImageID
		r.Sending = sending
		r.Posts = posted(r.Posts, now, keep)
		r.Failure, r.Refusals, r.Doubted, r.Contested = nil, 0, time.Time{}, false
	})
	if err != nil {
		return result{err: fmt.Errorf("store the cloud's answer, job %q: %w", done.JobID, err), sent: true, answered: true}
	}
	if !merged {
		return result{record: r, sent: true, answered: true}
	}
	crash.At(crash.Submitted)
	g.Metrics.submitted(r)
	g.changed(r, "submitted")
	return result{record: r, sent: true, answered: true}
}

// afterwards is how long an answer in hand may take to be stored when the
// engine is already stopping.
const afterwards = 5 * time.Second

// merge applies a change to the record and stores it; if another writer was
// first, the change is applied to what that one wrote, as long as the same
// attempt is unfinished. It is stored also after a stop has cut the step
// short. False: the attempt is over, the newest version is returned.
func (g *Engine) merge(ctx context.Context, r *ledger.Record, change func(*ledger.Record)) (*ledger.Record, bool, error) {
	ctx, cancel := outlive(ctx, afterwards)
	defer cancel()
	attempt := r.Attempt
	for {
		change(r)
		err := g.Ledger.Update(ctx, r)
		if !errors.Is(err, ledger.ErrChanged) {
			return r, true, err
		}
		mine := r
		if r, err = g.read(ctx, r.Key); err != nil {
			return nil, false, err
		}
		if r.Attempt != attempt || r.Done() {
			if !endedAs(r, mine) {
				g.Log.Error("an answer came for an attempt that is over", "key", r.Key, "attempt", attempt, "state", string(r.Outcome))
			}
			return r, false, nil
		}
	}
}

// endedAs reports whether a record has ended with the very work that an answer
// names: the answer was stored although nobody confirmed it, or the next owner
// has found the image. Otherwise the cloud has begun something that no record
// knows.
func endedAs(r, answered *ledger.Record) bool {
	switch {
	case r.Attempt != answered.Attempt:
		return false
	case r.JobID != "" && answered.JobID != "":
		return r.JobID == answered.JobID
	case r.ImageID != "" && answered.ImageID != "":
		return r.ImageID == answered.ImageID
	}
	return r.Outcome == messages.StateSucceeded
}

// outlive returns a context that ends so long after its parent.
func outlive(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() { time.AfterFunc(d, cancel) })
	return ctx, func() { stop(); cancel() }
}

// posted adds the time of an answer and drops those older than any window.
func posted(posts []time.Time, now time.Time, keep time.Duration) []time.Time {
	var recent []time.Time
	for _, at := range posts {
		if now.Sub(at) < keep {
			recent = append(recent, at)
		}
	}
	return append(recent, now)
}

// cloudTime is a moment by the cloud's clock, ours where that is not known.
func cloudTime(c *ims.Client, at time.Time) time.Time {
	offset, _ := c.CloudTime()
	return at.Add(offset).UTC()
}
