package broker

import (
	"sync"
	"time"
)

// moveAfter is how long JetStream may fail to answer on a connection that
// stands before another server is tried. An election takes 3 to 5 s, a lease
// lasts longer.
const moveAfter = 9 * time.Second

// silence is since when a connected server has taken nothing: it may be cut
// off from the others, and a client that stays with it is cut off too.
type silence struct {
	mu    sync.Mutex
	since time.Time // zero while all is well
}

// heard notes how a question to JetStream went, and reports whether another
// server should be tried.
func (s *silence) heard(err error, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil || !transient(err):
		s.since = time.Time{}
	case s.since.IsZero():
		s.since = now
	case now.Sub(s.since) >= moveAfter:
		s.since = time.Time{}
		return true
	}
	return false
}

// note passes on how a question went. When nothing was taken for too long, the
// connection goes over to another server, if one is known.
func (c *Conn) note(err error) {
	if !c.nc.IsConnected() {
		err = nil // the client looks for a server as it is
	}
	if !c.silence.heard(err, time.Now()) || len(c.nc.Servers()) < 2 {
		return
	}
	c.log.Warn("the broker takes nothing; trying another of its servers", "url", c.nc.ConnectedUrlRedacted(), "after", moveAfter.String(), "err", err)
	_ = c.nc.ForceReconnect() // fails only when the connection is closed
}
