package simulate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
)

// errAway is one try that got no answer.
var errAway = errors.New("no answer from the broker")

// Times of a connection.
const (
	tripLeast, tripMost = 100 * time.Microsecond, 4 * time.Millisecond
	tryTimeout          = 2 * time.Second // until a try without an answer is given up
	tryPause            = 250 * time.Millisecond
)

// weather is the state of the way to the broker. It is safe for concurrent
// use.
type weather struct {
	mu       sync.Mutex
	away     time.Time            // the broker answers nobody before
	cut      map[string]time.Time // by replica: it reaches nobody before
	slow     time.Time            // news come late until then
	slowness time.Duration
	lose     map[string]int // by prefix of subjects: answers to be lost
}

// blocked reports whether the replica cannot reach the broker now.
func (w *weather) blocked(replica string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	return now.Before(w.away) || now.Before(w.cut[replica])
}

// loses reports whether the answer to a write of the subject is lost, once for
// each time that was asked for.
func (w *weather) loses(subject string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for prefix, n := range w.lose {
		if n > 0 && strings.HasPrefix(subject, prefix) {
			w.lose[prefix]--
			return true
		}
	}
	return false
}

// lag is how much later than usual news come now.
func (w *weather) lag() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Now().Before(w.slow) {
		return w.slowness
	}
	return 0
}

// conn is a process's connection to the broker, with what broker.Conn promises
// of Put, Last and Tail.
type conn struct {
	process *process
	streams *streams
	weather *weather
	draws   *draws
	traps   *traps
}

// trip is one way between process and broker.
func (c *conn) trip(ctx context.Context, what string) error {
	if err := c.process.sleep(ctx, c.draws.delay(what, tripLeast, tripMost)); err != nil {
		return err
	}
	if !c.weather.blocked(c.process.name) {
		return nil
	}
	if err := c.process.sleep(ctx, tryTimeout); err != nil {
		return err
	}
	return errAway
}

// Put stores a message as broker.Conn does: it goes on until there is an
// answer, and tells its own message from a foreign one by the token.
func (c *conn) Put(ctx context.Context, stream string, m broker.Message) (uint64, error) {
	for {
		sequence, err := c.putOnce(ctx, stream, m)
		switch {
		case err == nil:
			return sequence, nil
		case errors.Is(err, errKilled):
			return 0, fmt.Errorf("put %s: %w", m.Subject, err)
		case ctx.Err() != nil:
			return 0, fmt.Errorf("put %s: %w (last: %w)", m.Subject, context.Cause(ctx), err)
		case errors.Is(err, broker.ErrConflict):
			return c.refused(ctx, stream, m)
		case !errors.Is(err, errAway):
			return 0, fmt.Errorf("put %s: %w", m.Subject, err)
		}
		if err := c.process.sleep(ctx, tryPause); err != nil {
			return 0, fmt.Errorf("put %s: %w", m.Subject, err)
		}
	}
}

func (c *conn) putOnce(ctx context.Context, stream string, m broker.Message) (uint64, error) {
	what := c.process.name + " put " + m.Subject
	if err := c.trip(ctx, what); err != nil {
		return 0, err
	}
	c.traps.storing(c.process, "before", stream, m)
	if err := c.process.gate(); err != nil {
		return 0, err
	}
	sequence, err := c.streams.put(stream, m)
	c.traps.storing(c.process, "after", stream, m)
	if err == nil && c.weather.loses(m.Subject) {
		if err := c.process.sleep(ctx, tryTimeout); err != nil {
			return 0, err
		}
		return 0, errAway
	}
	if lost := c.trip(ctx, what); lost != nil {
		return 0, lost
	}
	return sequence, err
}

func (c *conn) refused(ctx context.Context, stream string, m broker.Message) (uint64, error) {
	if m.Token == "" {
		return 0, fmt.Errorf("put %s: %w", m.Subject, broker.ErrConflict)
	}
	last, err := c.Last(ctx, stream, m.Subject)
	switch {
	case err == nil && last.Header.Get(broker.TokenHeader) == m.Token:
		return last.Sequence, nil
	case err == nil || errors.Is(err, broker.ErrNone):
		return 0, fmt.Errorf("put %s: %w", m.Subject, broker.ErrConflict)
	}
	return 0, fmt.Errorf("put %s: look whether it is there: %w", m.Subject, err)
}

// Last reads the newest message under a subject from the leader.
func (c *conn) Last(ctx context.Context, stream, subject string) (broker.Stored, error) {
	what := c.process.name + " last " + subject
	for {
		m, err := c.lastOnce(ctx, what, stream, subject)
		switch {
		case err == nil:
			return m, nil
		case errors.Is(err, errKilled) || errors.Is(err, broker.ErrNone):
			return m, fmt.Errorf("read %s: %w", subject, err)
		case ctx.Err() != nil:
			return m, fmt.Errorf("read %s: %w", subject, context.Cause(ctx))
		}
		if err := c.process.sleep(ctx, tryPause); err != nil {
			return m, fmt.Errorf("read %s: %w", subject, err)
		}
	}
}

func (c *conn) lastOnce(ctx context.Context, what, stream, subject string) (broker.Stored, error) {
	if err := c.trip(ctx, what); err != nil {
		return broker.Stored{}, err
	}
	m, err := c.streams.last(stream, subject)
	if lost := c.trip(ctx, what); lost != nil {
		return broker.Stored{}, lost
	}
	return m, err
}

// Tail hands over all that is there, then the news, until ctx ends.
func (c *conn) Tail(ctx context.Context, stream, filter string, each func(broker.Stored), caughtUp func()) error {
	what := c.process.name + " tail " + filter
	if err := c.arrive(ctx, what, stream); err != nil {
		return err
	}
	t, left := c.streams.follow(stream, filter)
	defer c.streams.leave(stream, t)
	if left == 0 {
		caughtUp()
	}
	for {
		for _, m := range t.batch() {
			if err := c.process.gate(); err != nil || ctx.Err() != nil {
				return errors.Join(err, context.Cause(ctx))
			}
			each(m)
			if left--; left == 0 {
				caughtUp()
			}
		}
		select {
		case <-t.wake:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-c.process.dead:
			return errKilled
		}
		if err := c.arrive(ctx, what, stream); err != nil {
			return err
		}
	}
}

// arrive lets news reach the process, however long that takes. News of leases
// come at once: they are most of what happens, and nothing hangs on them.
func (c *conn) arrive(ctx context.Context, what, stream string) error {
	if stream == broker.StreamState && !c.weather.blocked(c.process.name) {
		return c.process.gate()
	}
	if lag := c.weather.lag(); lag > 0 {
		if err := c.process.sleep(ctx, lag); err != nil {
			return err
		}
	}
	for {
		err := c.trip(ctx, what)
		if err == nil || !errors.Is(err, errAway) || ctx.Err() != nil {
			return err
		}
	}
}
