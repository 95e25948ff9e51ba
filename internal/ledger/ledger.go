// Package ledger keeps the worker's records: one job-tracking message a
// request, in one stream a shard, where the newest message of a subject is the
// record. Every write is conditional on the version that was read, so that of
// two owners only one decides.
//
// It knows states and how they are stored. What a state means for the cloud
// is the engine's business; which replica may write is the lease's.
package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/mutation"
)

// What a caller may have to tell apart.
var (
	// ErrExists: a record of that key is there already.
	ErrExists = errors.New("record exists")
	// ErrChanged: somebody wrote the record since it was read.
	ErrChanged = errors.New("record was changed by another writer")
	// ErrNone: there is no record of that key.
	ErrNone = errors.New("no such record")
)

// store is what the ledger needs of the broker.
type store interface {
	Put(ctx context.Context, stream string, m broker.Message) (uint64, error)
	Last(ctx context.Context, stream, subject string) (broker.Stored, error)
	Tail(ctx context.Context, stream, filter string, each func(broker.Stored), caughtUp func()) error
}

// Shard is the ledger of one shard. It is safe for concurrent use.
type Shard struct {
	store  store
	number int
	stream string
	echoes echoes
}

// New returns the ledger of the shard with that number.
func New(s store, number int) *Shard {
	return &Shard{store: s, number: number, stream: broker.TrackStream(number)}
}

// Create stores a new record and sets its Sequence. It blocks until the
// broker has stored it or ctx ends. ErrExists: the key has a record, which is
// left as it is.
func (s *Shard) Create(ctx context.Context, r *Record) error {
	r.Version, r.Sequence = Version, 0
	err := s.write(ctx, r, 0)
	if errors.Is(err, ErrChanged) {
		return fmt.Errorf("create record %s: %w", r.Key, ErrExists)
	}
	return err
}

// Update replaces the version of the record that r was read as and sets its
// new Sequence. It blocks until the broker has stored it or ctx ends.
// ErrChanged: r is out of date; read it again with Get.
func (s *Shard) Update(ctx context.Context, r *Record) error {
	return s.write(ctx, r, 0)
}

// Bury replaces the record by its tombstone, which vanishes after ttl (at
// least one second). Errors are those of Update.
func (s *Shard) Bury(ctx context.Context, r *Record, ttl time.Duration) error {
	t := r.Tombstone()
	if err := s.write(ctx, t, ttl); err != nil {
		return err
	}
	r.Sequence = t.Sequence
	return nil
}

// write stores one version. Every version rolls up the ones before: with a
// limit of one message a subject instead, replaced records were seen to come
// back after a hard crash of the servers.
func (s *Shard) write(ctx context.Context, r *Record, ttl time.Duration) error {
	data, err := encode(r)
	if err != nil {
		return fmt.Errorf("encode record %s: %w", r.Key, err)
	}
	token := rand.Text()
	s.echoes.expect(token, r)
	m := broker.Message{
		Subject: broker.TrackSubject(s.number, r.Key), Data: data,
		Expect: &broker.Expect{Sequence: r.Sequence}, Token: token, TTL: ttl, Rollup: true,
	}
	if mutation.On(mutation.Unconditional) {
		m.Expect = nil
	}
	seq, err := s.store.Put(ctx, s.stream, m)
	if err != nil {
		s.echoes.forget(token, r.Key)
	}
	if errors.Is(err, broker.ErrConflict) {
		return fmt.Errorf("write record %s: %w", r.Key, ErrChanged)
	}
	if err != nil {
		return fmt.Errorf("write record %s: %w", r.Key, err)
	}
	r.Sequence, r.Stored = seq, time.Time{}
	return nil
}

// Get reads a record as the stream's leader has it. ErrNone: there is none.
func (s *Shard) Get(ctx context.Context, key string) (*Record, error) {
	m, err := s.store.Last(ctx, s.stream, broker.TrackSubject(s.number, key))
	if errors.Is(err, broker.ErrNone) {
		return nil, fmt.Errorf("read record %s: %w", key, ErrNone)
	}
	if err != nil {
		return nil, fmt.Errorf("read record %s: %w", key, err)
	}
	return fromStored(m)
}

// Follow hands over every record of the shard, then every new version as it
// is written, by whomever, until ctx ends. caughtUp is called once, when all
// that stood there at the start has been handed over. Messages that are no
// record are given to bad. The functions are called one at a time.
func (s *Shard) Follow(ctx context.Context, each func(*Record), caughtUp func(), bad func(subject string, err error)) error {
	filter := broker.TrackSubject(s.number, "*")
	defer s.echoes.listen()()
	return s.store.Tail(ctx, s.stream, filter, func(m broker.Stored) {
		r, err := s.heard(m)
		if err != nil {
			bad(m.Subject, err)
			return
		}
		each(r)
	}, caughtUp)
}

// heard is the record that the stream has handed over: what was written here
// is not decoded again.
func (s *Shard) heard(m broker.Stored) (*Record, error) {
	r := s.echoes.take(m)
	if r == nil {
		return fromStored(m)
	}
	r.Sequence, r.Stored = m.Sequence, m.Time
	return r, nil
}

func fromStored(m broker.Stored) (*Record, error) {
	r, err := Decode(m.Data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Subject, err)
	}
	r.Sequence, r.Stored = m.Sequence, m.Time
	return r, nil
}
