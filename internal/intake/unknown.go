package intake

import (
	"sync"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
)

const (
	// unknownPause is the wait before a request for a cloud that is not known
	// here is looked at again: another worker may know it, or a changed
	// configuration.
	unknownPause = 5 * time.Second
	// unknownLimit is how long that goes on.
	unknownLimit = 10 * time.Minute
	// unknownPlaces is how many requests of a shard may wait so: they hold
	// places that others need.
	unknownPlaces = 64
)

// waiting holds the requests for clouds that are not known.
type waiting struct {
	mu    sync.Mutex
	since map[uint64]time.Time // by stream sequence
}

// wait reports whether the delivery may wait on. Where too many wait, the
// oldest has waited long enough.
func (w *waiting) wait(d broker.Delivery) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Since(d.Time) > unknownLimit {
		return false
	}
	w.since[d.StreamSequence] = d.Time
	if len(w.since) <= unknownPlaces {
		return true
	}
	for sequence := range w.since {
		if sequence < d.StreamSequence {
			return true
		}
	}
	return false
}

// done forgets a delivery that waits no more.
func (w *waiting) done(d broker.Delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.since, d.StreamSequence)
}
