package notify

import (
	"sync"
	"time"
)

// source knows whether events can be fetched. Its zero value is one of which
// nothing bad is known.
type source struct {
	mu     sync.Mutex
	broken bool      // fetching has ended, and nothing shows yet that it goes better now
	since  time.Time // it is fetched; zero: it is not
}

// proven is how long fetching must go on before it counts as mended where
// nothing comes.
const proven = 30 * time.Second

// begun notes that fetching begins.
func (s *source) begun() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since = time.Now()
}

// works notes that something was fetched.
func (s *source) works() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = false
}

// ended notes that fetching has ended; nil: because it should.
func (s *source) ended(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since, s.broken = time.Time{}, err != nil
}

// failing reports whether nothing can be fetched.
func (s *source) failing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken && (s.since.IsZero() || time.Since(s.since) < proven)
}
