package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/messages"
)

// heapSizes are what the broker has in memory for one message.
type heapSizes struct{ record, event float64 }

// heapOf fills a broker in this process, whose heap can be looked at.
func (s sizing) heapOf(ctx context.Context, record, event int64) (sizes heapSizes, err error) {
	dir, err := os.MkdirTemp("", "imsworker-bench-")
	if err != nil {
		return sizes, fmt.Errorf("make the broker's store: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	nats, err := server.NewServer(&server.Options{ServerName: "bench", Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true, JetStream: true, StoreDir: dir})
	if err != nil {
		return sizes, fmt.Errorf("make a broker: %w", err)
	}
	nats.Start()
	defer func() { nats.Shutdown(); nats.WaitForShutdown() }()
	if !nats.ReadyForConnections(brokerStart) {
		return sizes, fmt.Errorf("the broker is not ready within %s", brokerStart)
	}
	conn, err := broker.Dial(ctx, broker.Options{URL: nats.ClientURL(), Name: "bench"}, slog.New(slog.DiscardHandler))
	if err != nil {
		return sizes, err
	}
	defer conn.Close()
	if _, err := conn.Apply(ctx, broker.Topology(broker.TopologyOptions{Shards: shards, Replicas: 1, EventsMaxAge: eventsMaxAge})); err != nil {
		return sizes, err
	}
	if sizes.record, err = s.heapFor(ctx, conn.NATS(), record, func(n int) string { return broker.TrackSubject(n%shards, keyNumber(n)) }); err != nil {
		return sizes, err
	}
	sizes.event, err = s.heapFor(ctx, conn.NATS(), event, func(n int) string {
		return messages.EventSubject("eu-de-prod", "copy-image", messages.StateSucceeded, keyNumber(n), 1)
	})
	return sizes, err
}

func keyNumber(n int) string { return messages.Key("eu-de-prod", "/bench", fmt.Sprint(n)) }

// heapFor publishes so many messages of a size, each under its own subject, and
// returns what one has added to the heap when all caches are empty.
func (s sizing) heapFor(ctx context.Context, nc *nats.Conn, bytes int64, subject func(int) string) (float64, error) {
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(1024))
	if err != nil {
		return 0, fmt.Errorf("use JetStream: %w", err)
	}
	body := make([]byte, max(bytes-int64(len(subject(0)))-storedAround, 0))
	before, err := s.quietHeap(ctx)
	if err != nil {
		return 0, err
	}
	for i := range s.subjects {
		if _, err := js.PublishAsync(subject(i), body, jetstream.WithStallWait(time.Minute)); err != nil {
			return 0, fmt.Errorf("fill the broker: %w", err)
		}
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	after, err := s.quietHeap(ctx)
	runtime.KeepAlive(js)
	return float64(after-before) / float64(s.subjects), err
}

// storedAround is what the broker stores beside subject and body.
const storedAround = 30

// quietHeap waits until the heap shrinks no more: the broker keeps what it has
// just written for some seconds.
func (s sizing) quietHeap(ctx context.Context) (int64, error) {
	for least, since := heapBytes(), time.Now(); ; {
		if err := sleep(ctx, s.quiet/10); err != nil {
			return 0, err
		}
		now := heapBytes()
		if now < least-least/100 {
			least, since = now, time.Now()
		}
		if time.Since(since) >= s.quiet {
			return min(now, least), nil
		}
	}
}
