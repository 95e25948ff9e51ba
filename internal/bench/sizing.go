package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/fakecloud"
)

// sizing is the scenario of what requests take in each stream, in the moments
// of their lives, and what the broker has in memory for them.
type sizing struct {
	requests int           // that are followed
	jobs     time.Duration // which their jobs take, by the cloud's clock
	subjects int           // by which the memory of one is measured
	factor   float64
	quiet    time.Duration // longer than the broker keeps in memory what was just written
}

func (s sizing) run(ctx context.Context, b *bench) (err error) {
	stage, err := openStage(ctx, s.factor, account{name: "worker", settings: "limits: off", switches: fakecloud.Switches{
		RatesOff: true, Durations: map[string]fakecloud.Span{"*": {Run: fakecloud.Duration(s.jobs)}},
	}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.stop()) }()
	l := &lifeSizes{sizing: s, stage: stage}
	if err := l.follow(ctx); err != nil {
		return err
	}
	record, event := l.under[tracks].each(s.requests), l.ended[broker.StreamEvents].bytes/max(l.ended[broker.StreamEvents].messages, 1)
	heap, err := s.heapOf(ctx, record, event)
	if err != nil {
		return err
	}
	return l.tell(b, heap)
}

// tracks stands for all streams of the ledger.
const tracks = "IMS_TRACK_*"

// size is what a stream holds.
type size struct{ messages, bytes, disk int64 }

func (s size) each(requests int) int64 { return s.bytes / int64(requests) }

// lifeSizes are the sizes of the streams in three moments, and of dead letters.
type lifeSizes struct {
	sizing

	stage                      *stage
	js                         jetstream.JetStream
	waiting, under, ended, bad map[string]size
}

// follow publishes before there is a worker, lets it submit all, waits for the
// end of all, and then for dead letters.
func (l *lifeSizes) follow(ctx context.Context) (err error) {
	conn, err := broker.Dial(ctx, broker.Options{URL: l.stage.nc.ConnectedUrl(), Name: "bench"}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer conn.Close()
	l.js = conn.JetStream()
	if _, err := conn.Apply(ctx, broker.Topology(broker.TopologyOptions{Shards: shards, Replicas: 1, EventsMaxAge: eventsMaxAge})); err != nil {
		return err
	}
	if err := l.stage.copies("worker", l.requests); err != nil {
		return err
	}
	if l.waiting, err = l.when(ctx, func(now map[string]size) bool { return now[broker.StreamRequests].messages == int64(l.requests) }); err != nil {
		return err
	}
	stop, err := startWorker(ctx, l.stage.nc, l.stage.yaml())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := until(ctx, func() bool { return len(l.stage.fake.Begun("worker")) == l.requests }); err != nil {
		return err
	}
	if l.under, err = l.when(ctx, func(now map[string]size) bool { return now[broker.StreamEvents].messages >= 2*int64(l.requests) }); err != nil {
		return err
	}
	if err := until(ctx, func() bool { return l.stage.ends.count() == l.requests }); err != nil {
		return err
	}
	if _, err := stored(ctx, l.stage.nc); err != nil {
		return err
	}
	if l.ended, err = l.look(ctx); err != nil {
		return err
	}
	for range l.requests {
		if _, err := l.stage.request("worker", "copy-image", "/wrong", `{"nome":"copy"}`); err != nil {
			return err
		}
	}
	l.bad, err = l.when(ctx, func(now map[string]size) bool { return now[broker.StreamDead].messages == int64(l.requests) })
	return err
}

// when looks until a condition holds.
func (l *lifeSizes) when(ctx context.Context, met func(map[string]size) bool) (now map[string]size, err error) {
	var failed error
	err = until(ctx, func() bool {
		now, failed = l.look(ctx)
		return failed != nil || met(now)
	})
	return now, errors.Join(err, failed)
}

// look tells what all streams hold; the ledger's are one.
func (l *lifeSizes) look(ctx context.Context) (map[string]size, error) {
	now := map[string]size{}
	for _, stream := range broker.Topology(broker.TopologyOptions{Shards: shards}) {
		name := stream.Config.Name
		is, err := l.js.Stream(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", name, err)
		}
		disk, err := filesIn(filepath.Join(l.stage.store, "jetstream", "$G", "streams", name))
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(name, strings.TrimSuffix(tracks, "*")) {
			name = tracks
		}
		s, state := now[name], is.CachedInfo().State
		now[name] = size{s.messages + int64(state.Msgs), s.bytes + int64(state.Bytes), s.disk + disk} //nolint:gosec // far from the limit
	}
	return now, nil
}

// filesIn is the size of all files below a folder; those that go meanwhile do
// not count.
func filesIn(folder string) (total int64, err error) {
	err = filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return ignoreGone(err)
		}
		info, err := entry.Info()
		if err == nil {
			total += info.Size()
		}
		return ignoreGone(err)
	})
	return total, err
}

func ignoreGone(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// tell prints the table that stands in docs/operations.md.
func (l *lifeSizes) tell(b *bench, heap heapSizes) error {
	rows := [][]string{{"stream", "waiting", "under way", "ended", "disk, ended", "MaxBytes"}}
	for _, name := range []string{broker.StreamRequests, tracks, broker.StreamEvents, broker.StreamState, broker.StreamDead} {
		most := "none"
		if name == broker.StreamRequests {
			most = fmt.Sprintf("%d MiB", broker.RequestsMaxBytes>>20)
		}
		rows = append(rows, []string{
			name, fmt.Sprint(l.waiting[name].each(l.requests)), fmt.Sprint(l.under[name].each(l.requests)), fmt.Sprint(l.ended[name].each(l.requests)),
			fmt.Sprint(l.ended[name].disk / int64(l.requests)), most,
		})
	}
	fmt.Fprintf(b.out, "bytes of one of %d copies, in one copy of each stream; a dead letter of a small message takes %d\n\n", l.requests, l.bad[broker.StreamDead].each(l.requests))
	if err := table(b.out, rows); err != nil {
		return err
	}
	return b.tell([]figure{
		{"request_bytes_waiting", float64(l.waiting[broker.StreamRequests].each(l.requests)), "B", ""},
		{"record_bytes_under_way", float64(l.under[tracks].each(l.requests)), "B", ""},
		{"record_bytes_ended", float64(l.ended[tracks].each(l.requests)), "B", "for an hour"},
		{"events_bytes_ended", float64(l.ended[broker.StreamEvents].each(l.requests)), "B", "for EVENTS_MAX_AGE"},
		{"events_per_request", float64(l.ended[broker.StreamEvents].messages) / float64(l.requests), "messages", ""},
		{"dead_letter_bytes", float64(l.bad[broker.StreamDead].each(l.requests)), "B", ""},
		{"broker_heap_per_record", heap.record, "B", ""},
		{"broker_heap_per_event", heap.event, "B", ""},
	})
}
