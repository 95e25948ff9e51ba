package broker

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// stuckAfter is how long a request may be repeated before the broker counts as
// one that does not do its work. An election is over by then.
const stuckAfter = 5 * time.Second

// waiting knows whether requests get through. One that is repeated for too
// long makes the broker stuck, until none is repeated any more, those that were
// given up meanwhile have had their questions answered, and one has been
// answered: after a restart streams come back one by one.
type waiting struct {
	stuck atomic.Bool // with mu to change it; alone, to pass by quickly

	mu       sync.Mutex
	repeated int       // requests that have failed at least once and go on
	open     questions // in the place of those that were given up while it was stuck
	worked   time.Time // the end of the last time that it was stuck
	tell     []func(cause error)
}

// OnStuck has f called when the broker, though perhaps connected, has not
// carried out a request for some seconds, with what it says instead, and with
// nil when requests get through again. f must not block.
func (c *Conn) OnStuck(f func(cause error)) {
	c.waiting.mu.Lock()
	defer c.waiting.mu.Unlock()
	c.waiting.tell = append(c.waiting.tell, f)
}

// patience is that of one request that may be repeated.
type patience struct {
	waiting *waiting
	since   time.Time
	failing bool
}

func (w *waiting) begin() patience { return patience{waiting: w, since: time.Now()} }

// failed says that one more try has failed. While the connection is down, it is
// that which everything waits for.
func (p *patience) failed(err error) {
	if errors.Is(err, errAway) {
		p.since = time.Now()
	}
	p.waiting.mu.Lock()
	defer p.waiting.mu.Unlock()
	if !p.failing {
		p.failing = true
		p.waiting.repeated++
	}
	since := p.since
	if p.waiting.worked.After(since) { // what it was asked before may be lost
		since = p.waiting.worked
	}
	if time.Since(since) >= stuckAfter && !p.waiting.stuck.Swap(true) {
		p.waiting.say(err)
	}
}

// answered says that the request is over. An answer, whatever it says, shows
// that the broker is at work.
func (p *patience) answered() {
	if !p.failing && !p.waiting.stuck.Load() {
		return
	}
	p.waiting.mu.Lock()
	defer p.waiting.mu.Unlock()
	p.leave()
	p.waiting.judge()
}

// givenUp says that the request is over without an answer. Nobody may ask for
// anything for hours then: while the broker is stuck, the connection asks the
// question by itself.
func (p *patience) givenUp(question string) {
	p.waiting.mu.Lock()
	defer p.waiting.mu.Unlock()
	p.leave()
	if p.waiting.stuck.Load() {
		p.waiting.open.add(question)
	}
}

func (p *patience) leave() {
	if p.failing {
		p.waiting.repeated--
		p.failing = false
	}
}

// judge is called after an answer.
func (w *waiting) judge() {
	if w.repeated == 0 && w.open.none() && w.stuck.Swap(false) {
		w.worked = time.Now()
		w.say(nil)
	}
}

func (w *waiting) say(cause error) {
	for _, f := range w.tell {
		f(cause)
	}
}
