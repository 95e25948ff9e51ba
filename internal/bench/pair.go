package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// pair is two replicas for requests whose jobs have long been running: one of
// them is going to leave its part to the other.
type pair struct {
	clouds   int
	requests int
	lease    time.Duration
	rest     time.Duration // after which records count as settled
}

// scene is a pair at work, with its broker and cloud, each but the cloud in a
// process of its own.
type scene struct {
	pair
	env           []string // of the replicas
	broker        *child
	cloud         *cloudServer
	dir           string
	leaver, stays *replica
}

// stage starts everything but the replica that stays.
func (p pair) stage(ctx context.Context, asked func(path string)) (*scene, error) {
	s := &scene{pair: p}
	if err := s.start(ctx, asked); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

func (s *scene) start(ctx context.Context, asked func(path string)) (err error) {
	if s.broker, err = startBroker(ctx, false, ""); err != nil {
		return err
	}
	if s.cloud, err = (&cloudServer{busy: true, asked: asked}).start(ctx); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "imsworker-bench-"); err != nil {
		return fmt.Errorf("make the workers' directory: %w", err)
	}
	names := cloudNames(s.clouds)
	file := filepath.Join(s.dir, "clouds.yaml")
	if err := os.WriteFile(file, []byte(cloudsWith(s.cloud.url, names, "")), 0o600); err != nil {
		return fmt.Errorf("write clouds.yaml: %w", err)
	}
	if err := s.seed(ctx, s.broker.url, names); err != nil {
		return err
	}
	if err := sleep(ctx, s.rest); err != nil {
		return err
	}
	s.env = []string{"IMSWORKER_NATS_URL=" + s.broker.url, "IMSWORKER_CLOUDS_FILE=" + file, "IMSWORKER_STREAM_REPLICAS=1", "IMSWORKER_LEASE=" + s.lease.String()}
	if s.leaver, err = startReplica(ctx, "leaves", s.env...); err != nil {
		return err
	}
	_, err = s.leaver.until(ctx, shards, s.all)
	return err
}

// join starts the replica that stays; it is ready when it has its share.
func (s *scene) join(ctx context.Context) (err error) {
	s.stays, err = startReplica(ctx, "stays", s.env...)
	return err
}

// share waits until each replica has about half of the requests, and returns
// what the leaver has.
func (s *scene) share(ctx context.Context) (lost holds, err error) {
	var failed error
	_, err = s.stays.until(ctx, 0, func(h holds) bool {
		lost, failed = s.leaver.look(ctx)
		return failed != nil || h.shards+lost.shards == shards && h.requests+lost.requests == s.requests && lost.requests < s.requests*2/3
	})
	return lost, errors.Join(err, failed)
}

// stop ends what was started.
func (s *scene) stop() {
	for _, r := range []*replica{s.leaver, s.stays} {
		if r != nil {
			r.kill()
		}
	}
	if s.cloud != nil {
		s.cloud.stop()
	}
	if s.broker != nil {
		s.broker.stop()
	}
	_ = os.RemoveAll(s.dir)
}

// all says whether a replica follows every request of the pair, each with a
// timer or at work.
func (p pair) all(h holds) bool {
	return h.shards == shards && h.requests == p.requests && h.withoutTimer == 0
}

// seed writes the records, as they are an hour after their submission.
func (p pair) seed(ctx context.Context, url string, names []string) error {
	conn, err := broker.Dial(ctx, broker.Options{URL: url, Name: "bench"}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer conn.Close()
	topology := broker.Topology(broker.TopologyOptions{Shards: shards, Replicas: 1, EventsMaxAge: 720 * time.Hour})
	if _, err := conn.Apply(ctx, topology); err != nil {
		return fmt.Errorf("make streams: %w", err)
	}
	writers, ctx := errgroup.WithContext(ctx)
	writers.SetLimit(256)
	for i := range p.requests {
		name := names[i%len(names)]
		writers.Go(func() error { return ledger.New(conn, shardOf(name)).Create(ctx, longRunning(name, i)) })
	}
	if err := writers.Wait(); err != nil {
		return fmt.Errorf("write records: %w", err)
	}
	return nil
}

// shardOf is where the broker puts a cloud.
func shardOf(cloud string) int {
	h := fnv.New32a()
	_, _ = io.WriteString(h, cloud)
	return int(h.Sum32() % shards)
}

// longRunning is the record of a request whose job has been running for an
// hour.
func longRunning(cloud string, number int) *ledger.Record {
	id, then := fmt.Sprint(number), time.Now().Add(-time.Hour).UTC()
	return &ledger.Record{
		Key: messages.Key(cloud, "bench", id), Cloud: cloud, Operation: "create-whole-image", Source: "bench", ID: id, Attempt: 1,
		State: ledger.Submitted, Token: id, DataHash: ledger.HashData([]byte(exampleData)), Data: []byte(exampleData),
		Accepted: then, Deadline: then.Add(24 * time.Hour), Submitted: then, Posts: []time.Time{then}, Since: then, JobID: jobID(int64(number)),
	}
}
