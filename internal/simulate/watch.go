package simulate

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// violation is one broken promise.
type violation struct {
	rule string // which, the same for all of its kind
	text string
}

// watch looks at every write and at every call that arrives.
type watch struct {
	streams *streams
	history *history
	limits  map[string]budget.Limit
	shardOf func(cloud string) int

	mu     sync.Mutex
	broken []violation
	posts  map[string][]time.Time      // arrivals of creating calls, by cloud and bucket
	finals map[string][]messages.Event // by key, in the order of their attempts
	ends   int
}

func (w *watch) violated(rule, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.history.add("VIOLATION", "%s: %s", rule, text)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = append(w.broken, violation{rule, text})
}

// ended are the final events of a key, and how many there are of all.
func (w *watch) ended(key string) []messages.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.finals[key]
}

func (w *watch) violations() []violation {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]violation(nil), w.broken...)
}

// stored is told of each message just before it is stored; the streams' lock
// is held.
func (w *watch) stored(stream string, m, old broker.Stored) {
	switch {
	case strings.HasPrefix(stream, "IMS_TRACK_"):
		if !isPage(m.Subject) {
			w.record(m, old)
		}
	case stream == broker.StreamEvents:
		w.event(m, old)
	case stream == broker.StreamDead:
		w.history.add("broker", "dead letter: %s: %s", m.Header.Get("Ims-Dead-Reason"), m.Header.Get("Ims-Dead-Detail"))
	}
}

// follows lists which state of a record may follow on which, within one
// attempt.
var follows = map[ledger.State][]ledger.State{
	ledger.Accepted:   {ledger.Accepted, ledger.Parked, ledger.Submitting, ledger.Uncertain, ledger.Submitted, ledger.Finished},
	ledger.Parked:     {ledger.Accepted, ledger.Parked, ledger.Submitting, ledger.Uncertain, ledger.Submitted, ledger.Finished},
	ledger.Submitting: {ledger.Accepted, ledger.Parked, ledger.Uncertain, ledger.Submitted, ledger.Finished},
	ledger.Uncertain:  {ledger.Accepted, ledger.Uncertain, ledger.Submitted, ledger.Finished},
	ledger.Submitted:  {ledger.Submitted, ledger.Finished},
	ledger.Finished:   {ledger.Finished},
}

func (w *watch) record(m, old broker.Stored) {
	r, err := ledger.Decode(m.Data)
	if err != nil {
		w.violated("ledger", "%s is no record: %v", m.Subject, err)
		return
	}
	if (r.Buried || r.Told) && !r.Duplicate && !w.told(r) {
		w.violated("tombstone before event", "%s attempt %d is closed, but no final event is stored", r.ID, r.Attempt)
	}
	if old.Sequence == 0 {
		return
	}
	before, err := ledger.Decode(old.Data)
	if err != nil {
		return
	}
	switch {
	case r.Attempt == before.Attempt+1 && before.Closed():
	case r.Attempt != before.Attempt:
		w.violated("attempts", "%s attempt %d follows on attempt %d, %s", r.ID, r.Attempt, before.Attempt, before.State)
	case before.State == ledger.Submitted && r.State == ledger.Accepted && !works[r.Operation].makes: // looked at, and not there
	case !slices.Contains(follows[before.State], r.State):
		w.violated("one decision", "%s attempt %d was %s and is now %s", r.ID, r.Attempt, before.State, r.State)
	case before.Done() && (r.Outcome != before.Outcome || before.Buried && !r.Buried || before.Duplicate && !r.Duplicate):
		w.violated("one decision", "%s attempt %d had ended as %s and is decided again, as %s", r.ID, r.Attempt, before.Outcome, r.Outcome)
	}
}

// told reports whether the final event of the attempt is stored.
func (w *watch) told(r *ledger.Record) bool {
	_, found := w.streams.byName[broker.StreamEvents].find(messages.AnyFinalSubject(r.Cloud, "*", r.Key, r.Attempt))
	return found
}

func (w *watch) event(m, old broker.Stored) {
	meta, e, err := messages.DecodeEvent(m.Header, m.Data)
	if err != nil {
		w.violated("events", "%s cannot be read: %v", m.Subject, err)
		return
	}
	w.history.add("broker", "event %s of %s attempt %d", meta.State, e.Request.ID, meta.Attempt)
	if old.Sequence > 0 && meta.State != messages.StateProgress && meta.State != messages.StateBatchProgress {
		w.violated("event once", "%s of %s attempt %d is stored a second time", meta.State, e.Request.ID, meta.Attempt)
	}
	events := w.streams.byName[broker.StreamEvents]
	if meta.State == messages.StateSubmitted {
		if _, found := events.find(messages.EventSubject(meta.Cloud, "*", messages.StateAccepted, meta.Key, meta.Attempt)); !found {
			w.violated("accepted first", "%s attempt %d is told to be submitted before it was accepted", e.Request.ID, meta.Attempt)
		}
	}
	if meta.State.Final() {
		w.final(events, meta, e)
	}
}

func (w *watch) final(events *stream, meta messages.EventMeta, e messages.Event) {
	if there, found := events.find(messages.AnyFinalSubject(meta.Cloud, "*", meta.Key, meta.Attempt)); found {
		w.violated("one final event", "%s attempt %d has %s already and gets %s", e.Request.ID, meta.Attempt, there.Subject, meta.State)
	}
	r := w.of(meta.Cloud, meta.Key)
	if r == nil || !r.Done() || r.Attempt != meta.Attempt || r.Outcome != meta.State || r.Buried {
		w.violated("event without end", "%s attempt %d is told as %s, its record is not", e.Request.ID, meta.Attempt, meta.State)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ends++
	w.finals[meta.Key] = append(w.finals[meta.Key], e)
}

// of is the record of a key; nil: there is none. The streams' lock is held.
func (w *watch) of(cloud, key string) *ledger.Record {
	shard := w.shardOf(cloud)
	m, found := w.streams.byName[broker.TrackStream(shard)].find(broker.TrackSubject(shard, key))
	if !found {
		return nil
	}
	r, err := ledger.Decode(m.Data)
	if err != nil {
		return nil
	}
	return r
}

// post looks at a creating call that has just arrived at a cloud.
func (w *watch) post(cloud, bucket, key, name string) {
	w.mu.Lock()
	where, limit := cloud+" "+bucket, w.limits[bucket]
	now := time.Now()
	arrivals := append(w.posts[where], now)
	w.posts[where] = arrivals
	w.mu.Unlock()
	w.history.add(cloud, "a creating call for %s arrives", name)
	if n := len(arrivals) - 1 - limit.Count; limit.Count > 0 && n >= 0 && now.Sub(arrivals[n]) < limit.Window {
		w.violated("window", "%d creating calls of the bucket %s reached %s within %v; %d in %v are allowed", limit.Count+1, bucket, cloud, now.Sub(arrivals[n]), limit.Count, limit.Window)
	}
	w.streams.mu.Lock()
	r := w.of(cloud, key)
	w.streams.mu.Unlock()
	if r == nil || r.State != ledger.Submitting && r.State != ledger.Uncertain {
		w.violated("post without claim", "a creating call for %s arrives, but its record is not claimed: %s", name, state(r))
	}
}

func state(r *ledger.Record) string {
	if r == nil {
		return "none"
	}
	return string(r.State)
}
