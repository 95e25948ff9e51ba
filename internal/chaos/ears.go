package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/messages"
)

// told is one event as it was read.
type told struct {
	sequence uint64
	at       time.Time // the broker's clock
	key      string
	state    messages.State
	event    messages.Event
	unread   string // why it could not be read
}

// ears hear all events, from the first on.
type ears struct {
	resent int // requests that were sent once more; the publisher's

	mu     sync.Mutex
	last   uint64 // sequence
	all    []told
	finals map[string]int // by key
	when   time.Time      // a request ended last, by our clock
}

// listen reads until ctx ends. Should reading fail, it begins anew and skips
// what it has.
func (e *ears) listen(ctx context.Context, p *plant) {
	for ctx.Err() == nil {
		err := e.follow(ctx, p)
		if ctx.Err() == nil {
			p.say("reading events goes on after: %v", err)
			_ = sleep(ctx, time.Second)
		}
	}
}

func (e *ears) follow(ctx context.Context, p *plant) error {
	listener := p.door.options(asOperator, p.cluster.URL())
	listener.Wait = true
	conn, err := broker.Dial(ctx, listener, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.Tail(ctx, broker.StreamEvents, "ims.event.>", e.hear, func() {})
}

func (e *ears) hear(m broker.Stored) {
	t := told{sequence: m.Sequence, at: m.Time}
	meta, event, err := messages.DecodeEvent(m.Header, m.Data)
	if err != nil {
		t.unread = fmt.Sprintf("%s: %v", m.Subject, err)
	}
	t.key, t.state, t.event = meta.Key, meta.State, event
	e.mu.Lock()
	defer e.mu.Unlock()
	if m.Sequence <= e.last {
		return
	}
	e.last = m.Sequence
	e.all = append(e.all, t)
	if t.state.Final() {
		e.finals[t.key]++
		e.when = time.Now()
	}
}

// ended is the number of requests that have a final event.
func (e *ears) ended() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.finals)
}

func (e *ears) silentFor() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Since(e.when)
}

func (e *ears) events() []told {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.all)
}

// upTo waits until everything that the stream holds was heard.
func (e *ears) upTo(ctx context.Context, p *plant) error {
	return await(ctx, "the last events", func() bool {
		try, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		stream, err := p.js.Stream(try, broker.StreamEvents)
		if err != nil {
			return errors.Is(ctx.Err(), context.Canceled)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.last >= stream.CachedInfo().State.LastSeq
	})
}
