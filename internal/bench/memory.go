package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"github.com/imsworker/imsworker/internal/ledger"
)

// memory is the scenario of the heap: many requests that are submitted and
// wait for their next status query.
type memory struct{ requests int }

func (s memory) run(ctx context.Context, b *bench) (err error) {
	r := &rig{requests: s.requests / shards * shards, shards: shards, state: ledger.Submitted, wait: 24 * time.Hour, cloud: nobody{}}
	release, err := r.start(ctx)
	if err != nil {
		return err
	}
	defer r.stop()
	before := heapBytes()
	release()
	if err := r.settled(ctx, r.requests); err != nil {
		return err
	}
	held := heapBytes() - before
	fmt.Fprintf(b.out, "%d requests on %d shards; the ledger is the real one over a store that keeps nothing\n\n", r.requests, shards)
	err = b.heap("memory")
	runtime.KeepAlive(r)
	return errors.Join(err, b.tell([]figure{{"bytes_per_request_in_flight", float64(held) / float64(r.requests), "B", "≤ 1536"}}))
}

// heapBytes is what the heap holds when all that can go is gone.
func heapBytes() int64 {
	runtime.GC()
	runtime.GC() // what had a finalizer at the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc) //nolint:gosec // no heap is that large
}

// nobody is a cloud that is not there: nothing asks it within a day.
type nobody struct{}

// RoundTrip implements http.RoundTripper.
func (nobody) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("nobody should have asked")
}
