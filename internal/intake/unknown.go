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
	// unknownOverdue is when a request that waits is taken for gone: somebody
	// removed it, or it came to an end without being unknown.
	unknownOverdue = 6 * unknownPause
)

// waiting holds the requests for clouds that are not known, and the cancels of
// requests that have not come yet.
type waiting struct {
	mu    sync.Mutex
	since map[uint64]time.Time // when each was last put off, by stream sequence
}

// wait reports whether the delivery may wait on, until it is that old. Where all places are taken, a
// newcomer may not: those that wait are in the broker's hands, where nothing
// can end them before their time. Subjects that no cloud can have never wait.
func (w *waiting) wait(d broker.Delivery, limit time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	w.forgetOverdue(now)
	_, waits := w.since[d.StreamSequence]
	if !soundSubject(d.Subject) || now.Sub(d.Time) > limit || !waits && len(w.since) >= unknownPlaces {
		delete(w.since, d.StreamSequence)
		return false
	}
	w.since[d.StreamSequence] = now
	return true
}

func (w *waiting) forgetOverdue(now time.Time) {
	for sequence, last := range w.since {
		if now.Sub(last) > unknownOverdue {
			delete(w.since, sequence)
		}
	}
}

// done forgets a delivery that waits no more.
func (w *waiting) done(d broker.Delivery) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.since, d.StreamSequence)
}
