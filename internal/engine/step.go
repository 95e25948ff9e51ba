package engine

import (
	"context"
	"errors"
	"time"

	"github.com/imsworker/imsworker/internal/ledger"
)

// step is one piece of work beside the loop. Every step may run twice.
type step int

const (
	idleStep     step = iota // nothing to do yet
	announceStep             // tell that the record is accepted
	submitStep               // claim, call the cloud, store its answer
	doubtStep                // a claim without an answer becomes uncertain
	findStep                 // look for what an uncertain submission made
	tellStep                 // tell that the record is submitted
	lateStep                 // tell that the deadline has passed
	pollStep                 // ask for the job, or for the adopted image
	resolveStep              // end the attempt as a person has found it
	finishStep               // tell the end, write the tombstone
)

var stepNames = [...]string{"idle", "announce", "submit", "doubt", "find", "tell", "late", "poll", "resolve", "finish"}

func (s step) String() string { return stepNames[s] }

// poolKind names a number of places for steps of a kind, so that slow calls
// of one kind never hold up the others.
type poolKind int

const (
	ledgerPool poolKind = iota // steps that talk to the broker only
	createPool                 // steps that may create something
	queryPool                  // steps that ask the cloud
	poolCount
)

func (s step) pool() poolKind {
	switch s {
	case submitStep:
		return createPool
	case pollStep, findStep, resolveStep:
		return queryPool
	default:
		return ledgerPool
	}
}

// pool bounds how many steps of a kind run at once.
type pool struct {
	free    int
	waiting []task
}

// places in each pool of one shard.
const places = 64

func newPools() (p [poolCount]pool) {
	for kind := range p {
		p[kind].free = places
	}
	return p
}

// room reports whether one more step of the kind would start at once.
func (p *pool) room() bool { return p.free > len(p.waiting) }

// task is what a step may read: a copy, since the loop goes on.
type task struct {
	entry     *entry
	step      step
	key       string
	operation string
	cloud     string
	conf      *Account
	record    *ledger.Record // nil: to be read by the step
	jobID     string
	imageID   string
	polls     int
	percent   float64
	progress  time.Time
	submitted time.Time
}

// result is what a step reports to the loop.
type result struct {
	entry  *entry
	step   step
	record *ledger.Record // the newest version that the step knows
	effect func(*entry)   // what the loop shall note
	again  time.Time      // not to be looked at before
	err    error          // why the step has to be repeated

	sent     bool      // a creating call may have reached the cloud
	answered bool      // the cloud accepted the credentials
	refused  bool      // the cloud refused the credentials
	cause    error     // the refusal
	closed   time.Time // the cloud throttles; its bucket opens then
}

// enqueue lets a step run as soon as its pool has a place; a query waits in
// its account's line for a token first.
func (g *Engine) enqueue(e *entry, s step) {
	e.busy = true
	t := task{
		entry: e, step: s, key: e.key, operation: e.operation, cloud: e.account.name, conf: e.account.conf, record: e.record,
		jobID: e.jobID, imageID: e.imageID, polls: e.polls, percent: e.percent, progress: e.progress, submitted: e.submitted,
	}
	e.record = nil
	switch {
	case s.pool() != queryPool:
		p := &g.pools[s.pool()]
		p.waiting = append(p.waiting, t)
	case s == pollStep && e.jobID != "":
		e.account.ask(e.account.queryBucket(), t)
	default:
		e.account.ask(listBucket, t)
	}
}

// startWaiting starts the steps of a pool that have a place.
func (g *Engine) startWaiting(ctx context.Context, p *pool) {
	for p.free > 0 && len(p.waiting) > 0 {
		t := p.waiting[0]
		p.waiting[0] = task{}
		p.waiting = p.waiting[1:]
		p.free--
		g.running++
		go func() { g.results <- g.run(ctx, t) }()
	}
}

// stepRetry is the wait before a step is repeated that could not do its work;
// the wait for a broker that is away is inside the steps.
const stepRetry = time.Second

// run does one step and reports.
func (g *Engine) run(ctx context.Context, t task) result {
	res := g.steps(t.step)(ctx, t)
	res.entry, res.step = t.entry, t.step
	if res.err != nil && ctx.Err() != nil {
		res.err = nil // cut short by our own stop: no failure
	}
	if errors.Is(res.err, ledger.ErrChanged) {
		res.record, res.err = g.reread(ctx, t.key)
	}
	if res.err != nil && res.again.IsZero() {
		res.again = time.Now().Add(stepRetry)
	}
	return res
}

// steps is the table of what there is to do.
func (g *Engine) steps(s step) func(context.Context, task) result {
	return [...]func(context.Context, task) result{
		announceStep: g.announce, submitStep: g.submit, doubtStep: g.doubt, findStep: g.find,
		tellStep: g.tell, lateStep: g.late, pollStep: g.poll, resolveStep: g.resolve, finishStep: g.finish,
	}[s]
}

// reread reads the version that another writer has put in the way.
func (g *Engine) reread(ctx context.Context, key string) (*ledger.Record, error) {
	return g.Ledger.Get(ctx, key)
}

// current is the record that a step works on: the one at hand, else the
// ledger's.
func (g *Engine) current(ctx context.Context, t task) (*ledger.Record, error) {
	if t.record != nil {
		return t.record.Clone(), nil
	}
	return g.Ledger.Get(ctx, t.key)
}
