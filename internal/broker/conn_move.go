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
	mu      sync.Mutex
	since   time.Time // zero while all is well
	last    time.Time // the latest failure
	writing bool      // a write is among what failed
}

// silenceEnds is how long after a failure nobody seems to try any more.
const silenceEnds = 30 * time.Second

// heard notes how a write, or a question, to JetStream went, and reports
// whether another server should be tried. A leader that is cut off answers
// questions for a while: that says nothing about writes.
func (s *silence) heard(err error, write bool, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.last) > silenceEnds {
		s.end()
	}
	if err == nil || !transient(err) {
		if write || !s.writing {
			s.end()
		}
		return false
	}
	s.last, s.writing = now, s.writing || write
	switch {
	case s.since.IsZero():
		s.since = now
	case now.Sub(s.since) >= moveAfter:
		s.end()
		return true
	}
	return false
}

func (s *silence) end() { s.since, s.writing = time.Time{}, false }

// note passes on how a question went. When nothing was taken for too long, the
// connection goes over to another server, if one is known.
func (c *Conn) note(err error, write bool) {
	if !c.nc.IsConnected() {
		err = nil // the client looks for a server as it is
	}
	if !c.silence.heard(err, write, time.Now()) || len(c.nc.Servers()) < 2 {
		return
	}
	c.log.Warn("the broker takes nothing; trying another of its servers", "url", c.nc.ConnectedUrlRedacted(), "after", moveAfter.String(), "err", err)
	_ = c.nc.ForceReconnect() // fails only when the connection is closed
}
