package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/messages"
)

// ending is how one job ended, and when that was told, by the cloud's clock.
type ending struct {
	cloud, operation, job string
	begin, end, told      time.Time
	succeeded             bool
}

func (e ending) delay() time.Duration    { return e.told.Sub(e.end) }
func (e ending) duration() time.Duration { return e.end.Sub(e.begin) }

// ratio is the delay beside the bound that is promised for it.
func (e ending) ratio() float64 {
	bound := max(2*time.Second, min(time.Minute, e.duration()*3/100))
	return float64(e.delay()) / float64(bound)
}

// endings hears of what the worker tells.
type endings struct {
	now func() time.Time

	mu       sync.Mutex
	then     func(cloud string) // called for each end; may be nil
	known    map[string]bool    // keys: an event may pass more than once
	all      []ending
	accepted map[string]time.Time
}

// listen hears all events until the connection is closed.
func listen(nc *nats.Conn, now func() time.Time) (*endings, error) {
	e := &endings{now: now, known: map[string]bool{}, accepted: map[string]time.Time{}}
	for subject, hear := range map[string]nats.MsgHandler{"ims.event.*.*.final.>": e.final, "ims.event.*.*.life.accepted.>": e.begun} {
		if _, err := nc.Subscribe(subject, hear); err != nil {
			return nil, fmt.Errorf("listen for events: %w", err)
		}
	}
	return e, nc.Flush()
}

func (e *endings) begun(m *nats.Msg) {
	at := e.now()
	meta, _, err := messages.DecodeEvent(m.Header, m.Data)
	if err != nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.accepted[meta.Key] = at
}

func (e *endings) final(m *nats.Msg) {
	at := e.now()
	meta, event, err := messages.DecodeEvent(m.Header, m.Data)
	if err != nil || !e.note(meta, event, at) {
		return
	}
	e.mu.Lock()
	then := e.then
	e.mu.Unlock()
	if then != nil {
		then(meta.Cloud)
	}
}

// each has something done for each end from now on; nil: nothing any more.
func (e *endings) each(then func(cloud string)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.then = then
}

// note keeps an end, once.
func (e *endings) note(meta messages.EventMeta, event messages.Event, at time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.known[meta.Key] {
		return false
	}
	e.known[meta.Key] = true
	one := ending{cloud: meta.Cloud, operation: meta.Operation, told: at, succeeded: meta.State == messages.StateSucceeded}
	if t := event.Times; t.RemoteBegin != nil && t.RemoteEnd != nil {
		one.begin, one.end = *t.RemoteBegin, *t.RemoteEnd
	}
	if event.Job != nil {
		one.job = event.Job.ID
	}
	e.all = append(e.all, one)
	return true
}

// of are the ends of a cloud's jobs that were told from a moment on, up to
// another.
func (e *endings) of(cloud string, from, to time.Time) []ending {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.DeleteFunc(between(e.all, from, to), func(one ending) bool { return one.cloud != cloud })
}

// count is how many have ended.
func (e *endings) count() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.all)
}

// await waits until so many have ended.
func (e *endings) await(ctx context.Context, n int, most time.Duration) error {
	for until := time.Now().Add(most); e.count() < n; {
		if time.Now().After(until) {
			return fmt.Errorf("%d of %d requests ended within %s", e.count(), n, most)
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// begunCount is how many requests have been accepted.
func (e *endings) begunCount() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.accepted)
}

// acceptedAt is when a request's acceptance was told; zero before.
func (e *endings) acceptedAt(key string) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.accepted[key]
}
