package broker

import (
	"sync"
	"time"
)

// moveAfter is how long a request may fail on a connection that stands before
// another server is tried. An election takes 3 to 5 s.
const moveAfter = 9 * time.Second

// moveMost bounds the time between two moves while nothing helps.
const moveMost = time.Minute

// moves decide when a connection goes over to another server. One that is cut
// off from the rest of its cluster answers questions, and even elects nobody;
// what it never does is to take a write.
type moves struct {
	mu    sync.Mutex
	taken time.Time // a write was confirmed last, or the connection moved
	wait  time.Duration
}

// took says that a write was confirmed.
func (m *moves) took(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.taken, m.wait = now, moveAfter
}

// due says whether a request that has failed for moveAfter is reason enough:
// not while other writes are taken, and less and less often while moving does
// not help.
func (m *moves) due(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wait = max(m.wait, moveAfter)
	if now.Sub(m.taken) < m.wait {
		return false
	}
	m.taken, m.wait = now, min(2*m.wait, moveMost)
	return true
}

// moveUnless goes over to another server after moveAfter, counted from since,
// unless stop is called before.
func (c *Conn) moveUnless(since time.Time) (stop func() bool) {
	return time.AfterFunc(time.Until(since.Add(moveAfter)), c.move).Stop
}

// moveIfLong does so at once where it is time.
func (c *Conn) moveIfLong(since time.Time) {
	if time.Since(since) >= moveAfter {
		c.move()
	}
}

// move goes over to another server, if one is known and it is time. What is
// under way is asked again there.
func (c *Conn) move() {
	if !c.nc.IsConnected() || len(c.nc.Servers()) < 2 || !c.moves.due(time.Now()) {
		return
	}
	c.log.Warn("the broker takes nothing; trying another of its servers", "url", c.nc.ConnectedUrlRedacted(), "after", moveAfter.String())
	_ = c.nc.ForceReconnect() // fails only when the connection is closed
}
