package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/ops"
)

// polls is the scenario of the timers: many jobs that never end, each asked
// for again a fixed time after its last answer. How late a query is can be
// seen from outside: by what it comes later than that time after the answer.
type polls struct {
	requests int
	wait     time.Duration
	window   time.Duration
}

func (s polls) run(ctx context.Context, b *bench) error {
	requests := s.requests / shards * shards
	watch := newPunctual(requests, s.wait)
	r := &rig{requests: requests, shards: shards, state: ledger.Submitted, wait: s.wait, over: s.wait, cloud: watch}
	release, err := r.start(ctx)
	if err != nil {
		return err
	}
	defer r.stop()
	release()
	if err := r.settled(ctx, requests); err != nil {
		return err
	}
	if err := sleep(ctx, 2*s.wait); err != nil { // every job has been asked for
		return err
	}
	defer ops.GiveRoom()() // as `serve` does
	finish, err := b.profiled("polls")
	if err != nil {
		return err
	}
	begun, before := time.Now(), processorTime()
	watch.begin(int(1.5 * float64(requests) * s.window.Seconds() / s.wait.Seconds()))
	err = sleep(ctx, s.window)
	late := watch.end()
	took, used := time.Since(begun), processorTime()-before
	if err := errors.Join(err, finish()); err != nil {
		return err
	}
	return s.tell(b, requests, late, took, used)
}

func (s polls) tell(b *bench, requests int, late []time.Duration, took, used time.Duration) error {
	slices.Sort(late)
	fmt.Fprintf(b.out, "%d jobs on %d shards, each asked for every %s: %.0f queries/s are due\n", requests, shards, s.wait, float64(requests)/s.wait.Seconds())
	fmt.Fprintf(b.out, "%.1f µs of processor a query\n", float64(used.Nanoseconds())/1000/float64(max(len(late), 1)))
	fmt.Fprintf(b.out, "late by: median %s, 90 %% %s, 99 %% %s, most %s\n\n",
		brief(percentile(late, 0.5)), brief(percentile(late, 0.9)), brief(percentile(late, 0.99)), brief(percentile(late, 1)))
	return b.tell([]figure{
		{"polls_per_second", float64(len(late)) / took.Seconds(), "polls/s", "≥ 20000"},
		{"poll_lateness_p99_ms", float64(percentile(late, 0.99)) / float64(time.Millisecond), "ms", "≤ 20"},
	})
}

func brief(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

// punctual is a cloud that notes how late each query comes.
type punctual struct {
	wait  time.Duration
	start time.Time
	last  []atomic.Int64 // when each job was last answered, since start

	noting atomic.Bool
	mu     sync.Mutex
	late   []time.Duration
}

func newPunctual(jobs int, wait time.Duration) *punctual {
	return &punctual{wait: wait, start: time.Now(), last: make([]atomic.Int64, jobs)}
}

// begin starts to take notes, about so many: whoever asks must not wait until
// room for more is made.
func (p *punctual) begin(notes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.late = make([]time.Duration, 0, notes)
	p.noting.Store(true)
}

// end stops and returns how late each query of the time between was.
func (p *punctual) end() []time.Duration {
	p.noting.Store(false)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.late
}

// RoundTrip implements http.RoundTripper.
func (p *punctual) RoundTrip(r *http.Request) (*http.Response, error) {
	came := time.Since(p.start)
	job := jobNumber(r.URL.Path)
	if job < 0 || int(job) >= len(p.last) {
		return nil, fmt.Errorf("asked for %s", r.URL.Path)
	}
	if before := p.last[job].Load(); before > 0 && p.noting.Load() {
		p.note(came - time.Duration(before) - p.wait)
	}
	p.last[job].Store(int64(time.Since(p.start)))
	answer := jobAnswer(r.URL.Path, "RUNNING", `{}`)
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(answer)), ContentLength: int64(len(answer)), Request: r,
	}, nil
}

func (p *punctual) note(late time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.late = append(p.late, late)
}
