// Package engine works one owned shard: it announces records, submits them
// within the account's limits, follows the cloud's jobs and finishes them
// with one final event. Everything that waits, waits in a record's timer or
// in its account's queue, never in a sleeping goroutine.
//
// One goroutine, the loop, owns all that is held in memory and decides; steps
// (a ledger write, a call of the cloud, an event) run beside it and report
// back. All the loop knows can be rebuilt from the ledger, so a step may be
// cut off anywhere and a second owner may have done it already.
//
// What a call means to the cloud is left to the operations, which replica
// owns the shard to the lease.
package engine

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/pace"
	"github.com/imsworker/imsworker/internal/trace"
	"github.com/imsworker/imsworker/messages"
)

// Ledger is where the shard's records are kept; *ledger.Shard is one.
type Ledger interface {
	Update(ctx context.Context, r *ledger.Record) error
	Bury(ctx context.Context, r *ledger.Record, ttl time.Duration) error
	Get(ctx context.Context, key string) (*ledger.Record, error)
	Follow(ctx context.Context, each func(*ledger.Record), caughtUp func(), bad func(subject string, err error)) error
	// Page and PutPage keep the pages of bulks, see ledger.Shard.
	Page(ctx context.Context, key string, page int) (data []byte, sequence uint64, err error)
	PutPage(ctx context.Context, key string, page int, data []byte, over uint64, ttl time.Duration) (uint64, error)
}

// Telling is what became of an event that was to be told once.
type Telling int

// What Tell can find.
const (
	// Told: the event is stored by this call.
	Told Telling = iota
	// ToldBefore: it stands there already under the same token.
	ToldBefore
	// Foreign: an event of that attempt stands there under another token.
	Foreign
)

// Events is where events are told.
type Events interface {
	// Tell stores an event once. For accepted events, and for all whose alone
	// is true, the condition is that no event of the attempt exists; for other
	// final events that no final one does; for the rest that this one does not.
	// It blocks until the broker has answered or ctx ends.
	Tell(ctx context.Context, m messages.EventMeta, e messages.Event, token string, alone bool) (Telling, error)
	// Replace stores the newest of an event that may repeat.
	Replace(ctx context.Context, m messages.EventMeta, e messages.Event, token string) error
	// Accepted reads the accepted event of an attempt, of whatever operation;
	// false: there is none.
	Accepted(ctx context.Context, cloud, key string, attempt int) (messages.Event, bool, error)
	// Final reads the final event of an attempt, of whatever operation; false:
	// there is none.
	Final(ctx context.Context, cloud, key string, attempt int) (messages.Event, bool, error)
	// Legs reads a page of the legs of a bulk's attempt; false: there is none.
	Legs(ctx context.Context, cloud, operation, key string, attempt, page int) (messages.Event, bool, error)
}

// Durations keeps what is learned about how long jobs take, beyond one owner of
// an account. Neither call blocks.
type Durations interface {
	// Recall returns what was kept last; false where nothing is known.
	Recall(cloud, operation string) (*pace.Model, bool)
	// Keep keeps a copy of what is known now.
	Keep(cloud, operation string, m *pace.Model)
}

// Lease says whether the shard may still be decided about.
type Lease interface {
	// Valid reports whether the lease has not run out by any clock.
	Valid() bool
}

// Options are what an engine works with.
type Options struct {
	Shard  int
	Ledger Ledger
	Events Events
	Lease  Lease
	Clouds Clouds
	// Reused stores a dead letter for a record whose identity belonged to
	// another request before.
	Reused func(ctx context.Context, r *ledger.Record) error
	// Request publishes a request that follows one of the shard's. It may be
	// asked to publish the same one again.
	Request func(ctx context.Context, r messages.Request) error
	// Control publishes a control message for a cloud. It may be asked to
	// publish the same one again.
	Control func(ctx context.Context, cloud, verb string, data []byte) error
	// Held says why nothing new of an operation is to be submitted to a cloud,
	// empty where it may be; nil where it always may. Hold tells of a change.
	Held func(cloud, operation string) messages.WaitReason
	// Taken reports whether another cloud is the same account and works it; Held
	// says so too from then on, and Hold follows. It is asked before each
	// creating call and may ask the cloud: an error is the cloud's, without whose
	// answer the call could not be made either. It is nil where nobody asks.
	Taken func(ctx context.Context, a *Account) (bool, error)
	// SubmitTimeout bounds a call that creates something, counted from before
	// its claim is written.
	SubmitTimeout time.Duration
	// TombstoneTTL is how long a finished request is recognised by the ledger
	// alone; afterwards its events are asked.
	TombstoneTTL time.Duration
	// Bound is how late the end of a job may be noticed, in the cloud's time.
	Bound pace.Bound
	// Durations is nil where what is learned is not kept.
	Durations Durations
	// Allowances is nil where what is learned is not kept.
	Allowances Allowances
	// Drain is how long running steps may go on after Run's context ended;
	// those that only ask the cloud end much sooner.
	Drain   time.Duration
	Metrics *Metrics
	// Trace is nil where no traces are made.
	Trace *trace.Tracer
	Log   *slog.Logger
}

// Engine works one shard. Make it with New, then call Run once.
type Engine struct {
	Options

	// The loop owns everything below but the channels.
	entries  map[string]*entry
	accounts map[string]*account
	timers   timers
	pools    [poolCount]pool
	loaded   bool
	running  int
	patrolAt time.Time
	queued   []*entry // since the last pump
	stopping bool
	repeats  repeats

	foresight foresight
	lines     lineups      // read and written by all but the loop
	weight    atomic.Int64 // len(entries), for others to read
	began     time.Time    // when this owner began

	news    chan *ledger.Record
	results chan result
	reload  chan struct{}
	holds   chan struct{}
	heard   chan *news
	asked   chan func()   // run by the loop
	over    chan struct{} // closed when the loop has ended
	ready   chan struct{} // closed when the shard is loaded
}

// newsBuffer is how many versions may wait for the loop.
const newsBuffer = 1024

// New returns an engine that is not running yet.
func New(o Options) *Engine {
	o.Ledger = wishful{o.Ledger}
	return &Engine{
		Options:   o,
		began:     time.Now(),
		entries:   map[string]*entry{},
		accounts:  map[string]*account{},
		pools:     newPools(),
		repeats:   repeats{},
		foresight: newForesight(),
		news:      make(chan *ledger.Record, newsBuffer),
		results:   make(chan result, places),
		reload:    make(chan struct{}, 1),
		holds:     make(chan struct{}, 1),
		heard:     make(chan *news),
		asked:     make(chan func()),
		over:      make(chan struct{}),
		ready:     make(chan struct{}),
	}
}

// Ready is closed when the shard's records are loaded.
func (g *Engine) Ready() <-chan struct{} { return g.ready }

// Weight is how many records the engine holds, those of a moment ago: what its
// shard means for the replica that works it. It never blocks.
func (g *Engine) Weight() int { return int(g.weight.Load()) }

// Reload makes the engine read its clouds again. It never blocks.
func (g *Engine) Reload() {
	select {
	case g.reload <- struct{}{}:
	default:
	}
}

// Turn waits until the loop takes something up, and returns nil then, or when
// Run has ended. A loop that does not turn until ctx ends, which is the error,
// decides nothing any more.
func (g *Engine) Turn(ctx context.Context) error {
	select {
	case g.asked <- func() {}:
		return nil
	case <-g.over:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Run works the shard until ctx ends, then lets running steps end within
// Drain. It returns nil on a stop that was asked for.
func (g *Engine) Run(ctx context.Context) error {
	steps, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(context.Canceled)
	steps, hush := withAsking(steps)
	defer hush()
	defer close(g.over)
	loaded := make(chan struct{})
	followed := make(chan error, 1)
	go func() { followed <- g.follow(ctx, loaded) }()

	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(g.untilDue())
		select {
		case <-ctx.Done():
			g.drain(ctx, hush, cancel)
			return <-followed
		case err := <-followed:
			g.drain(ctx, hush, cancel)
			return err
		case r := <-g.news:
			g.learn(r)
		case <-loaded:
			loaded = nil
			g.begin()
		case res := <-g.results:
			g.conclude(res)
		case <-g.reload:
			g.refresh()
		case <-g.holds:
			g.rehold()
		case n := <-g.heard:
			g.hear(n)
		case look := <-g.asked:
			look()
			continue
		case <-timer.C:
		}
		g.catchUp()
		g.pump(steps)
		g.weight.Store(int64(len(g.entries)))
	}
}

// follow hands the ledger's news to the loop until ctx ends.
func (g *Engine) follow(ctx context.Context, loaded chan<- struct{}) error {
	err := g.Ledger.Follow(ctx, func(r *ledger.Record) {
		select {
		case g.news <- r:
		case <-ctx.Done():
		}
	}, func() { close(loaded) }, func(subject string, err error) {
		g.Log.Error("a message of the ledger is no record; it is left alone", "subject", subject, "error", err)
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// together is how many news and results are taken over at once: what is due is
// looked for after them, and once for all.
const together = 64

// catchUp takes over what else is there, without waiting for more.
func (g *Engine) catchUp() {
	for range together {
		select {
		case r := <-g.news:
			g.learn(r)
		case res := <-g.results:
			g.conclude(res)
		default:
			return
		}
	}
}

// untilDue is how long the loop may sleep.
func (g *Engine) untilDue() time.Duration {
	if at, ok := g.nextDue(); ok {
		return max(0, time.Until(at))
	}
	return time.Hour
}

// nextDue is the earliest timer of a record, or of an account's lines as far
// as there is a place to run what waits in them.
func (g *Engine) nextDue() (time.Time, bool) {
	now := time.Now()
	at, waiting := g.timers.first()
	if look, some := g.wakeForesee(); some {
		at, waiting = earliest(at, waiting, look), true
	}
	for _, a := range g.accounts {
		if wake, some := a.wakeSubmit(now); some && g.pools[createPool].room() {
			at, waiting = earliest(at, waiting, wake), true
		}
		if wake, some := a.wakeAsk(now); some && g.pools[queryPool].room() {
			at, waiting = earliest(at, waiting, wake), true
		}
	}
	return at, waiting
}
