package shard

import (
	"sync"
	"time"
)

// Lease is the right to work one shard. Its methods may be called by any
// goroutine, also after the lease has ended.
type Lease struct {
	shard int
	ttl   time.Duration

	mu       sync.RWMutex
	asked    time.Time // read before the latest renewal was sent
	sequence uint64    // of the latest renewal
	renewed  time.Time // broker's time of the latest own renewal seen
	ended    bool
	givenUp  bool
	lost     chan struct{} // closed with ended
}

func newLease(shard int, ttl time.Duration, asked time.Time, sequence uint64, stored time.Time) *Lease {
	return &Lease{shard: shard, ttl: ttl, asked: asked, sequence: sequence, renewed: stored, lost: make(chan struct{})}
}

// Shard is the number of the shard.
func (l *Lease) Shard() int { return l.shard }

// Valid says whether nobody else can have the lease at this moment. Both clocks
// must say so: the monotonic one stands still while a machine sleeps, the wall
// clock may be set back.
func (l *Lease) Valid() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return !l.ended && fresh(l.asked, time.Now(), l.ttl)
}

// GiveUp ends the lease although its owner has not returned, because that
// hangs. Nothing is written: others get the shard when the lease expires in the
// broker. This replica is not settled until the owner has returned.
func (l *Lease) GiveUp() {
	l.mu.Lock()
	l.givenUp = true
	l.mu.Unlock()
	l.end()
}

func (l *Lease) abandoned() bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.givenUp
}

func fresh(asked, now time.Time, ttl time.Duration) bool {
	return now.Sub(asked) < ttl && now.Round(0).Sub(asked.Round(0)) < ttl
}

// Renewed is the broker's stored time of the latest own renewal: the best
// knowledge of the broker's clock. It never goes back.
func (l *Lease) Renewed() time.Time {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.renewed
}

// left is the time until the lease ends by the monotonic clock.
func (l *Lease) left() time.Duration {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return time.Until(l.asked.Add(l.ttl))
}

func (l *Lease) last() uint64 {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.sequence
}

func (l *Lease) extend(asked time.Time, sequence uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked, l.sequence = asked, sequence
}

// mine notes the broker's time of an own renewal.
func (l *Lease) mine(stored time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if stored.After(l.renewed) {
		l.renewed = stored
	}
}

// foreign ends the lease if somebody else wrote after the latest own renewal.
func (l *Lease) foreign(sequence uint64) {
	if sequence > l.last() {
		l.end()
	}
}

func (l *Lease) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ended {
		l.ended = true
		close(l.lost)
	}
}
