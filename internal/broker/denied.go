package broker

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// denials remembers what the server has just refused for lack of permission.
// Such a refusal comes apart from any answer; the request itself only times
// out. At most a few hundred subjects are kept.
type denials struct {
	mu       sync.Mutex
	at       map[string]time.Time
	expected map[string]bool
	changed  chan struct{} // closed and replaced at each refusal
}

func (d *denials) init() {
	d.at = make(map[string]time.Time)
	d.expected = make(map[string]bool)
	d.changed = make(chan struct{})
}

// add notes the subject that stands in quotes in the server's words, and says
// whether it was expected.
func (d *denials) add(err error) (expected bool) {
	subject := subjectOf(err)
	if subject == "" {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.at) > 256 {
		clear(d.at)
	}
	d.at[subject] = time.Now()
	close(d.changed)
	d.changed = make(chan struct{})
	return d.expected[subject]
}

// subjectOf is the subject that stands in quotes in the server's words.
func subjectOf(refusal error) string {
	parts := strings.Split(refusal.Error(), `"`)
	if len(parts) < 3 {
		return ""
	}
	return parts[1]
}

// expect has a refusal of subject not count as news until stop is called: who
// asked only wants to know whether it is permitted.
func (d *denials) expect(subject string) (stop func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.expected[subject] = true
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.expected, subject)
	}
}

func (d *denials) since(subject string, start time.Time) (bool, <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at, found := d.at[subject]
	return found && !at.Before(start), d.changed
}

// watch returns a context that ends with ErrDenied as its cause when the server
// refuses subject from now on. The caller calls stop, which waits for nothing.
func (d *denials) watch(ctx context.Context, subject string) (watched context.Context, stop func()) {
	start := time.Now()
	watched, cancel := context.WithCancelCause(ctx)
	go func() {
		for {
			refused, changed := d.since(subject, start)
			if refused {
				cancel(fmt.Errorf("%w: %s", ErrDenied, subject))
				return
			}
			select {
			case <-changed:
			case <-watched.Done():
				return
			}
		}
	}()
	return watched, func() { cancel(context.Canceled) }
}
