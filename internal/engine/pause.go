package engine

import "time"

// Pauses of an account whose credentials are refused.
const (
	firstPause = 15 * time.Second
	mostPause  = 5 * time.Minute
)

// pause keeps an account quiet while the cloud refuses its credentials. After
// the wait one call probes; the others wait for its answer.
type pause struct {
	until   time.Time
	since   time.Time // when the last refusal began to count
	times   int       // refusals in a row
	probing bool      // a probe is on its way
}

// open reports whether a call may start.
func (p *pause) open(now time.Time) bool {
	return !now.Before(p.until) && (p.times == 0 || !p.probing)
}

// probe notes that a call starts, and reports whether it is the probe.
func (p *pause) probe() bool {
	p.probing = p.times > 0
	return p.probing
}

// refused says that a call was refused that had begun then. The wait grows
// only with calls that began after the last refusal: many at once are one. It
// returns the wait, and false where the refusal was no news.
func (p *pause) refused(begun, now time.Time) (time.Duration, bool) {
	if p.times > 0 && !begun.After(p.since) {
		return 0, false
	}
	p.times++
	wait := min(firstPause<<min(p.times-1, 10), mostPause)
	p.since, p.until = now, now.Add(wait)
	return wait, true
}

// accepted says that the credentials are good, and reports whether that is
// news.
func (p *pause) accepted() bool {
	news := p.times > 0
	*p = pause{}
	return news
}
