package engine

import (
	"cmp"
	"container/heap"
	"slices"
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
	// TimeFactor is how much faster than ours the cloud's clock runs; 1 for a
	// real one. Waits, horizons, deadlines and bounds toward it are divided by
	// it.
	TimeFactor float64
	// Horizon overrides the operations' own when it is not zero.
	Horizon time.Duration
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

// Clouds knows the configured accounts.
type Clouds interface {
	// Account returns the cloud of that name as it is configured now.
	Account(name string) (*Account, bool)
}

// pauses of an account whose credentials are refused.
const (
	firstPause = 15 * time.Second
	mostPause  = 5 * time.Minute
)

// account is one cloud's budgets and the queue of what waits for them. The
// loop owns it.
type account struct {
	name    string
	conf    *Account // nil while the cloud is not configured
	windows map[string]*budget.Window
	paced   map[string]*budget.Paced
	queues  map[string]*queue // submissions, by bucket
	asks    map[string][]task // queries that are due, by bucket, oldest first
	paused  time.Time         // credentials are refused; one call probes after it
	pauses  int               // how often in a row
	probing bool              // one submission runs to see whether they are good again
}

func newAccount(name string, conf *Account) *account {
	return &account{
		name: name, conf: conf,
		windows: map[string]*budget.Window{}, paced: map[string]*budget.Paced{}, queues: map[string]*queue{}, asks: map[string][]task{},
	}
}

// configure takes over a new configuration; what is in use stays in use.
func (a *account) configure(conf *Account) {
	a.conf = conf
	if conf == nil {
		return
	}
	a.paused, a.pauses = time.Time{}, 0
	for bucket, w := range a.windows {
		w.Resize(conf.Limits[bucket])
	}
	clear(a.paced)
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

// query returns the paced bucket of a query.
func (a *account) query(bucket string) *budget.Paced {
	p := a.paced[bucket]
	if p == nil {
		p = budget.NewPaced(a.limit(bucket), time.Now())
		a.paced[bucket] = p
	}
	return p
}

func (a *account) limit(bucket string) budget.Limit {
	if a.conf == nil {
		return budget.Limit{}
	}
	return a.conf.Limits[bucket]
}

// pause stops everything toward the cloud for a while that grows while its
// credentials stay refused.
func (a *account) pause(now time.Time) time.Duration {
	a.pauses++
	wait := min(firstPause<<min(a.pauses-1, 10), mostPause)
	a.paused = now.Add(wait)
	a.probing = false
	return wait
}

// accepted says that the credentials are good.
func (a *account) accepted() {
	a.paused, a.pauses, a.probing = time.Time{}, 0, false
}

// open reports whether a submission may start: not paused, or the one that
// probes.
func (a *account) open(now time.Time) bool {
	return a.conf != nil && !now.Before(a.paused) && (a.pauses == 0 || !a.probing)
}

// push puts an entry into the queue of its bucket.
func (a *account) push(bucket string, e *entry) {
	q := a.queues[bucket]
	if q == nil {
		q = &queue{}
		a.queues[bucket] = q
	}
	e.inQ = true
	heap.Push(q, e)
}

// pop takes out the next entry that may be submitted now, its slot taken, or
// nil.
func (a *account) pop(now time.Time) (*entry, string) {
	if !a.open(now) {
		return nil, ""
	}
	for _, bucket := range a.buckets() {
		if q := a.queues[bucket]; q.Len() > 0 && a.window(bucket).Take(now) {
			e := heap.Pop(q).(*entry)
			e.inQ = false
			a.probing = a.pauses > 0
			return e, bucket
		}
	}
	return nil, ""
}

// ask puts a query that is due into the line for its bucket.
func (a *account) ask(bucket string, t task) { a.asks[bucket] = append(a.asks[bucket], t) }

// popAsk takes out the next query that may be made now, its token taken.
func (a *account) popAsk(now time.Time) (task, bool) {
	if now.Before(a.paused) {
		return task{}, false
	}
	for bucket, line := range a.asks {
		if len(line) > 0 && a.query(bucket).Take(now) {
			t := line[0]
			line[0] = task{}
			a.asks[bucket] = line[1:]
			return t, true
		}
	}
	return task{}, false
}

// wakeSubmit is when pop may succeed next; false while nothing waits.
func (a *account) wakeSubmit(now time.Time) (at time.Time, waiting bool) {
	for bucket, q := range a.queues {
		if q.Len() > 0 && a.conf != nil && !a.probing {
			at, waiting = earliest(at, waiting, later(a.window(bucket).Next(now), a.paused)), true
		}
	}
	return at, waiting
}

// wakeAsk is when popAsk may succeed next; false while nothing waits.
func (a *account) wakeAsk(now time.Time) (at time.Time, waiting bool) {
	for bucket, line := range a.asks {
		if len(line) > 0 {
			at, waiting = earliest(at, waiting, later(a.query(bucket).Next(now), a.paused)), true
		}
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

// buckets returns the names of the queues in a fixed order.
func (a *account) buckets() []string {
	names := make([]string, 0, len(a.queues))
	for name := range a.queues {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// queue orders entries by priority, then age.
type queue []*entry

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[i].rank, q[j].rank), q[i].accepted.Compare(q[j].accepted), cmp.Compare(q[i].key, q[j].key)) < 0
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push is for container/heap only.
func (q *queue) Push(x any) { *q = append(*q, x.(*entry)) }

// Pop is for container/heap only.
func (q *queue) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return e
}
