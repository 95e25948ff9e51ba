package simulate

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
)

// streams are the broker's streams in memory: of each subject the newest
// message, with conditions, times to live and delete markers as the server has
// them. Dead letters are all kept.
type streams struct {
	mu     sync.Mutex
	byName map[string]*stream
	dead   []broker.Stored
	// stored is told of each message that is about to be stored, and of the one
	// that it replaces, if there is one. The lock is held.
	stored func(stream string, m, old broker.Stored)
}

type stream struct {
	last     uint64
	newest   map[string]*kept
	tails    map[*tail]bool
	letters  map[string]uint64 // by Nats-Msg-Id
	markers  bool              // what expires leaves a delete marker
	everyOne bool              // older messages of a subject stay
}

type kept struct {
	broker.Stored
	expiry *time.Timer
}

func newStreams(shards int) *streams {
	s := &streams{byName: map[string]*stream{}, stored: func(string, broker.Stored, broker.Stored) {}}
	add := func(name string) *stream {
		st := &stream{newest: map[string]*kept{}, tails: map[*tail]bool{}, letters: map[string]uint64{}}
		s.byName[name] = st
		return st
	}
	add(broker.StreamEvents)
	add(broker.StreamState).markers = true
	add(broker.StreamDead).everyOne = true
	for shard := range shards {
		add(broker.TrackStream(shard))
	}
	return s
}

// put stores a message if its condition holds.
func (s *streams) put(name string, m broker.Message) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.byName[name]
	if st == nil {
		return 0, errors.New("no stream " + name)
	}
	if sequence, twice := st.letters[m.MsgID]; twice && m.MsgID != "" {
		return sequence, nil
	}
	if m.Expect != nil {
		subject := m.Expect.Subject
		if subject == "" {
			subject = m.Subject
		}
		if last, _ := st.find(subject); last.Sequence != m.Expect.Sequence {
			return 0, broker.ErrConflict
		}
	}
	return s.store(name, st, m), nil
}

func (s *streams) store(name string, st *stream, m broker.Message) uint64 {
	h := nats.Header{}
	maps.Copy(h, m.Header)
	if m.Token != "" {
		h.Set(broker.TokenHeader, m.Token)
	}
	old := broker.Stored{}
	if there := st.newest[m.Subject]; there != nil {
		old = there.Stored
		if there.expiry != nil {
			there.expiry.Stop()
		}
	}
	now := broker.Stored{Subject: m.Subject, Sequence: st.last + 1, Time: time.Now().UTC(), Header: h, Data: m.Data}
	s.stored(name, now, old)
	st.last++
	if st.everyOne {
		s.dead = append(s.dead, now)
	}
	if m.MsgID != "" {
		st.letters[m.MsgID] = st.last
	}
	k := &kept{Stored: now}
	st.newest[m.Subject] = k
	if m.TTL > 0 {
		k.expiry = time.AfterFunc(m.TTL, func() { s.expire(name, st, k) })
	}
	for t := range st.tails {
		t.offer(now)
	}
	return st.last
}

// expire removes a message whose time to live is over, unless it was replaced.
func (s *streams) expire(name string, st *stream, k *kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.newest[k.Subject] != k {
		return
	}
	delete(st.newest, k.Subject)
	if st.markers && len(k.Data) > 0 {
		s.store(name, st, broker.Message{Subject: k.Subject, TTL: time.Minute, Header: nats.Header{"Nats-Marker-Reason": {"MaxAge"}}})
	}
}

// last is the newest message under a subject, which may hold wildcards.
func (s *streams) last(name, subject string) (broker.Stored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, found := s.byName[name].find(subject)
	if !found {
		return broker.Stored{}, broker.ErrNone
	}
	return m, nil
}

func (st *stream) find(subject string) (newest broker.Stored, found bool) {
	if !strings.ContainsAny(subject, "*>") {
		if k := st.newest[subject]; k != nil {
			return k.Stored, true
		}
		return newest, false
	}
	for _, k := range st.newest {
		if k.Sequence > newest.Sequence && matches(subject, k.Subject) {
			newest, found = k.Stored, true
		}
	}
	return newest, found
}

// matches reports whether a subject is matched by a filter.
func matches(filter, subject string) bool {
	for {
		want, moreWanted, more := strings.Cut(filter, ".")
		have, moreSubject, rest := strings.Cut(subject, ".")
		switch {
		case want == ">":
			return true
		case want != "*" && want != have, more != rest:
			return false
		case !more:
			return true
		}
		filter, subject = moreWanted, moreSubject
	}
}

// all lists the newest messages under a filter, oldest first. The lock is held.
func (st *stream) all(filter string) []broker.Stored {
	var list []broker.Stored
	for _, k := range st.newest {
		if matches(filter, k.Subject) {
			list = append(list, k.Stored)
		}
	}
	slices.SortFunc(list, func(a, b broker.Stored) int { return int(a.Sequence) - int(b.Sequence) })
	return list
}

// list is all for those who have not the lock.
func (s *streams) list(name, filter string) []broker.Stored {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byName[name].all(filter)
}

// tail is one reader of a stream.
type tail struct {
	filter string
	mu     sync.Mutex
	queue  []broker.Stored
	wake   chan struct{}
}

func (t *tail) offer(m broker.Stored) {
	if !matches(t.filter, m.Subject) {
		return
	}
	t.mu.Lock()
	t.queue = append(t.queue, m)
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// batch takes out all that waits.
func (t *tail) batch() []broker.Stored {
	t.mu.Lock()
	defer t.mu.Unlock()
	b := t.queue
	t.queue = nil
	return b
}

// follow makes a reader that begins with all that is there; it returns how
// many that are.
func (s *streams) follow(name, filter string) (*tail, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &tail{filter: filter, wake: make(chan struct{}, 1), queue: s.byName[name].all(filter)}
	s.byName[name].tails[t] = true
	return t, len(t.queue)
}

func (s *streams) leave(name string, t *tail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byName[name].tails, t)
}
