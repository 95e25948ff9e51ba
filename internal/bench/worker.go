package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/imsworker/imsworker/internal/app"
	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/ops"
)

// eventsMaxAge is how long events are kept, for floors and worker alike.
const eventsMaxAge = 24 * time.Hour

// startWorker runs the whole worker, as `serve` does, with that clouds.yaml until stop. It logs as
// much as it does in service, to where nothing is kept.
func startWorker(ctx context.Context, nc *nats.Conn, clouds string) (stop func() error, err error) {
	dir, err := os.MkdirTemp("", "imsworker-bench-")
	if err != nil {
		return nil, fmt.Errorf("make the worker's directory: %w", err)
	}
	cfg := config.Config{
		NATS: config.NATS{URL: config.Secret(nc.ConnectedUrl())}, Shards: shards, StreamReplicas: 1,
		Lease: 15 * time.Second, SubmitTimeout: 30 * time.Second, EventsMaxAge: eventsMaxAge,
		CloudsFile: filepath.Join(dir, "clouds.yaml"), HTTPListen: "127.0.0.1:0", Drain: 25 * time.Second, Instance: "bench",
		Detect: config.Detect{Ratio: 0.03, Min: 2 * time.Second, Max: time.Minute},
	}
	if err := os.WriteFile(cfg.CloudsFile, []byte(clouds), 0o600); err != nil {
		return nil, fmt.Errorf("write clouds.yaml: %w", err)
	}
	log, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	ready, ended := make(chan struct{}), make(chan error, 1)
	tighten := ops.GiveRoom() // as `serve` does
	go func() {
		ended <- app.Run(ctx, cfg, app.Deps{
			Log: slog.New(slog.NewJSONHandler(log, nil)), Build: ops.Build{Version: "bench"},
			Ready: func(app.Addresses) { close(ready) },
		})
	}()
	stop = func() error {
		cancel()
		defer tighten()
		return errors.Join(<-ended, log.Close(), os.RemoveAll(dir))
	}
	select {
	case <-ready:
		return stop, nil
	case err := <-ended:
		ended <- err
		return nil, errors.Join(fmt.Errorf("start the worker: %w", err), stop())
	}
}

// stored counts the messages that records and events have taken, the replaced
// ones included; it waits until no more come.
func stored(ctx context.Context, nc *nats.Conn) (uint64, error) {
	js, err := jetstream.New(nc)
	if err != nil {
		return 0, fmt.Errorf("use JetStream: %w", err)
	}
	for before := uint64(0); ; {
		now, err := sequences(ctx, js)
		if err != nil || now == before {
			return now, err
		}
		before = now
		if err := sleep(ctx, 500*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

func sequences(ctx context.Context, js jetstream.JetStream) (uint64, error) {
	names := []string{broker.StreamEvents}
	for shard := range shards {
		names = append(names, broker.TrackStream(shard))
	}
	var sum uint64
	for _, name := range names {
		stream, err := js.Stream(ctx, name)
		if err != nil {
			return 0, fmt.Errorf("look at stream %s: %w", name, err)
		}
		sum += stream.CachedInfo().State.LastSeq
	}
	return sum, nil
}
