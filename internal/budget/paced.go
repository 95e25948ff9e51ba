package budget

import "time"

const (
	share = 0.9  // of the limit that queries use: others use the account too
	burst = 0.05 // of the limit that may go out at once
)

// Paced is the bucket of a kind of query: tokens come at nine tenths of the
// limit's rate, and at most a twentieth of the limit is saved up. It starts
// empty, so that a new owner breaks no limit whatever the last one did. The
// zero Paced has no limit.
type Paced struct {
	limit  Limit
	tokens float64
	at     time.Time // when tokens was right
	closed time.Time // nothing is taken before
}

// NewPaced returns a bucket that is empty now. A limit with no count is no
// limit.
func NewPaced(l Limit, now time.Time) *Paced { return &Paced{limit: l, at: now} }

// Limit returns what the bucket was made with.
func (p *Paced) Limit() Limit { return p.limit }

// Take takes a token and reports whether there was one.
func (p *Paced) Take(now time.Time) bool {
	if now.Before(p.closed) {
		return false
	}
	if p.limit.Count <= 0 {
		return true
	}
	p.fill(now)
	if p.tokens < 1 {
		return false
	}
	p.tokens--
	return true
}

// Next returns the earliest time at which Take can succeed.
func (p *Paced) Next(now time.Time) time.Time {
	next := now
	if p.limit.Count > 0 {
		if p.fill(now); p.tokens < 1 {
			next = now.Add(1 + time.Duration((1-p.tokens)/p.rate()*float64(time.Second))) // rounded up: at next there is a token
		}
	}
	if p.closed.After(next) {
		return p.closed
	}
	return next
}

// Reserve takes a token that may be there only later, and returns when. False:
// that is after latest, or cannot be told while the bucket is closed; nothing
// was taken, and the time is when to ask again.
func (p *Paced) Reserve(now, latest time.Time) (time.Time, bool) {
	at := p.Next(now)
	if at.After(latest) || p.closed.After(now) {
		return at, false
	}
	if p.limit.Count > 0 {
		p.tokens--
	}
	return at, true
}

// Close lets nothing through before that time; an earlier time changes
// nothing.
func (p *Paced) Close(until time.Time) {
	if until.After(p.closed) {
		p.closed = until
	}
}

// rate is in tokens a second.
func (p *Paced) rate() float64 {
	return share * float64(p.limit.Count) / p.limit.Window.Seconds()
}

func (p *Paced) fill(now time.Time) {
	if now.Before(p.at) {
		return
	}
	p.tokens = min(p.tokens+now.Sub(p.at).Seconds()*p.rate(), max(1, burst*float64(p.limit.Count)))
	p.at = now
}
