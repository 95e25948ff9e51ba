// Package pauses knows of which clouds and operations nothing new is to be
// submitted, because somebody said so. Each pause is one message in the
// stream of state, and a resume is written over it: nothing is ever deleted.
// All replicas follow them.
//
// Who may pause is the broker's business, what a pause means the engine's.
package pauses

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
)

// Pause is what somebody has said last of a cloud, or of one operation there.
type Pause struct {
	Cloud     string    `json:"cloud"`
	Operation string    `json:"operation"` // empty: all of them
	Paused    bool      `json:"paused"`
	At        time.Time `json:"at"` // when it was said
	// Message is the place of the control message in the queue of requests.
	Message uint64 `json:"message"`
}

// store is what pauses need of the broker.
type store interface {
	Put(ctx context.Context, stream string, m broker.Message) (uint64, error)
	Last(ctx context.Context, stream, subject string) (broker.Stored, error)
	Tail(ctx context.Context, stream, filter string, each func(broker.Stored), caughtUp func()) error
}

// held is a pause with its version.
type held struct {
	Pause
	sequence uint64
}

// Pauses are those that are known. It is safe for concurrent use.
type Pauses struct {
	store   store
	changed func(Pause)
	telling sync.Mutex // held while one is learned: changes are told in their order
	mu      sync.RWMutex
	known   map[[2]string]held
	doubted bool // the stream was set back, and is not read again yet
}

// New returns pauses that know nothing yet; changed is called with each that is
// new, one at a time.
func New(s store, changed func(Pause)) *Pauses {
	return &Pauses{store: s, changed: changed, known: map[[2]string]held{}}
}

// Follow learns all pauses, calls caughtUp once, then learns the news until
// ctx ends. What is no pause is given to bad. Where it returns
// broker.ErrRewound the stream was made anew or restored from a backup: what
// stands in it holds then, and everything is paused until Follow, called
// again, has read it.
func (p *Pauses) Follow(ctx context.Context, caughtUp func(), bad func(subject string, err error)) error {
	err := p.store.Tail(ctx, broker.StreamState, broker.PausedPrefix+">", func(m broker.Stored) {
		pause, err := Read(m)
		if err != nil {
			bad(m.Subject, err)
			return
		}
		p.learn(held{pause, m.Sequence})
	}, func() {
		p.settle()
		caughtUp()
	})
	if errors.Is(err, broker.ErrRewound) {
		p.doubt()
	}
	return err
}

// doubt has what is stored win over what is known, whatever its sequence.
func (p *Pauses) doubt() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doubted = true
	for id, h := range p.known {
		h.sequence = 0
		p.known[id] = h
	}
}

// settle ends a doubt: what was known and is not stored any more is over.
func (p *Pauses) settle() {
	p.telling.Lock()
	defer p.telling.Unlock()
	p.mu.Lock()
	var over []Pause
	for id, h := range p.known {
		if h.sequence > 0 {
			continue
		}
		delete(p.known, id)
		if h.Paused {
			h.Paused = false
			over = append(over, h.Pause)
		}
	}
	p.doubted = false
	p.mu.Unlock()
	for _, pause := range over {
		p.changed(pause)
	}
}

// Read reads a pause as it is stored.
func Read(m broker.Stored) (Pause, error) {
	var p Pause
	if err := json.Unmarshal(m.Data, &p); err != nil {
		return p, fmt.Errorf("%s: %w", m.Subject, err)
	}
	if want := subject(p.Cloud, p.Operation); m.Subject != want {
		return p, fmt.Errorf("%s holds a pause of %s", m.Subject, want)
	}
	return p, nil
}

func subject(cloud, operation string) string {
	return broker.PausedPrefix + cloud + "." + cmp.Or(operation, "_")
}

func (p *Pauses) learn(h held) {
	p.telling.Lock()
	defer p.telling.Unlock()
	id := [2]string{h.Cloud, h.Operation}
	p.mu.Lock()
	before := p.known[id]
	if h.sequence > before.sequence {
		p.known[id] = h
	}
	p.mu.Unlock()
	if h.sequence > before.sequence && h.Paused != before.Paused {
		p.changed(h.Pause)
	}
}

// Set stores what somebody has said, unless something later was said already:
// a message may come again. It blocks until the broker has stored it or ctx
// ends; from then on this process knows it.
func (p *Pauses) Set(ctx context.Context, next Pause) error {
	for {
		m, err := p.store.Last(ctx, broker.StreamState, subject(next.Cloud, next.Operation))
		if err != nil && !errors.Is(err, broker.ErrNone) {
			return fmt.Errorf("read what is paused: %w", err)
		}
		if there, bad := Read(m); err == nil && bad == nil && next.Message <= there.Message && !next.At.After(there.At) {
			p.learn(held{there, m.Sequence})
			return nil
		}
		if err = p.put(ctx, next, m.Sequence); !errors.Is(err, broker.ErrConflict) {
			return err
		}
	}
}

func (p *Pauses) put(ctx context.Context, next Pause, over uint64) error {
	data, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("encode pause: %w", err)
	}
	sequence, err := p.store.Put(ctx, broker.StreamState, broker.Message{
		Subject: subject(next.Cloud, next.Operation), Data: data, Expect: &broker.Expect{Sequence: over},
		Token: fmt.Sprintf("pause-%d-%d", next.Message, next.At.UnixNano()),
	})
	if err != nil {
		return fmt.Errorf("store pause: %w", err)
	}
	p.learn(held{next, sequence})
	return nil
}

// Paused reports whether nothing new of the operation is to be submitted to
// the cloud.
func (p *Pauses) Paused(cloud, operation string) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return p.doubted || p.known[[2]string{cloud, ""}].Paused || p.known[[2]string{cloud, operation}].Paused
}

// Of are those in a list that hold an operation of a cloud back: that of the
// cloud, that of the operation, or both.
func Of(list []Pause, cloud, operation string) (of []Pause) {
	for _, p := range list {
		if p.Paused && p.Cloud == cloud && (p.Operation == "" || p.Operation == operation) {
			of = append(of, p)
		}
	}
	return of
}
