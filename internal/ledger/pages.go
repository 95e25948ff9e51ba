package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/messages"
)

// Bulk is the part of a bulk's record that is about its legs. These stand in
// pages, messages of their own beside the record.
type Bulk struct {
	// Expansion names the one time that the legs were made; whoever makes them
	// writes it before the first page. Only pages that name it count.
	Expansion string `json:"expansion"`
	// Pages and Legs are how many there are, once all are written.
	Pages int `json:"pages,omitempty"`
	Legs  int `json:"legs,omitempty"`
	// Routes are the targets as they were resolved then.
	Routes []messages.BulkRoute `json:"routes,omitempty"`
	// Counts are those of the end.
	Counts *messages.Counts `json:"counts,omitempty"`
}

// NotSucceeded reports whether the record has ended in a way that somebody
// should hear of.
func (r *Record) NotSucceeded() bool {
	return r.Outcome.NotSucceeded() || r.Outcome == messages.StateBatchCompleted && r.Unsuccessful() > 0
}

// Unsuccessful is how many legs of a bulk that has ended did not succeed.
func (r *Record) Unsuccessful() int {
	if r.Bulk == nil || r.Bulk.Counts == nil {
		return 0
	}
	return r.Bulk.Counts.Unsuccessful()
}

// bare is what a tombstone keeps of a bulk.
func (b *Bulk) bare() *Bulk {
	if b == nil {
		return nil
	}
	return &Bulk{Expansion: b.Expansion, Pages: b.Pages, Legs: b.Legs, Counts: b.Counts}
}

// Page reads a page of a bulk as the stream's leader has it, and the sequence
// that the next write has as its condition. ErrNone: there is none.
func (s *Shard) Page(ctx context.Context, key string, page int) (data []byte, sequence uint64, err error) {
	m, err := s.store.Last(ctx, s.stream, broker.TrackPageSubject(s.number, key, page))
	if errors.Is(err, broker.ErrNone) {
		return nil, 0, fmt.Errorf("read page %d of %s: %w", page, key, ErrNone)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("read page %d of %s: %w", page, key, err)
	}
	return m.Data, m.Sequence, nil
}

// PutPage writes a page of a bulk over the version with that sequence, 0 for
// none, and returns the new one. A page with a time to live vanishes after it.
// ErrChanged: another writer was first.
func (s *Shard) PutPage(ctx context.Context, key string, page int, data []byte, over uint64, ttl time.Duration) (uint64, error) {
	sequence, err := s.store.Put(ctx, s.stream, broker.Message{
		Subject: broker.TrackPageSubject(s.number, key, page), Data: data,
		Expect: &broker.Expect{Sequence: over}, Token: rand.Text(), TTL: ttl, Rollup: true,
	})
	if errors.Is(err, broker.ErrConflict) {
		return 0, fmt.Errorf("write page %d of %s: %w", page, key, ErrChanged)
	}
	if err != nil {
		return 0, fmt.Errorf("write page %d of %s: %w", page, key, err)
	}
	return sequence, nil
}
