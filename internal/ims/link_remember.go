package ims

import (
	"context"
	"maps"
	"sync"
	"time"
)

// remembered is how many answers a client keeps for Since.
const remembered = 512

type sinceKey struct{}

// Since marks a context: what only reads may be answered with what the cloud
// said at or after that moment. It saves calls where many ask for the same
// thing at once; what it says may have changed since.
func Since(ctx context.Context, at time.Time) context.Context {
	return context.WithValue(ctx, sinceKey{}, at)
}

// memory keeps the latest answers of calls made under Since.
type memory struct {
	mu      sync.Mutex
	answers map[string]*reply
}

// remembering is the link that answers from memory where that is asked for.
func remembering(next link) link {
	m := &memory{answers: map[string]*reply{}}
	return func(ctx context.Context, k call) (*reply, error) {
		since, wanted := ctx.Value(sinceKey{}).(time.Time)
		if !wanted || !k.reads() {
			return next(ctx, k)
		}
		name := k.name + " " + k.path + k.id + k.tail + "?" + k.query.Encode()
		if r := m.get(name, since); r != nil {
			return r, nil
		}
		r, err := next(ctx, k)
		if err == nil {
			m.put(name, r)
		}
		return r, err
	}
}

func (m *memory) get(name string, since time.Time) *reply {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.answers[name]; r != nil && !r.at.Before(since) {
		return r
	}
	return nil
}

// put keeps an answer. When there is no room, the older half makes some.
func (m *memory) put(name string, r *reply) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.answers) >= remembered {
		m.forget()
	}
	m.answers[name] = r
}

// forget drops all that is older than the answer in the middle of time.
func (m *memory) forget() {
	oldest, newest := time.Time{}, time.Time{}
	for r := range maps.Values(m.answers) {
		if oldest.IsZero() || r.at.Before(oldest) {
			oldest = r.at
		}
		if r.at.After(newest) {
			newest = r.at
		}
	}
	middle := oldest.Add(newest.Sub(oldest) / 2)
	maps.DeleteFunc(m.answers, func(_ string, r *reply) bool { return !r.at.After(middle) })
}
