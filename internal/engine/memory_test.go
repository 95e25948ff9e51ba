package engine_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/engine"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// memory is a ledger in memory with the conditions of the real one.
type memory struct {
	mu       sync.Mutex
	sequence uint64
	records  map[string]*ledger.Record
	pages    map[string]stored // of bulks
	follower func(*ledger.Record)
	reads    int
	// lose makes the next update of a record to that state fail as changed,
	// after somebody else's hand has done other.
	lose  ledger.State
	other func(*ledger.Record)
	// before is called before each version is stored.
	before func(*ledger.Record)
}

func newMemory() *memory {
	return &memory{records: map[string]*ledger.Record{}, pages: map[string]stored{}}
}

func (m *memory) put(r *ledger.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var have uint64
	if there := m.records[r.Key]; there != nil {
		have = there.Sequence
	}
	if m.lose != "" && r.State == m.lose {
		m.lose = ""
		m.write(m.records[r.Key].Clone(), m.other)
		return ledger.ErrChanged
	}
	if m.before != nil && have > 0 {
		m.before(r)
		have = m.records[r.Key].Sequence
	}
	if have != r.Sequence {
		return ledger.ErrChanged
	}
	r.Version = ledger.Version
	m.write(r, func(*ledger.Record) {})
	return nil
}

func (m *memory) write(r *ledger.Record, change func(*ledger.Record)) {
	change(r)
	m.sequence++
	r.Sequence, r.Stored = m.sequence, time.Time{}
	stored := r.Clone()
	stored.Stored = time.Now()
	m.records[r.Key] = stored
	if m.follower != nil {
		m.follower(stored.Clone())
	}
}

func (m *memory) Update(_ context.Context, r *ledger.Record) error { return m.put(r) }

func (m *memory) Bury(_ context.Context, r *ledger.Record, _ time.Duration) error {
	t := r.Tombstone()
	if err := m.put(t); err != nil {
		return err
	}
	r.Sequence = t.Sequence
	return nil
}

func (m *memory) Get(_ context.Context, key string) (*ledger.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	if r := m.records[key]; r != nil {
		return r.Clone(), nil
	}
	return nil, ledger.ErrNone
}

func (m *memory) Follow(ctx context.Context, each func(*ledger.Record), caughtUp func(), _ func(string, error)) error {
	news := make(chan *ledger.Record, 10000)
	m.mu.Lock()
	there := slices.SortedFunc(maps.Values(m.records), func(a, b *ledger.Record) int { return int(a.Sequence) - int(b.Sequence) })
	m.follower = func(r *ledger.Record) { news <- r }
	m.mu.Unlock()
	for _, r := range there {
		each(r.Clone())
	}
	caughtUp()
	for {
		select {
		case r := <-news:
			each(r)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// told is an event log in memory with the conditions of the real one.
type told struct {
	mu      sync.Mutex
	events  []toldEvent
	slow    time.Duration    // that progress takes to be stored
	refuses bool             // progress is not stored,
	refused int              // so many times
	places  map[string][]int // in events, by key
}

// of goes through the events of a request, oldest first.
func (l *told) of(key string) (all []toldEvent) {
	for _, i := range l.places[key] {
		if i < len(l.events) && l.events[i].meta.Key == key { // not so after a test has cleared them
			all = append(all, l.events[i])
		}
	}
	return all
}

func (l *told) add(e toldEvent) {
	if l.places == nil {
		l.places = map[string][]int{}
	}
	l.places[e.meta.Key] = append(l.places[e.meta.Key], len(l.events))
	l.events = append(l.events, e)
}

type toldEvent struct {
	meta  messages.EventMeta
	event messages.Event
	token string
}

func (l *told) Tell(_ context.Context, m messages.EventMeta, e messages.Event, token string, alone bool) (engine.Telling, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, there := range l.of(m.Key) {
		sameAttempt := there.meta.Attempt == m.Attempt && (m.State != messages.StateBatchLegs || there.meta.Page == m.Page)
		if sameAttempt && (alone || there.meta.State == m.State || there.meta.State.Final() && m.State.Final()) {
			if there.token == token {
				return engine.ToldBefore, nil
			}
			return engine.Foreign, nil
		}
	}
	l.add(toldEvent{m, e, token})
	return engine.Told, nil
}

func (l *told) Replace(_ context.Context, m messages.EventMeta, e messages.Event, token string) error {
	if l.slow > 0 {
		time.Sleep(l.slow)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuses {
		l.refused++
		return errors.New("no progress is taken")
	}
	l.add(toldEvent{m, e, token})
	return nil
}

func (l *told) Accepted(_ context.Context, _, key string, attempt int) (messages.Event, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.of(key) {
		if e.meta.Attempt == attempt && e.meta.State == messages.StateAccepted {
			return e.event, true, nil
		}
	}
	return messages.Event{}, false, nil
}

func (l *told) Final(_ context.Context, _, key string, attempt int) (messages.Event, bool, error) {
	return l.first(key, func(m messages.EventMeta) bool { return m.Attempt == attempt && m.State.Final() })
}

func (l *told) Legs(_ context.Context, _, _, key string, attempt, page int) (messages.Event, bool, error) {
	return l.first(key, func(m messages.EventMeta) bool {
		return m.Attempt == attempt && m.State == messages.StateBatchLegs && m.Page == page
	})
}

func (l *told) first(key string, is func(messages.EventMeta) bool) (messages.Event, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.of(key) {
		if is(e.meta) {
			return e.event, true, nil
		}
	}
	return messages.Event{}, false, nil
}

// states lists what was told of a request, in order, but for its progress.
func (l *told) states(key string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var states []string
	for _, e := range l.of(key) {
		if e.meta.State != messages.StateProgress {
			states = append(states, string(e.meta.State))
		}
	}
	return strings.Join(states, " ")
}

// last returns the newest event of a request.
func (l *told) last(t *testing.T, key string) messages.Event {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.of(key)
	if len(all) == 0 {
		t.Fatalf("nothing was told of %s", key)
	}
	return all[len(all)-1].event
}

// stored is one page of a bulk.
type stored struct {
	data     []byte
	sequence uint64
	ttl      time.Duration
}

func pageName(key string, page int) string { return fmt.Sprintf("%s.%d", key, page) }

func (m *memory) Page(_ context.Context, key string, page int) ([]byte, uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, there := m.pages[pageName(key, page)]
	if !there {
		return nil, 0, ledger.ErrNone
	}
	return p.data, p.sequence, nil
}

func (m *memory) PutPage(_ context.Context, key string, page int, data []byte, over uint64, ttl time.Duration) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := pageName(key, page)
	if m.pages[name].sequence != over {
		return 0, ledger.ErrChanged
	}
	m.sequence++
	m.pages[name] = stored{data, m.sequence, ttl}
	return m.sequence, nil
}
