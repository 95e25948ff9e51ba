package budget

import "time"

// Memory is what a bucket has learned of how much the cloud takes, in a form
// that can be kept for the next owner of the account. The zero one is nothing.
type Memory struct {
	// Count and Window are the limit under which it was learned.
	Count  int           `json:"count"`
	Window time.Duration `json:"window"`
	// Takes is how many calls the cloud takes in a window; 0 where it takes all.
	Takes float64 `json:"takes,omitempty"`
	// Patience is for how many windows that stays, since Since, which was a try
	// upwards if Raised.
	Patience int       `json:"patience,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Raised   bool      `json:"raised,omitempty"`
	// Until is when a closed bucket opens, Wait how long it was closed for, Times
	// how often in a row.
	Until time.Time     `json:"until,omitzero"`
	Wait  time.Duration `json:"wait,omitempty"`
	Times int           `json:"times,omitempty"`
}

// mostClosed is how long a bucket stays closed at most by what was kept: no
// cloud names a longer window.
const mostClosed = time.Hour

// memory is what there is to keep of a bucket, as far as it is not over.
func memory(l Limit, takes float64, p patience, c closure, now time.Time) (m Memory) {
	if takes > 0 {
		m = Memory{Takes: takes, Patience: p.windows, Since: p.since.Round(0).UTC(), Raised: p.raised}
	}
	if c.until.After(now) {
		m.Until, m.Wait, m.Times = c.until.Round(0).UTC(), c.wait, c.times
	}
	if m != (Memory{}) {
		m.Count, m.Window = l.Count, l.Window
	}
	return m
}

// lowered reports whether the cloud still takes less than the limit, as far as
// anybody knows. That is over when even the most patient owner would have tried
// more, or under another limit.
func (m Memory) lowered(l Limit, now time.Time) bool {
	known := m.Takes > 0 && m.Patience > 0 && m.Count == l.Count && m.Window == l.Window
	return known && m.Takes < float64(l.Count) && now.Sub(m.Since) < mostPatience*l.Window
}

// patience is that of a lowered limit.
func (m Memory) patience(now time.Time) patience {
	return patience{windows: min(m.Patience, mostPatience), since: earlier(m.Since, now), raised: m.Raised}
}

// closure is that of a bucket that is still closed.
func (m Memory) closure(now time.Time) closure {
	if !m.Until.After(now) {
		return closure{}
	}
	until := earlier(m.Until, now.Add(mostClosed))
	return closure{since: now, until: until, wait: max(0, min(m.Wait, mostClosed)), times: max(1, m.Times)}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Memory is what the window has learned, to be kept.
func (w *Window) Memory(now time.Time) Memory {
	return memory(w.limit, float64(w.learned), w.patience, w.closure, now)
}

// Recall takes over what an earlier owner has learned, as far as it still holds.
// It is for a window that has learned nothing yet.
func (w *Window) Recall(m Memory, now time.Time) {
	if w.closure = m.closure(now); m.lowered(w.limit, now) {
		w.learned, w.patience = max(1, int(m.Takes)), m.patience(now)
	}
}

// Memory is what the bucket has learned, to be kept.
func (p *Paced) Memory(now time.Time) Memory {
	takes := 0.0
	if p.lost > 0 {
		takes = (1 - p.lost) * float64(p.limit.Count)
	}
	return memory(p.limit, takes, p.patience, p.closure, now)
}

// Recall takes over what an earlier owner has learned, as far as it still holds.
// It is for a bucket that has learned nothing yet.
func (p *Paced) Recall(m Memory, now time.Time) {
	if p.closure = m.closure(now); p.Closed(now) {
		p.tokens, p.at = min(p.tokens, 0), p.closure.until
	}
	if m.lowered(p.limit, now) {
		p.lost, p.patience = 1-max(leastPart, m.Takes/float64(p.limit.Count)), m.patience(now)
	}
}
