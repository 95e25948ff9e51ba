package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

const (
	// pollTimeout bounds one status query with its repetitions, without the waits
	// for its turn.
	pollTimeout = 30 * time.Second
	// Progress is told when the percentage has moved that far, and no more
	// often than that.
	progressStep  = 5.0
	progressPause = 5 * time.Second
)

// poll asks for the job once. Nothing is written unless it has ended.
func (g *Engine) poll(ctx context.Context, t task) result {
	if t.half {
		return g.discardHalf(ctx, t)
	}
	if t.jobID == "" {
		return g.pollJobless(ctx, t)
	}
	ask, cancel := context.WithTimeout(ctx, t.conf.patience())
	defer cancel()
	job, err := t.conf.Client.Job(ask, t.jobID)
	if unknown(err) {
		return g.forgotten(ctx, t, err)
	}
	if err != nil {
		return g.unanswered(t, nil, fmt.Errorf("ask for job %s: %w", t.jobID, err))
	}
	if job.Status.Final() {
		crash.At(crash.Polled)
	}
	switch job.Status {
	case ims.JobFail:
		return g.jobFailed(ctx, t, job)
	case ims.JobSuccess:
		return g.jobSucceeded(ctx, t, job)
	}
	return g.stillRunning(ctx, t, job)
}

// unanswered is the result of a question that got no answer: it is asked
// again. A cloud that no longer knows a job says nothing about its image.
func (g *Engine) unanswered(t task, r *ledger.Record, err error) result {
	now := time.Now()
	res := result{record: r, cause: err, again: now.Add(t.wait(now))}
	switch ims.VerdictOf(err) {
	case ims.Account:
		res.refused = true
	case ims.Throttled:
		res.shutAt, res.shut = bucketIn(err)
		res.shut, res.calm = cmp.Or(res.shut, listBucket), calmFor(t.conf, err)
		g.Metrics.throttled(cmp.Or(res.shutAt, t.cloud), res.shut)
	default:
		if putOff(err) || errors.Is(err, context.Canceled) { // the latter: we stop
			break
		}
		if often(t.silent + 1) {
			g.Log.Warn("the cloud gave no answer to a question; it is asked again", "key", t.key, "cloud", t.cloud, "operation", t.operation, "job", t.jobID, "times", t.silent+1, "error", err)
		}
		res.effect = func(e *entry) { e.silent++ }
	}
	return res
}

// often thins out what is said again and again: the first time, the tenth, the
// hundredth.
func often(n int) bool {
	for n >= 10 && n%10 == 0 {
		n /= 10
	}
	return n == 1
}

// stillRunning tells noticeable progress and waits on.
func (g *Engine) stillRunning(ctx context.Context, t task, job ims.Job) result {
	now := time.Now()
	wait, near := t.told(now, job)
	heard := t.hears(job, now)
	res := result{answered: true, again: now.Add(wait), effect: hear(heard, near)}
	if g.stuck(ctx, t, &res) {
		return res
	}
	percent, estimate := percentOf(job), expectEnd(t.submitted, now, t.conf, t.outlook, heard)
	if now.Sub(t.progress) < progressPause || !t.moved(percent, estimate.End, now) {
		res.effect = also(res.effect, func(e *entry) { e.polls++ })
		return res
	}
	if err := g.tellProgress(ctx, t, job, estimate, now); err != nil {
		g.Log.Warn("progress is not told", "key", t.key, "error", err)
	}
	res.effect = also(res.effect, func(e *entry) {
		e.polls, e.progress, e.expected = e.polls+1, instantOf(now), expectation(estimate, ledger.Submitted)
		if percent != nil {
			e.percent = *percent
		}
	})
	return res
}

// moved reports whether the cloud's percentage or the expected end differs from
// what was told last by as much as is worth an event.
func (t task) moved(percent *float64, end *time.Time, now time.Time) bool {
	if percent != nil && math.Abs(*percent-t.percent) >= progressStep {
		return true
	}
	return end != nil && noticeable(t.conf, t.expected, *end, now)
}

func (g *Engine) tellProgress(ctx context.Context, t task, job ims.Job, estimate messages.Estimate, now time.Time) error {
	r, err := g.current(ctx, t)
	if err != nil {
		return err
	}
	ev := event(r, messages.StateProgress)
	ev.Job, ev.Estimate = jobData(job, t.polls+1), estimate
	return g.Events.Replace(ctx, meta(r, messages.StateProgress, now.UTC()), ev, r.Token)
}

// jobData is what events say of a job.
func jobData(job ims.Job, polls int) *messages.Job {
	return &messages.Job{ID: job.ID, Type: job.Type, Status: string(job.Status), Percent: percentOf(job), Task: job.Task, Polls: polls}
}

// percentOf is the cloud's share of work done, in percent; nil where it tells
// none.
func percentOf(job ims.Job) *float64 {
	if job.Percent == nil {
		return nil
	}
	percent := *job.Percent * 100
	return &percent
}

// jobFailed ends a record with the cloud's words.
func (g *Engine) jobFailed(ctx context.Context, t task, job ims.Job) result {
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: err}
	}
	noteJob(r, t, job)
	return g.end(ctx, r, messages.StateFailed, &messages.Failure{
		Reason: messages.ReasonJobFailed, Code: job.ErrorCode, Message: job.FailReason,
		Remedy: jobRemedy(job.ErrorCode),
	})
}

// jobRemedy is what a person can do about a job that failed: it is over, so
// nothing that the worker would do about a refusal applies.
func jobRemedy(code string) string {
	const retry = "then go on with " + ownRetry + ", or " + sendAgain
	if e := (&ims.Error{Code: code}); code != "" && e.Verdict() == ims.Refused {
		return strings.TrimRight(e.Remedy(), ".") + "; " + retry
	}
	return "the job is over and is not repeated by itself: look at its words and at the source in the cloud's console, " + retry
}

// jobSucceeded ends a record with the job's images, all from the very answer
// that said SUCCESS.
func (g *Engine) jobSucceeded(ctx context.Context, t task, job ims.Job) result {
	r, err := g.current(ctx, t)
	if err != nil {
		return result{err: err}
	}
	work, err := open(r)
	if err != nil {
		return g.end(ctx, r, messages.StateFailed, unreadable(err))
	}
	outcome := work.Read(job)
	if outcome.Unnamed {
		return g.nameless(ctx, t, r, work, job)
	}
	noteJob(r, t, job)
	r.Images, r.Result = g.placed(t.conf, work, outcome.Images), &outcome.Result
	if outcome.Failed != "" {
		return g.end(ctx, r, messages.StateFailed, partly(outcome.Failed))
	}
	delay := remoteDelay(t.conf, job.End)
	res := g.succeed(ctx, t, r)
	if !job.Begin.IsZero() {
		res.took, res.ended = job.End.Sub(job.Begin), job.End
	}
	if res.err == nil && r.Done() {
		g.Metrics.detected(r, delay)
	}
	return g.finishOnward(ctx, res)
}

// partly is the failure of a job that did not do all that it was asked for.
func partly(what string) *messages.Failure {
	return &messages.Failure{
		Reason: messages.ReasonJobFailed, Message: what,
		Remedy: "look at `images` and `result` of this event for what is there, then go on with " + ownRetry + ", or " + sendRest,
	}
}

// succeed ends a record whose images are there, the marker taken off where
// the request asks for that. Until it ends, what was noted in the record is
// stored nowhere: a repetition begins with the stored one.
func (g *Engine) succeed(ctx context.Context, t task, r *ledger.Record) result {
	if r.Cancel != nil {
		return g.succeedCancelled(ctx, t, r)
	}
	if r.EverUncertain {
		twins, err := g.twins(ctx, t.conf, r)
		if err != nil && !errors.Is(err, errUnclear) { // then they are looked for later
			return g.unanswered(t, nil, fmt.Errorf("look for duplicates: %w", err))
		}
		r.Duplicates, r.LookAgain = twins, time.Now().Add(t.conf.Scale(recheckAfter)).UTC()
	}
	if err := afterwardsWarning(r, "the tags could not be put on", g.mark(ctx, t, r)); err != nil {
		return g.unanswered(t, nil, err)
	}
	if r.Unmark {
		if err := afterwardsWarning(r, "the marker could not be taken off", g.unmark(ctx, t.conf, r)); err != nil {
			return g.unanswered(t, nil, err)
		}
	}
	return g.end(ctx, r, messages.StateSucceeded, nil)
}

// unmark takes the marker off the images, as the request asks for.
func (g *Engine) unmark(ctx context.Context, conf *Account, r *ledger.Record) error {
	work, err := open(r)
	if err != nil {
		return err
	}
	at, known := g.place(conf, work)
	if !known {
		return nil
	}
	for _, image := range r.Images {
		if err := work.Unmark(ctx, at.Client, image.ID); err != nil {
			return fmt.Errorf("take the marker off image %s: %w", image.ID, err)
		}
	}
	return nil
}

// settled is how long after a job's end all that it did is surely shown.
const settled = 30 * time.Second

// nameless looks by its marker for the image of a job that succeeded without
// naming one.
func (g *Engine) nameless(ctx context.Context, t task, r *ledger.Record, work handlers.Work, job ims.Job) result {
	found, err := g.seek(ctx, t.conf, work, r)
	if errors.Is(err, handlers.ErrNotFound) && len(found.Result.Members) > 0 && remoteDelay(t.conf, job.End) > t.conf.Scale(settled) {
		noteJob(r, t, job)
		r.Result = &found.Result
		return g.end(ctx, r, messages.StateFailed, partly("the job succeeded, but not all is there that it was asked for"))
	}
	if err != nil {
		return g.unanswered(t, r, fmt.Errorf("look for the image of job %s, which ended without naming it: %w", job.ID, err))
	}
	noteJob(r, t, job)
	if found.Done {
		return g.done(ctx, t, r, found)
	}
	r.Images = g.imagesOf(t.conf, work, found)
	return g.succeed(ctx, t, r)
}

// noteJob keeps the ended job in the record.
func noteJob(r *ledger.Record, t task, job ims.Job) {
	r.Job, r.Begin, r.End = jobData(job, t.polls+1), job.Begin, job.End
}

// remoteDelay is how long ago a job ended, by the cloud's clock, in our time.
func remoteDelay(conf *Account, end time.Time) time.Duration {
	if end.IsZero() {
		return 0
	}
	return max(0, conf.Scale(cloudTime(conf.Client, time.Now()).Sub(end)))
}
