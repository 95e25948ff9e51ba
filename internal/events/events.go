// Package events tells what became of requests: CloudEvents in the stream of
// events, each stored once, on conditions that hold whatever crashes. Which
// event is due is the engine's business, its form that of messages.
package events

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/engine"
	"github.com/imsworker/imsworker/internal/mutation"
	"github.com/imsworker/imsworker/messages"
)

// ClaimHeader carries the token of the attempt that an event belongs to, so
// that a repetition of an old request is told from a repetition of our own
// write.
const ClaimHeader = "Ims-Claim"

// store is what events need of the broker.
type store interface {
	Put(ctx context.Context, stream string, m broker.Message) (uint64, error)
	Last(ctx context.Context, stream, subject string) (broker.Stored, error)
}

// Log is the stream of events. It is safe for concurrent use.
type Log struct {
	store     store
	published *prometheus.CounterVec
}

// New returns the log and registers its counter.
func New(s store, reg prometheus.Registerer) *Log {
	l := &Log{store: s, published: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "imsworker_events_published_total", Help: "Events stored in the stream of events; rises with each, under its state.",
	}, []string{"state"})}
	reg.MustRegister(l.published)
	for _, s := range messages.States() {
		l.published.WithLabelValues(string(s))
	}
	return l
}

// Tell implements engine.Events.
func (l *Log) Tell(ctx context.Context, m messages.EventMeta, e messages.Event, token string, alone bool) (engine.Telling, error) {
	condition := conditionOf(m, alone)
	msg, err := encode(m, e, token)
	if err != nil {
		return 0, err
	}
	msg.Expect, msg.Token = &broker.Expect{Subject: condition}, rand.Text()
	if mutation.On(mutation.RepeatedFinal) && m.State.Final() {
		msg.Expect = nil
	}
	_, err = l.store.Put(ctx, broker.StreamEvents, msg)
	switch {
	case err == nil:
		l.published.WithLabelValues(string(m.State)).Inc()
		return engine.Told, nil
	case !errors.Is(err, broker.ErrConflict):
		return 0, fmt.Errorf("publish %s: %w", msg.Subject, err)
	}
	return l.whose(ctx, condition, token)
}

// conditionOf is what must not exist for the event to be stored.
func conditionOf(m messages.EventMeta, alone bool) string {
	switch {
	case alone:
		return messages.AnyEventSubject(m.Cloud, m.Key, m.Attempt)
	case m.State.Final():
		return messages.AnyFinalSubject(m.Cloud, m.Operation, m.Key, m.Attempt)
	}
	return m.Subject()
}

// whose says to which attempt the event belongs that stood in the way.
func (l *Log) whose(ctx context.Context, condition, token string) (engine.Telling, error) {
	there, err := l.store.Last(ctx, broker.StreamEvents, condition)
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", condition, err)
	}
	if there.Header.Get(ClaimHeader) == token {
		return engine.ToldBefore, nil
	}
	return engine.Foreign, nil
}

// Replace implements engine.Events: of its subject only the newest is kept.
func (l *Log) Replace(ctx context.Context, m messages.EventMeta, e messages.Event, token string) error {
	msg, err := encode(m, e, token)
	if err != nil {
		return err
	}
	if _, err := l.store.Put(ctx, broker.StreamEvents, msg); err != nil {
		return fmt.Errorf("publish %s: %w", msg.Subject, err)
	}
	l.published.WithLabelValues(string(m.State)).Inc()
	return nil
}

// Accepted implements engine.Events.
func (l *Log) Accepted(ctx context.Context, cloud, key string, attempt int) (messages.Event, bool, error) {
	return l.read(ctx, messages.EventSubject(cloud, "*", messages.StateAccepted, key, attempt))
}

// Final reads the final event of an attempt; false: it has none.
func (l *Log) Final(ctx context.Context, cloud, key string, attempt int) (messages.Event, bool, error) {
	return l.read(ctx, messages.AnyFinalSubject(cloud, "*", key, attempt))
}

// Legs implements engine.Events.
func (l *Log) Legs(ctx context.Context, cloud, operation, key string, attempt, page int) (messages.Event, bool, error) {
	return l.read(ctx, messages.BatchLegsSubject(cloud, operation, key, attempt, page))
}

// read reads the event of a subject, which may hold wildcards.
func (l *Log) read(ctx context.Context, subject string) (messages.Event, bool, error) {
	there, err := l.store.Last(ctx, broker.StreamEvents, subject)
	if errors.Is(err, broker.ErrNone) {
		return messages.Event{}, false, nil
	}
	if err != nil {
		return messages.Event{}, false, fmt.Errorf("read %s: %w", subject, err)
	}
	_, e, err := messages.DecodeEvent(there.Header, there.Data)
	if err != nil {
		return messages.Event{}, false, fmt.Errorf("read %s: %w", subject, err)
	}
	return e, true, nil
}

func encode(m messages.EventMeta, e messages.Event, token string) (broker.Message, error) {
	header, body, err := messages.EncodeEvent(m, e)
	if err != nil {
		return broker.Message{}, fmt.Errorf("encode event %s of %s: %w", m.State, m.Key, err)
	}
	header[ClaimHeader] = []string{token}
	return broker.Message{Subject: m.Subject(), Header: header, Data: body}, nil
}
