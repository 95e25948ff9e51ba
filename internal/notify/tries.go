package notify

import (
	"sync"
	"time"
)

// mostRefusals is how often an event may be refused before it is given up. With
// the waits between that is about twenty minutes.
const mostRefusals = 10

// The wait before a refused event is posted again; it doubles.
const leastWait, mostWait = 5 * time.Second, 5 * time.Minute

// waitAfter is the wait after so many deliveries.
func waitAfter(deliveries uint64) time.Duration {
	d := leastWait
	for ; deliveries > 1 && d < mostWait; deliveries-- {
		d *= 2
	}
	return min(d, mostWait)
}

// tries remembers which events the receiver has refused while it was there. The
// broker's own count does not tell that apart from restarts and from a receiver
// that was away. After a restart it begins anew: an event is then refused more
// often before it is given up, never less. It also remembers what is done with,
// which comes again where the broker has not heard so.
type tries struct {
	mu      sync.Mutex
	refused map[string]failure   // by the event's id
	done    map[string]time.Time // when
}

// failure is what is known of an event that was not taken.
type failure struct {
	refusals int
	last     time.Time
}

func newTries() *tries { return &tries{refused: map[string]failure{}, done: map[string]time.Time{}} }

// Of more entries than these the old ones are dropped: another replica may have
// got through with an event, and what the broker has heard does not come again.
const manyEntries, oldEntry = 4096, time.Hour

// failed notes one more failure and returns how many count against the event:
// the plain refusals, and those others between which the receiver has taken
// something else.
func (t *tries) failed(id string, refused bool, lastTaken time.Time) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, before := t.refused[id]
	if refused || before && lastTaken.After(f.last) {
		f.refusals++
	}
	f.last = time.Now()
	t.refused[id] = f
	dropOld(t.refused, func(f failure) time.Time { return f.last })
	return f.refusals
}

// finish notes that an event is done with.
func (t *tries) finish(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.refused, id)
	t.done[id] = time.Now()
	dropOld(t.done, func(at time.Time) time.Time { return at })
}

// finished says whether an event is known to be done with.
func (t *tries) finished(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, done := t.done[id]
	return done
}

// dropOld drops old entries where there are many, and all where they are not
// old: to know fewer costs a repetition at most.
func dropOld[V any](entries map[string]V, last func(V) time.Time) {
	if len(entries) <= manyEntries {
		return
	}
	for id, v := range entries {
		if time.Since(last(v)) > oldEntry {
			delete(entries, id)
		}
	}
	if len(entries) > manyEntries {
		clear(entries)
	}
}
