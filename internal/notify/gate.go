package notify

import (
	"context"
	"sync"
	"time"
)

// The wait of a closed gate; it doubles with each failure.
const leastClosed, mostClosed = time.Second, 30 * time.Second

// mostAsked is the longest wait that a receiver may ask for.
const mostAsked = 10 * time.Minute

// gate lets all through while the receiver answers. When it fails, one at a
// time is let through, after waits that grow, until one gets an answer.
type gate struct {
	mu       sync.Mutex
	failures int       // 0: open
	next     time.Time // when the next one may pass a closed gate
	probing  bool      // one has passed it and is not back
	why      string    // it closed, or stays closed
	waiting  int       // how many want to pass
	back     time.Time // until when one that was given back to the broker may be here again
	taken    time.Time
	changed  chan struct{} // closed at every change
}

func newGate() *gate { return &gate{changed: make(chan struct{})} }

// pass is what one try has been let through with.
type pass struct{ probe bool }

// enter waits until the caller may try, who must leave with its pass afterwards.
// The error is ctx's.
func (g *gate) enter(ctx context.Context) (pass, error) {
	g.wait(1)
	defer g.wait(-1)
	for {
		p, wait, changed := g.ask()
		if wait == 0 {
			return p, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-changed:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return pass{}, context.Cause(ctx)
		}
	}
}

func (g *gate) wait(more int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting += more
}

// backGrace is how much later than asked for the broker may deliver again.
const backGrace = time.Minute

// giveBack notes that one was given back to the broker for so long.
func (g *gate) giveBack(wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if at := time.Now().Add(wait + backGrace); at.After(g.back) {
		g.back = at
	}
}

// failing reports whether the receiver fails and something waits for it here.
// What was given back and did not return has gone to another replica, which
// knows more of the receiver by now.
func (g *gate) failing() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failures > 0 && (g.waiting > 0 || g.probing || time.Now().Before(g.back))
}

// ask lets the caller through, wait 0, or tells how long to wait at most.
func (g *gate) ask() (p pass, wait time.Duration, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	wait = time.Until(g.next)
	switch {
	case g.failures == 0:
		return pass{}, 0, nil
	case g.probing: // the change comes first
		return pass{}, mostClosed, g.changed
	case wait > 0:
		return pass{}, wait, g.changed
	}
	g.probing = true
	return pass{probe: true}, 0, nil
}

// change is what an answer does to the gate.
type change int

const (
	same change = iota
	closed
	worse // still closed, for another reason
	opened
)

// leave tells the gate how the try went. Of several that were under way when it
// closed only the first counts.
func (g *gate) leave(p pass, a answer) (c change) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a.outcome == taken {
		g.taken = time.Now()
	}
	switch {
	case a.outcome == cut:
	case a.outcome == taken || a.outcome == refused:
		if g.failures > 0 {
			c = opened
		}
		g.failures = 0
	case g.failures == 0 || p.probe:
		if g.failures == 0 {
			c = closed
		} else if g.why != a.why {
			c = worse
		}
		g.failures++
		g.why = a.why
		g.next = time.Now().Add(max(closedFor(g.failures), min(a.retryAfter, mostAsked)))
	}
	g.probing = g.probing && !p.probe
	close(g.changed)
	g.changed = make(chan struct{})
	return c
}

func closedFor(failures int) time.Duration {
	d := leastClosed
	for ; failures > 1 && d < mostClosed; failures-- {
		d *= 2
	}
	return min(d, mostClosed)
}

// lastTaken is when the receiver last took an event.
func (g *gate) lastTaken() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.taken
}
