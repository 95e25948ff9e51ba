package engine

import (
	"context"
	"errors"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/pace"
	"github.com/imsworker/imsworker/messages"
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
	pollStep                 // ask for the job, or for the image
	resolveStep              // end the attempt as a person has found it
	cancelStep               // end the attempt as somebody wishes
	trailStep                // ask whether what was cancelled has ended
	finishStep               // tell the end, write the tombstone
	recheckStep              // look once more for duplicates
	foreseeStep              // work out when what waits will start
	foretellStep             // tell when it is expected to start, or to end
	sweepStep                // look at the image list in place of many jobs
	expandStep               // make the legs of a bulk
	legsStep                 // begin legs of a bulk, and hear of them
)

var stepNames = [...]string{"idle", "announce", "submit", "doubt", "find", "tell", "late", "poll", "resolve", "cancel", "trail", "finish", "recheck", "foresee", "foretell", "sweep", "expand", "legs"}

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
	case pollStep, findStep, resolveStep, recheckStep, trailStep, sweepStep, expandStep:
		return queryPool
	default:
		return ledgerPool
	}
}

// pool bounds how many steps of a kind run at once.
type pool struct {
	free    int
	waiting fifo[task]
	work    chan task // to goroutines that have done a step and wait for another
}

// places in each pool of one shard.
const places = 64

func newPools() (p [poolCount]pool) {
	for kind := range p {
		p[kind].free, p[kind].work = places, make(chan task)
	}
	return p
}

// room reports whether one more step of the kind would start at once.
func (p *pool) room() bool { return p.free > p.waiting.len() }

// task is what a step may read: a copy, since the loop goes on.
type task struct {
	entry     *entry
	step      step
	bucket    string // of the queries that the step makes
	key       string
	operation string
	cloud     string
	conf      *Account // as it is when the step starts
	begun     time.Time
	record    *ledger.Record // nil: to be read by the step
	sequence  uint64         // of the version that made the loop take this step
	jobID     string
	imageID   string
	half      bool // the image of a first call is to be deleted
	polls     int
	silent    int
	late      bool
	forgotten time.Time
	active    time.Time
	percent   float64
	progress  time.Time
	submitted time.Time
	hinted    bool
	row       *ims.Image // of the list, which shows the image as done
	near      bool       // its end is expected now
	latest    time.Time  // it has waited for long enough then, whatever else does
	heard     float64    // share of the work that the cloud told last
	heardAt   time.Time  // since when
	fell      bool       // it had told more before
	shown     instant    // since when its image is done, by the cloud's clock
	plan      pace.Plan
	outlook   *pace.Outlook
	expected  uint32
	estimate  *messages.Estimate // to be told
	since     time.Time          // of a sweep: changes from then on are looked at
	census    bool               // of a sweep: what is being made is looked at too

	batch    *batch         // of a bulk: what is held of it
	news     []*news        // of its legs
	wish     *ledger.Cancel // that it shall end
	deadline time.Time
}

// result is what a step reports to the loop.
type result struct {
	task
	record *ledger.Record // the newest version that the step knows
	effect func(*entry)   // what the loop shall note
	again  time.Time      // not to be looked at before
	err    error          // why the step has to be repeated
	gone   bool           // the ledger has no such record, or not one for us

	took  time.Duration // by the job that ended
	ended time.Time     // when it did, by the cloud's clock

	sent     bool   // a creating call may have reached the cloud
	answered bool   // the cloud accepted the credentials
	refused  bool   // the cloud refused the credentials
	cause    error  // the refusal
	shut     string // the bucket that the cloud throttles
	shutAt   string // whose it is, if not the account\'s
	crowded  bool   // too much of the operation runs
	calm     calm   // how long that lasts
}

// enqueue lets a step run as soon as its pool has a place; a query waits in
// its account's line for a token first.
func (g *Engine) enqueue(e *entry, s step) {
	ran := e.occupies()
	e.busy, e.posts = true, s == submitStep
	e.account.occupy(e, ran)
	t := task{
		entry: e, step: s, key: e.key, operation: e.operation, cloud: e.account.name, record: e.record, sequence: e.sequence,
		jobID: e.jobID, imageID: e.imageID, half: e.wish != nil && e.wish.Half, polls: e.polls, silent: e.silent, late: e.late,
		forgotten: e.forgotten.time(), active: e.active.time(), percent: e.percent, progress: e.progress.time(), submitted: e.submitted.time(),
	}
	e.record = nil
	if s == expandStep {
		t.batch = e.batch
	}
	if s == legsStep {
		t.batch, t.news, t.wish, t.deadline = e.batch, e.batch.news, e.wish, e.deadline.time()
		e.batch.news, e.batch.woken, e.batch.began = nil, false, time.Now()
	}
	if s == pollStep || s == tellStep {
		t.outlook, t.expected = g.kind(e.account, e.operation).expects(), e.expected
	}
	if s.pool() == queryPool {
		t.hinted, t.shown, t.plan = e.hinted, e.shown, g.planOf(e, time.Now())
		t.near, t.heard, t.heardAt, t.fell = e.near || e.hinted, e.heard, e.heardAt.time(), e.fell
		t.bucket, t.latest = e.account.bucketFor(t), e.latest(t, time.Now())
		if row, seen := e.account.rows[e.key]; seen {
			t.row = new(row) // only now: few questions have one
			delete(e.account.rows, e.key)
		}
		e.account.ask(t)
		return
	}
	g.pools[s.pool()].waiting.push(t)
}

// startWaiting starts the steps of a pool that have a place.
func (g *Engine) startWaiting(ctx context.Context, p *pool) {
	for p.free > 0 && p.waiting.len() > 0 {
		t := p.waiting.pop()
		p.free--
		g.running++
		t.conf, t.begun = t.entry.account.conf, time.Now()
		select {
		case p.work <- t:
		default:
			go g.work(ctx, p.work, t)
		}
	}
}

// work does one step after another; a goroutine is kept for its grown stack.
func (g *Engine) work(ctx context.Context, more <-chan task, t task) {
	for ok := true; ok; t, ok = <-more {
		g.results <- g.run(ctx, t)
	}
}

// stepRetry is the wait before a step is repeated that could not do its work;
// the wait for a broker that is away is inside the steps.
const stepRetry = time.Second

// errNewer says that a record is of a later version, which is left alone.
var errNewer = errors.New("record of a newer version")

// run does one step and reports.
func (g *Engine) run(ctx context.Context, t task) result {
	if t.step.pool() == queryPool {
		ctx = asking(ctx)
	}
	res := result{again: t.begun.Add(stepRetry)}
	if t.conf != nil || t.step.pool() == ledgerPool { // else the cloud was removed meanwhile
		res = g.do(g.paced(ctx, t), t)
	}
	res.task = t
	if errors.Is(res.err, ledger.ErrChanged) {
		res.record, res.err = g.read(ctx, t.key)
	}
	if o, is := errors.AsType[*overtaken](res.err); is {
		res.record, res.err = o.by, nil
	}
	res.gone = errors.Is(res.err, ledger.ErrNone) || errors.Is(res.err, errNewer)
	if res.gone || ctx.Err() != nil { // work cut short by our own stop is no failure
		res.err = nil
	}
	if res.err != nil && res.again.IsZero() {
		res.again = time.Now().Add(stepRetry)
	}
	return res
}

// do is the table of what there is to do.
func (g *Engine) do(ctx context.Context, t task) result {
	switch t.step {
	case announceStep:
		return g.announce(ctx, t)
	case submitStep:
		return g.traced(ctx, t)
	case expandStep:
		return g.expand(ctx, t)
	case legsStep:
		return g.legsRound(ctx, t)
	case doubtStep:
		return g.doubt(ctx, t)
	case findStep:
		return g.find(ctx, t)
	case tellStep:
		return g.tell(ctx, t)
	case lateStep:
		return g.late(ctx, t)
	case pollStep:
		return g.poll(ctx, t)
	case resolveStep:
		return g.resolve(ctx, t)
	case cancelStep:
		return g.cancel(ctx, t)
	case trailStep:
		return g.trail(ctx, t)
	case finishStep:
		return g.finish(ctx, t)
	case recheckStep:
		return g.recheck(ctx, t)
	case foreseeStep:
		return g.lookAhead(ctx, t)
	case foretellStep:
		return g.tellAhead(ctx, t)
	case sweepStep:
		return g.lookAround(ctx, t)
	}
	return result{} // idle: nothing is enqueued for it
}

// read reads a record as the ledger has it now.
func (g *Engine) read(ctx context.Context, key string) (*ledger.Record, error) {
	r, err := g.Ledger.Get(ctx, key)
	if err == nil && r.Version > ledger.Version {
		return nil, errNewer
	}
	return r, err
}

// overtaken says that somebody has written the record since the loop decided
// on a step: what the step was to do may be done, or belong to an attempt that
// is over.
type overtaken struct{ by *ledger.Record }

func (*overtaken) Error() string { return "the record was written by somebody else meanwhile" }

// current is the record that a step works on: the one at hand, else the
// ledger's, if that is still the version that the step was decided on.
func (g *Engine) current(ctx context.Context, t task) (*ledger.Record, error) {
	if t.record != nil {
		return t.record.Clone(), nil
	}
	r, err := g.read(ctx, t.key)
	if err == nil && r.Sequence > t.sequence {
		return nil, &overtaken{by: r}
	}
	return r, err
}
