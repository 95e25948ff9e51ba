package budget

import (
	"math"
	"time"
)

const (
	share = 0.9  // of the limit that queries use: others use the account too
	burst = 0.05 // of the limit that may go out at once
	// What a refusal leaves of the rate, the least that is left, and the step by
	// which it grows again, as parts of the configured rate.
	halved, leastPart, partStep = 0.5, 0.05, 0.05
	// leastLapse is how late anybody may be: timers are.
	leastLapse = 100 * time.Millisecond
)

// Paced is the bucket of a kind of query: tokens come at nine tenths of the
// limit's rate, and at most a twentieth of the limit is saved up. It starts
// empty, so that a new owner breaks no limit whatever the last one did. The
// zero Paced has no limit.
type Paced struct {
	limit    Limit
	tokens   float64
	at       time.Time // when tokens was right
	lost     float64   // part of the rate that the cloud was found not to take
	patience patience
	closure  closure
	count    tally
}

// NewPaced returns a bucket that is empty now. A limit with no count is no
// limit.
func NewPaced(l Limit, now time.Time) *Paced { return &Paced{limit: l, at: now} }

// Limit returns what the bucket was made with, or resized to.
func (p *Paced) Limit() Limit { return p.limit }

// Allowed is how many queries the cloud is taken to allow in a window now: the
// limit, or less where it was found to take less; 0 where there is no limit.
func (p *Paced) Allowed() int {
	if p.limit.Count <= 0 {
		return 0
	}
	return max(1, int(float64(p.limit.Count)*(1-p.lost)))
}

// Rate is how many tokens come in a second, in the long run; 0 where there is no
// limit.
func (p *Paced) Rate() float64 {
	if p.limit.Count <= 0 {
		return 0
	}
	return p.rate()
}

// Used is about how many tokens were used in the window before now; those that
// are reserved for later are not.
func (p *Paced) Used(now time.Time) int {
	p.fill(now)
	reserved := int(math.Ceil(max(0, -p.tokens)))
	return max(0, p.count.last(now, p.limit.Window)-reserved)
}

// Resize changes the limit. What was learned under another one is forgotten;
// nothing is saved up.
func (p *Paced) Resize(l Limit, now time.Time) {
	if l == p.limit {
		return
	}
	p.limit, p.tokens, p.at = l, min(p.tokens, 0), later(now, p.at)
	p.lost, p.patience = 0, patience{}
}

// Take takes a token and reports whether there was one.
func (p *Paced) Take(now time.Time) bool {
	if now.Before(p.closure.until) {
		return false
	}
	if p.fill(now); p.limit.Count > 0 && p.tokens < 1 {
		return false
	}
	p.spend(now)
	return true
}

func (p *Paced) spend(now time.Time) {
	if p.limit.Count > 0 {
		p.tokens--
	}
	p.count.add(now, p.limit.Window)
}

// Next returns the earliest time at which Take can succeed.
func (p *Paced) Next(now time.Time) time.Time {
	next := now
	if p.fill(now); p.limit.Count > 0 && p.tokens < 1 {
		next = later(now, p.at).Add(1 + time.Duration((1-p.tokens)/p.rate()*float64(time.Second))) // rounded up: at next there is a token
	}
	return later(next, p.closure.open(now))
}

// Reserve takes a token that may be there only later, and returns when. False:
// that is after latest, or cannot be told while the bucket is closed; nothing
// was taken, and the time is when to ask again.
func (p *Paced) Reserve(now, latest time.Time) (time.Time, bool) {
	at := p.Next(now)
	if at.After(latest) || p.Closed(now) {
		return at, false
	}
	p.spend(now)
	return at, true
}

// Spend drops what is saved up: the next token is there when a whole one has
// come after now.
func (p *Paced) Spend(now time.Time) {
	p.fill(now)
	p.tokens = min(p.tokens, 0)
}

// Return gives a reserved token back that was not used.
func (p *Paced) Return() {
	if p.limit.Count > 0 {
		p.tokens++
	}
}

// Lapsed reports whether the moment of a reserved token is so long over that it
// may not be used any more: the tokens of a longer time would go out together,
// and what goes out at once, with what comes meanwhile, would not fit the limit.
func (p *Paced) Lapsed(at, now time.Time) bool {
	return p.limit.Count > 0 && now.Sub(at) > max(leastLapse, time.Duration(burst*float64(p.limit.Window)))
}

// Closed reports whether the bucket is closed after a refusal.
func (p *Paced) Closed(now time.Time) bool { return p.closure.until.After(now) }

// Throttled says that a query was refused for coming too fast. The bucket is
// closed for the wait that belongs to the number of times in a row, and goes on
// at half the rate; a step up that was tried is taken back. What was on its way
// when the bucket was closed is one refusal, however much it is.
func (p *Paced) Throttled(now time.Time, wait func(times int) time.Duration) {
	if p.Closed(now) {
		p.closure.extend(now, wait)
	} else {
		p.fill(now)
		p.closure.shut(now, wait)
		p.lower(now)
	}
	p.tokens, p.at = min(p.tokens, 0), p.closure.until
}

func (p *Paced) lower(now time.Time) {
	part := 1 - p.lost
	if p.patience.lowered(now) {
		part -= 2 * partStep // the step before it may have been too much already
	} else {
		part *= halved
	}
	p.lost = 1 - max(leastPart, part)
}

// rate is in tokens a second.
func (p *Paced) rate() float64 {
	return share * (1 - p.lost) * float64(p.limit.Count) / p.limit.Window.Seconds()
}

func (p *Paced) fill(now time.Time) {
	if p.limit.Count <= 0 || !now.After(p.at) {
		return
	}
	p.tokens = min(p.tokens+now.Sub(p.at).Seconds()*p.rate(), max(1, burst*(1-p.lost)*float64(p.limit.Count)))
	p.at = now
	if p.lost > 0 && p.patience.over(now, p.limit.Window) {
		p.lost = max(0, p.lost-partStep)
	}
}

// tally counts what happened in the window before now, about: the window that
// runs, and a part of the one before.
type tally struct {
	began     time.Time
	now, then int
}

func (t *tally) add(now time.Time, window time.Duration) {
	t.turn(now, window)
	t.now++
}

func (t *tally) turn(now time.Time, window time.Duration) {
	switch passed := now.Sub(t.began); {
	case passed < window:
	case passed < 2*window:
		t.began, t.then, t.now = t.began.Add(window), t.now, 0
	default:
		t.began, t.then, t.now = now, 0, 0
	}
}

func (t *tally) last(now time.Time, window time.Duration) int {
	if window <= 0 {
		return 0
	}
	t.turn(now, window)
	return t.now + int(float64(t.then)*(1-float64(now.Sub(t.began))/float64(window)))
}
