package budget

import "time"

// How much is learned at a time. A cloud that allows less than configured,
// since others use the account, is asked for more now and then: a try that
// fails costs a refusal, so the next one comes after twice the time.
const (
	firstPatience = 4
	mostPatience  = 32
)

// patience is how long a lowered limit stays before more is tried, in windows
// without a refusal.
type patience struct {
	windows int
	since   time.Time // of the last change
	raised  bool      // that was upwards
}

// lowered notes a step down, and reports whether it undoes a try.
func (p *patience) lowered(now time.Time) (undone bool) {
	undone = p.raised
	switch {
	case undone:
		p.windows = min(2*p.windows, mostPatience)
	case p.windows == 0:
		p.windows = firstPatience
	}
	p.since, p.raised = now, false
	return undone
}

// over reports whether it is time to try more, and notes that as a step up. A
// step on a step that has held comes sooner.
func (p *patience) over(now time.Time, window time.Duration) bool {
	if now.Sub(p.since) < time.Duration(p.windows)*window {
		return false
	}
	if p.raised {
		p.windows = max(1, p.windows/2)
	}
	p.since, p.raised = now, true
	return true
}

// stale reports whether a lowered limit is that old that nothing is known of what
// is left of it: others came and went meanwhile. Who has calls to make has tried
// more by then.
func (p *patience) stale(now time.Time, window time.Duration) bool {
	return now.Sub(p.since) >= (mostPatience+2)*window
}
