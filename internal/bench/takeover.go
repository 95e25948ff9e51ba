package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"
)

// takeover is the scenario of a replica that dies: another, started then,
// follows its requests as soon as the leases have expired.
type takeover struct {
	pair
	watch time.Duration // how long queries are counted after it
}

func (s takeover) run(ctx context.Context, b *bench) error {
	asked := &queries{count: map[string]int{}}
	scene, err := s.stage(ctx, asked.note)
	if err != nil {
		return err
	}
	defer scene.stop()
	scene.leaver.kill()
	begun := time.Now()
	if err := scene.join(ctx); err != nil {
		return err
	}
	at, err := scene.stays.until(ctx, shards, s.all)
	if err != nil {
		return err
	}
	took := at.Sub(begun)
	asked.begin()
	if err := sleep(ctx, s.watch); err != nil {
		return err
	}
	most, allowed := asked.most(), 0.9*showJobLimit*s.watch.Minutes()+1
	fmt.Fprintf(b.out, "%d requests of %d clouds lost their replica. In the %s after the take-over the cloud asked most was asked %d times\n\n",
		s.requests, s.clouds, s.watch, most)
	return b.tell([]figure{
		{"takeover_seconds", took.Seconds(), "s", fmt.Sprintf("≤ %.0f", (s.lease + 3*time.Second).Seconds())},
		{"lease_seconds", s.lease.Seconds(), "s", "the setting"},
		{"takeover_queries_of_budget", float64(most) / allowed, "", "≤ 1"},
	})
}

// showJobLimit is how many queries the cloud answers in a minute.
const showJobLimit = 1400

// handover is the scenario of a replica that is stopped: it hands its half of
// the requests over to the other.
type handover struct{ pair }

func (s handover) run(ctx context.Context, b *bench) error {
	scene, err := s.stage(ctx, nil)
	if err != nil {
		return err
	}
	defer scene.stop()
	if err := scene.join(ctx); err != nil {
		return err
	}
	lost, err := scene.share(ctx)
	if err != nil {
		return err
	}
	scene.stays.forget()
	begun := time.Now()
	if err := scene.leaver.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop a replica: %w", err)
	}
	at, err := scene.stays.until(ctx, lost.shards, s.all)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "%d requests in %d shards changed hands; %d were the other replica's already\n\n", lost.requests, lost.shards, s.requests-lost.requests)
	return b.tell([]figure{{"handover_seconds", at.Sub(begun).Seconds(), "s", "≤ 1"}})
}

// queries counts the status queries of each project.
type queries struct {
	mu    sync.Mutex
	count map[string]int
}

func (q *queries) note(path string) {
	project := path[:strings.LastIndexByte(path, '/')]
	q.mu.Lock()
	defer q.mu.Unlock()
	q.count[project]++
}

// begin forgets what was counted.
func (q *queries) begin() {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.count)
}

// most is the highest count.
func (q *queries) most() (n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, c := range q.count {
		n = max(n, c)
	}
	return n
}
