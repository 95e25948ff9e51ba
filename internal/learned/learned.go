// Package learned keeps what the owners of accounts have learned: how long jobs
// take, one message for each cloud and operation in the stream of state, and how
// much less than its limits a cloud takes, one for each cloud. A newer one is
// written over it, nothing is ever deleted. All replicas follow them, so that a
// new owner knows at once what the one before knew.
//
// An account has one owner, so nobody writes beside it but, for a moment, the
// owner before; the last word counts then. What is lost is learned again.
//
// What the durations mean is the business of pace, what the limits do, and for how
// long, that of budget.
package learned

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/pace"
)

// store is what durations need of the broker.
type store interface {
	Put(ctx context.Context, stream string, m broker.Message) (uint64, error)
	Tail(ctx context.Context, stream, filter string, each func(broker.Stored), caughtUp func()) error
}

// Durations are those that are known, and the limits. It is safe for concurrent
// use.
type Durations struct {
	store store
	log   *slog.Logger
	wake  chan struct{} // there is something to be stored

	mu      sync.Mutex
	known   map[string][]byte // as stored, by subject
	newer   map[string]bool   // stored by a later version: left alone
	waiting map[string]json.Marshaler
}

// New returns durations that know nothing yet.
func New(s store, log *slog.Logger) *Durations {
	return &Durations{
		store: s, log: log, wake: make(chan struct{}, 1),
		known: map[string][]byte{}, newer: map[string]bool{}, waiting: map[string]json.Marshaler{},
	}
}

// Follow learns what is stored, calls caughtUp once, then learns the news until
// ctx ends.
func (d *Durations) Follow(ctx context.Context, caughtUp func()) error {
	return d.store.Tail(ctx, broker.StreamState, broker.PacePrefix+">", d.learn, caughtUp)
}

// learn takes over a stored message. What cannot be read is left where it is:
// a version that knows less must not destroy what it does not understand. What
// is known of accounts is not ours.
func (d *Durations) learn(m broker.Stored) {
	if strings.HasPrefix(m.Subject, broker.AccountPrefix) {
		return
	}
	var into json.Unmarshaler = &pace.Model{}
	if strings.HasSuffix(m.Subject, "."+limitsToken) {
		into = &limits{}
	}
	err := json.Unmarshal(m.Data, into)
	newer := errors.Is(err, pace.ErrNewer)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.newer[m.Subject] = newer
	switch {
	case newer:
		d.log.Warn("what a later version has learned is left alone; until it works here, it is learned anew at each start", "subject", m.Subject)
	case err != nil:
		d.log.Warn("a message holds nothing that was learned; it is learned anew", "subject", m.Subject, "error", err)
	default:
		d.known[m.Subject] = m.Data
		return
	}
	delete(d.known, m.Subject)
}

// Recall returns what was stored last about an operation's jobs in a cloud;
// false where nothing is known. It never blocks.
func (d *Durations) Recall(cloud, operation string) (*pace.Model, bool) {
	d.mu.Lock()
	data, known := d.known[subject(cloud, operation)]
	d.mu.Unlock()
	if !known {
		return nil, false
	}
	m := &pace.Model{}
	return m, json.Unmarshal(data, m) == nil
}

// Keep has a copy of what is known now stored by Write. It never blocks.
func (d *Durations) Keep(cloud, operation string, m *pace.Model) {
	d.keep(subject(cloud, operation), m.Clone())
}

func (d *Durations) keep(s string, m json.Marshaler) {
	d.mu.Lock()
	if !d.newer[s] {
		d.waiting[s] = m
	}
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Write stores what Keep is given until ctx ends; the newest of each.
func (d *Durations) Write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
		}
		if err := d.Flush(ctx); err != nil && ctx.Err() == nil {
			d.log.Warn("what was learned is not stored; more follows", "error", err)
		}
	}
}

// Flush stores what waits for it. It blocks until the broker has stored all or
// ctx ends.
func (d *Durations) Flush(ctx context.Context) error {
	for {
		s, m := d.next()
		if m == nil {
			return nil
		}
		if err := d.put(ctx, s, m); err != nil {
			return err
		}
	}
}

// next takes out one that waits.
func (d *Durations) next() (string, json.Marshaler) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for s, m := range d.waiting {
		delete(d.waiting, s)
		return s, m
	}
	return "", nil
}

// put stores what was learned, and gives it back where that fails, if there is none
// newer.
func (d *Durations) put(ctx context.Context, s string, m json.Marshaler) error {
	data, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode what was learned for %s: %w", s, err)
	}
	if _, err = d.store.Put(ctx, broker.StreamState, broker.Message{Subject: s, Data: data}); err == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.waiting[s] == nil {
		d.waiting[s] = m
	}
	return fmt.Errorf("store what was learned for %s: %w", s, err)
}

// subject is where the durations of an operation in a cloud are stored. Both
// are tokens; what is not, nobody has asked for.
func subject(cloud, operation string) string {
	return broker.PacePrefix + strings.Join([]string{cloud, operation}, ".")
}
