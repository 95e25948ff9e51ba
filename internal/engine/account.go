package engine

import (
	"time"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/ims"
)

// Account is one configured cloud as the engine needs it.
type Account struct {
	Name    string
	Client  *ims.Client
	Profile ims.Profile
	// Limits are by bucket, the time factor already applied; a bucket that is
	// missing has no limit.
	Limits map[string]budget.Limit
	// Slots are how many jobs of a kind may run at once, by the name of the
	// limit; what is missing has none.
	Slots map[string]int
	// TimeFactor is how much faster than ours the cloud's clock runs; 1 for a
	// real one. Waits, horizons, deadlines and bounds toward it are divided by
	// it.
	TimeFactor float64
	// Horizon overrides the operations' own when it is not zero.
	Horizon time.Duration
	// Askers is how many other clouds may look for copies of theirs in this one.
	// A tenth of its budget for questions is theirs.
	Askers int
	// Region and Project, a name, say where the account is; Project is empty
	// where the cloud's entry does not tell it.
	Region, Project string
	// JobOnly is set where a result in a place that is no configured cloud is
	// followed by its job alone.
	JobOnly bool
	// NoSweep has every job asked for by itself.
	NoSweep bool
	// Hold and Resubmit override what an operation does with a submission
	// whose end stays unknown beyond the horizon.
	Hold, Resubmit bool
}

// Scale divides a duration by the account's time factor.
func (a *Account) Scale(d time.Duration) time.Duration {
	if a.TimeFactor <= 0 || a.TimeFactor == 1 {
		return d
	}
	return time.Duration(float64(d) / a.TimeFactor)
}

// Stretch is a duration of ours by the account's faster clock.
func (a *Account) Stretch(d time.Duration) time.Duration {
	if a.TimeFactor <= 0 {
		return d
	}
	return time.Duration(float64(d) * a.TimeFactor)
}

// longestWindow is how long the time of a call may matter to a budget.
func (a *Account) longestWindow() time.Duration {
	longest := time.Minute
	for _, l := range a.Limits {
		longest = max(longest, l.Window)
	}
	return longest
}

// patience bounds questions with their waits for a turn. Limits of a few calls
// in a window make these long.
func (a *Account) patience() time.Duration {
	var turn time.Duration
	for bucket := range a.Limits {
		if l := questions(a, bucket); l.Count > 0 && (onlyAsks(bucket) || mixed(bucket)) {
			turn = max(turn, l.Window*10/time.Duration(9*l.Count))
		}
	}
	return pollTimeout + 2*min(turn, longestTurn)
}

// longestTurn is how long a step waits for a turn at most; it is repeated where
// that is too short.
const longestTurn = 5 * time.Minute

// Clouds knows the configured accounts.
type Clouds interface {
	// Account returns the cloud of that name as it is configured now.
	Account(name string) (*Account, bool)
	// At returns the cloud that is configured for a region and a project's
	// name.
	At(region, project string) (*Account, bool)
}

// account is one cloud's budgets and what waits for them. The loop owns it.
type account struct {
	name    string
	conf    *Account // nil while the cloud is not configured
	windows map[string]*budget.Window
	paced   map[string]*budget.Paced
	abroad  map[string]*budget.Paced       // what is lent by other clouds, by cloud and bucket
	shutBy  map[string]string              // what the cloud said when it closed a bucket, kept at least while that is closed
	kept    map[string]budget.Memory       // what was kept last of windows and paced
	slots   map[string]*budget.Slots       // by operation, nil where it needs none
	holders map[string]map[*entry]struct{} // of slots, by operation
	queues  map[string]*queue              // submissions, by bucket
	napping map[string][]*entry            // those that come into a queue at a later moment, by bucket
	asks    map[string]*lane               // queries that are due, by bucket
	booked  map[string]time.Time           // when the first in a line of asks has its token
	running [poolCount]int                 // steps in hand, by pool
	entries int                            // that belong to it
	known   bool                           // it was configured once
	pause   pause
	past    map[string]holder // images of requests that have ended, see holder

	kinds     map[string]*kind     // by operation
	following int                  // entries that wait for the end of slow work
	unheard   time.Time            // since when a question about them is due and none was answered; zero where none is
	listed    int                  // those of them that the image list tells about
	rows      map[string]ims.Image // that showed images without a job as done, by key, until they are looked at
	images    map[string]*entry    // those of them that have an image and no job
	sweep     sweep
}

func newAccount(name string, conf *Account) *account {
	a := &account{
		name: name, conf: conf, known: conf != nil, kinds: map[string]*kind{}, images: map[string]*entry{}, rows: map[string]ims.Image{},
		windows: map[string]*budget.Window{}, paced: map[string]*budget.Paced{}, abroad: map[string]*budget.Paced{}, shutBy: map[string]string{}, slots: map[string]*budget.Slots{}, holders: map[string]map[*entry]struct{}{}, queues: map[string]*queue{}, napping: map[string][]*entry{}, asks: map[string]*lane{}, booked: map[string]time.Time{},
	}
	a.sweep.entry = &entry{account: a, index: -1, place: -1}
	return a
}

// left notes that an entry is gone, and reports whether the account may be
// forgotten with it: anybody may ask for work on a cloud that nobody knows. One
// that was configured may come back, and its windows count on.
func (a *account) left() bool {
	a.entries--
	return a.idle(time.Now())
}

// idle reports whether nothing of the account is worth keeping: a cloud that is
// not configured yet, as when its entry is to come back after a restart, has
// made calls that count when it is.
func (a *account) idle(now time.Time) bool {
	if a.entries > 0 || a.known {
		return false
	}
	for _, w := range a.windows {
		if w.Used(now) > 0 {
			return false
		}
	}
	return true
}

// configure takes over a new configuration; what is in use stays in use.
func (a *account) configure(conf *Account) {
	a.conf = conf
	if conf == nil {
		return
	}
	a.known = true
	for bucket, w := range a.windows {
		w.Resize(a.limit(bucket))
	}
	for operation, s := range a.slots {
		if s != nil {
			s.Resize(conf.Slots[slotOf(operation)])
		}
	}
	for bucket, p := range a.paced {
		p.Resize(questions(conf, bucket), time.Now())
	}
}

// window returns the sliding window of a creating call's bucket.
func (a *account) window(bucket string) *budget.Window {
	w := a.windows[bucket]
	if w == nil {
		w = budget.NewWindow(a.limit(bucket))
		a.windows[bucket] = w
	}
	return w
}

// peek is window for who only looks.
func (a *account) peek(bucket string) *budget.Window {
	if w := a.windows[bucket]; w != nil {
		return w
	}
	return budget.NewWindow(a.limit(bucket))
}

// query returns the paced bucket of a query.
func (a *account) query(bucket string) *budget.Paced {
	p := a.paced[bucket]
	if p == nil {
		p = budget.NewPaced(questions(a.conf, bucket), time.Now())
		a.paced[bucket] = p
	}
	return p
}

// unconfiguredCalls is how long the calls count that were made to a cloud whose
// limits are not known.
const unconfiguredCalls = time.Hour

// limit is that of the creating calls of a bucket.
func (a *account) limit(bucket string) budget.Limit {
	if a.conf == nil {
		return budget.Limit{Window: unconfiguredCalls}
	}
	l := a.conf.Limits[bucket]
	if l.Count > 0 && mixed(bucket) {
		l.Count = max(1, l.Count/2)
	}
	return l
}

// share is how many places of a pool one account may hold, so that a cloud
// that answers slowly leaves places to its neighbours.
const share = places * 3 / 4

// mayRun reports whether one more step of the account may run in the pool.
func (a *account) mayRun(kind poolKind, now time.Time) bool {
	return a.conf != nil && a.running[kind] < share && a.pause.open(now)
}

// push puts an entry into the queue of its bucket.
func (a *account) push(e *entry) {
	e.queued = e.bucket
	bucket := e.queued.Value()
	q := a.queues[bucket]
	if q == nil {
		q = &queue{}
		a.queues[bucket] = q
	}
	q.add(e)
}

// leave takes an entry out of its queue, if it is in one.
func (a *account) leave(e *entry) {
	if e.place >= 0 {
		a.queues[e.queued.Value()].drop(e)
	}
}

// pop takes out the next entry that may be submitted now, its slot taken, or
// nil.
func (a *account) pop(now time.Time) *entry {
	if !a.mayRun(createPool, now) {
		return nil
	}
	for bucket, q := range a.queues {
		if q.ready() && a.roomFor(q.front(), now) && a.window(bucket).Take(now) {
			e := q.first()
			e.probe = a.pause.probe()
			return e
		}
	}
	return nil
}

// ask puts a query that is due into the line for its bucket.
func (a *account) ask(t task) {
	line := a.asks[t.bucket]
	if line == nil {
		line = &lane{}
		a.asks[t.bucket] = line
	}
	line.push(t)
	a.due(t)
}

// popAsk takes out the next query that may be made now, its token taken.
func (a *account) popAsk(now time.Time) (task, bool) {
	if !a.mayRun(queryPool, now) {
		return task{}, false
	}
	for bucket, line := range a.asks {
		if line.len() > 0 && a.turn(bucket, now) {
			t := line.pop(now)
			t.entry.probe = a.pause.probe()
			return t, true
		}
	}
	return task{}, false
}

// turn takes a token for the first in the line of a bucket. Where there is none
// yet it books the next one: steps that need more calls book theirs as they
// come, and would leave nothing for the line.
func (a *account) turn(bucket string, now time.Time) bool {
	p := a.query(bucket)
	at, booked := a.booked[bucket]
	switch {
	case booked && at.After(now):
		return false
	case booked && p.Closed(now): // since then
		p.Return()
		delete(a.booked, bucket)
		return false
	case booked:
		delete(a.booked, bucket)
		return true
	}
	if at, booked = p.Reserve(now, now.Add(longestTurn)); booked && at.After(now) {
		a.booked[bucket] = at
		return false
	}
	return booked
}

// wakeSubmit is when pop may succeed next; false while nothing waits, or
// while only the end of a step can help.
func (a *account) wakeSubmit(now time.Time) (at time.Time, waiting bool) {
	if !a.mayRun(createPool, later(now, a.pause.until)) {
		return at, false
	}
	for bucket, q := range a.queues {
		if !q.ready() {
			continue
		}
		if free, can := a.slotNext(q.front(), now); can {
			at, waiting = earliest(at, waiting, later(free, later(a.window(bucket).Next(now), a.pause.until))), true
		}
	}
	return at, waiting
}

// wakeAsk is when popAsk may succeed next, as wakeSubmit.
func (a *account) wakeAsk(now time.Time) (at time.Time, waiting bool) {
	if !a.mayRun(queryPool, later(now, a.pause.until)) {
		return at, false
	}
	for bucket, line := range a.asks {
		if line.len() == 0 {
			continue
		}
		next, booked := a.booked[bucket]
		if !booked {
			next = a.query(bucket).Next(now)
		}
		at, waiting = earliest(at, waiting, later(next, a.pause.until)), true
	}
	return at, waiting
}

// earliest is the earlier of two times; the first counts only if it is known.
func earliest(at time.Time, known bool, next time.Time) time.Time {
	if known && at.Before(next) {
		return at
	}
	return next
}
