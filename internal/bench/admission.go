package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/ledger"
)

// admission is the scenario of a long queue: what it costs to let the next
// request pass, and to take in another in its place, while few and while many
// wait in one cloud; and what one that waits weighs.
type admission struct {
	few, many int
	admitted  int // requests that pass in one measurement
	rounds    int
}

func (s admission) run(ctx context.Context, b *bench) error {
	var few, many, bytes, ratios []float64
	for range s.rounds {
		cheap, _, err := s.measure(ctx, s.few)
		if err != nil {
			return err
		}
		dear, held, err := s.measure(ctx, s.many)
		if err != nil {
			return err
		}
		few, many, bytes = append(few, micro(cheap)), append(many, micro(dear)), append(bytes, held)
		ratios = append(ratios, float64(dear)/float64(cheap))
	}
	fmt.Fprintf(b.out, "processor time of one admission, with all that the engine does for it and for the request that takes its place:\n"+
		"%.1f µs while %d wait, %.1f µs while %d wait; medians of %d rounds of %d\n\n", median(few), s.few, median(many), s.many, s.rounds, s.admitted)
	return b.tell([]figure{
		{"admit_cost_ratio_100k_to_1k", median(ratios), "ratio", "≤ 1.3"},
		{"bytes_per_waiting_record", median(bytes), "B", "≤ 600"},
	})
}

func micro(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// measure has that many requests wait for a window that is full, then opens it.
func (s admission) measure(ctx context.Context, waiting int) (each time.Duration, bytes float64, err error) {
	var open atomic.Bool
	limits := func() map[string]budget.Limit {
		if open.Load() {
			return nil
		}
		return map[string]budget.Limit{"whole": {Count: 1, Window: 24 * time.Hour}}
	}
	gate := &turnstile{after: 1 + s.admitted/10, count: s.admitted, over: make(chan struct{}), more: make(chan struct{}, waiting)}
	r := &rig{requests: waiting + 1, shards: 1, state: ledger.Accepted, wait: 24 * time.Hour, cloud: gate, limits: limits, more: gate.more}
	release, err := r.start(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer r.stop()
	before := heapBytes()
	release()
	if err := r.settled(ctx, waiting); err != nil {
		return 0, 0, err
	}
	bytes = float64(heapBytes()-before) / float64(waiting)
	open.Store(true)
	r.engines[0].Reload()
	select {
	case <-gate.over:
		return gate.used / time.Duration(s.admitted), bytes, nil
	case <-ctx.Done():
		return 0, 0, context.Cause(ctx)
	case <-time.After(patience):
		return 0, 0, fmt.Errorf("%d of %d requests passed within %s", gate.passed.Load(), s.admitted, patience)
	}
}

// turnstile is a cloud that takes every request, has another one come for it,
// and measures the processor time between the first and the last of a number.
type turnstile struct {
	after, count int
	passed       atomic.Int64
	used         time.Duration
	more         chan struct{}
	over         chan struct{}
}

// RoundTrip implements http.RoundTripper.
func (t *turnstile) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodPost {
		return nil, errors.New("nobody should have asked")
	}
	n := t.passed.Add(1)
	switch int(n) {
	case t.after:
		t.used = -processorTime()
	case t.after + t.count:
		t.used += processorTime()
		close(t.over)
	}
	select {
	case t.more <- struct{}{}:
	default: // far more passed than were counted
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(`{"job_id":"` + jobID(n) + `"}`)), Request: r,
	}, nil
}
