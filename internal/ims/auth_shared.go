package ims

import (
	"context"
	"errors"
	"sync"
	"time"
)

// How long an answer without a value is given again instead of asking once
// more, by the cloud's clock.
const (
	refusedFirst = 5 * time.Second
	refusedMost  = 5 * time.Minute
	silentWait   = 250 * time.Millisecond // where nobody refused, but IAM could not tell
)

// shared is something that all calls of a client need and IAM has to be asked
// for, such as the token. One asking serves all who wait. A refusal is
// remembered and told at once to whoever comes later, for longer each time:
// a few wrong passwords lock a user, and hundreds of calls may be waiting.
type shared[T any] struct {
	ask    func(ctx context.Context) (T, error) // bounds its own time
	good   func(T) bool
	factor float64 // how much faster than ours the cloud's clock runs

	mu       sync.Mutex // guards the rest
	value    T
	asking   *asking[T] // nil while nobody asks
	failed   error      // the latest answer
	until    time.Time  // how long failed is told again
	refusals int        // in a row
	rest     time.Time  // nobody asks ahead before
}

// asking is one question to IAM.
type asking[T any] struct {
	done  chan struct{} // closed when the rest is there
	value T
	err   error
}

// get returns a value that is good, or the answer of the one asking that goes
// on. It ends with ctx; the asking goes on for the others.
func (s *shared[T]) get(ctx context.Context) (T, error) {
	var none T
	if err := ctx.Err(); err != nil {
		return none, &wireError{err: err}
	}
	a, value, err := s.join(ctx)
	if a == nil {
		return value, err
	}
	select {
	case <-a.done:
		return a.value, a.err
	case <-ctx.Done():
		return none, &wireError{err: ctx.Err()}
	}
}

// join returns what is known at once, or else the asking to wait for.
func (s *shared[T]) join(ctx context.Context) (*asking[T], T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var none T
	switch {
	case s.good(s.value):
		return nil, s.value, nil
	case s.asking == nil && time.Now().Before(s.until):
		return nil, none, s.failed
	case s.asking == nil:
		s.start(ctx)
	}
	return s.asking, none, nil
}

// ahead asks for the next value while this one is good, but once in a pause at
// most; nobody waits for it.
func (s *shared[T]) ahead(ctx context.Context, pause time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.asking != nil || now.Before(s.until) || now.Before(s.rest) {
		return
	}
	s.rest = now.Add(pause)
	s.start(ctx)
}

// start asks, apart from the caller: the end of its context is no answer to
// the others. The lock is held.
func (s *shared[T]) start(ctx context.Context) {
	a := &asking[T]{done: make(chan struct{})}
	s.asking = a
	go s.run(context.WithoutCancel(ctx), a)
}

func (s *shared[T]) run(ctx context.Context, a *asking[T]) {
	a.value, a.err = s.ask(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asking, s.failed = nil, a.err
	if a.err == nil {
		s.value, s.until, s.refusals = a.value, time.Time{}, 0
	} else {
		s.until = time.Now().Add(s.pause(a.err))
	}
	close(a.done)
}

// pause is how long an error is remembered.
func (s *shared[T]) pause(err error) time.Duration {
	wait := silentWait
	if v := VerdictOf(err); v == Account || v == Throttled {
		s.refusals++
		wait = min(refusedFirst<<min(s.refusals-1, 10), refusedMost)
		if e, ok := errors.AsType[*Error](err); ok {
			wait = max(wait, min(e.RetryAfter(), refusedMost))
		}
	}
	return time.Duration(float64(wait) / s.factor)
}

// peek returns the value, good or not.
func (s *shared[T]) peek() T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value
}

// drop forgets the value if it is the one that is meant.
func (s *shared[T]) drop(meant func(T) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if meant(s.value) {
		var none T
		s.value = none
	}
}
