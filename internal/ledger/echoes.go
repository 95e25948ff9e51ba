package ledger

import (
	"strings"
	"sync"

	"github.com/imsworker/imsworker/internal/broker"
)

// echoes are copies of what was written here and has not come back from the
// stream yet: most news of a shard are its owner's own. Of each key only the
// newest is held, since a version that was replaced may never come.
type echoes struct {
	mu        sync.Mutex // guards the rest
	listeners int        // without any, nothing is held
	byKey     map[string]echo
}

// echo is one version; its token is known before the broker has it.
type echo struct {
	token  string
	record *Record
}

// listen has versions held until stop is called.
func (e *echoes) listen() (stop func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.listeners++
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.listeners--; e.listeners == 0 {
			e.byKey = nil
		}
	}
}

// expect holds a copy of a version that is about to be written.
func (e *echoes) expect(token string, r *Record) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.listeners == 0 {
		return
	}
	if e.byKey == nil {
		e.byKey = map[string]echo{}
	}
	e.byKey[r.Key] = echo{token, r.Clone()}
}

// take gives back the copy of a message that was written here; nil: it was
// written elsewhere, or handed over before.
func (e *echoes) take(m broker.Stored) *Record {
	key := m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
	return e.remove(m.Header.Get(broker.TokenHeader), key)
}

// forget gives up a version that was not written, as far as is known.
func (e *echoes) forget(token, key string) { e.remove(token, key) }

func (e *echoes) remove(token, key string) *Record {
	e.mu.Lock()
	defer e.mu.Unlock()
	own, held := e.byKey[key]
	if !held || own.token != token {
		return nil
	}
	delete(e.byKey, key)
	return own.record
}
