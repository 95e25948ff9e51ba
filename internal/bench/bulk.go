package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// bulk is the scenario of one request that takes many images to many places,
// limits off, with one leg of twenty failing; then of its second attempt, which
// has those to do again. The worker is a process of its own.
type bulk struct {
	images, targets int
	factor          float64
}

// failing is which share of the legs fails at first: one of so many.
const failing = 20

// bulkPatience is how long one attempt may take.
const bulkPatience = 20 * time.Minute

func (s bulk) legs() int { return s.images * s.targets }

func (s bulk) run(ctx context.Context, b *bench) (err error) {
	stage, err := openStage(ctx, s.factor, account{name: "worker", settings: "limits: off", switches: fakecloud.Switches{
		RatesOff: true, Durations: map[string]fakecloud.Span{"*": {Run: fakecloud.Duration(2 * time.Minute), Sigma: 0.3}},
	}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.stop()) }()
	worker, err := s.worker(ctx, stage)
	if err != nil {
		return err
	}
	defer worker.kill()
	if err := s.world(stage); err != nil {
		return err
	}
	key, err := stage.request("worker", messages.OperationBulkCopy, "/bench", s.request())
	if err != nil {
		return err
	}
	var attempts []bulkAttempt
	for n := 1; n <= 2; n++ {
		if n > 1 {
			if err := stage.nc.Publish(messages.ControlSubject("worker", messages.VerbRetry), fmt.Appendf(nil, `{"key":%q,"attempt":%d}`, key, n-1)); err != nil {
				return fmt.Errorf("ask for the next attempt: %w", err)
			}
		}
		a, err := s.attempt(ctx, b, stage, key, n)
		if err != nil {
			return err
		}
		if a.peak, err = worker.peak(); err != nil {
			return err
		}
		attempts = append(attempts, a)
	}
	return s.tell(b, stage, attempts)
}

// worker starts the worker's process.
func (s bulk) worker(ctx context.Context, stage *stage) (*replica, error) {
	dir, err := os.MkdirTemp("", "imsworker-bench-")
	if err != nil {
		return nil, fmt.Errorf("make the worker's directory: %w", err)
	}
	stage.undo = append(stage.undo, func() error { return os.RemoveAll(dir) })
	file := filepath.Join(dir, "clouds.yaml")
	if err := os.WriteFile(file, []byte(stage.yaml()), 0o600); err != nil {
		return nil, fmt.Errorf("write clouds.yaml: %w", err)
	}
	return startReplica(ctx, "bulk", "IMSWORKER_NATS_URL="+stage.nc.ConnectedUrl(), "IMSWORKER_CLOUDS_FILE="+file, "IMSWORKER_STREAM_REPLICAS=1")
}

// world makes the images, and decides which copies fail.
func (s bulk) world(stage *stage) error {
	var w fakecloud.World
	for n := range s.images {
		w.Images = append(w.Images, fakecloud.Image{Name: fmt.Sprintf("bulk-%d", n), MinDisk: 40, Size: 1 << 30, DataSize: 1 << 30})
	}
	_, err := stage.fake.Add("worker", w)
	var fate []fakecloud.Outcome
	for range s.legs() / failing {
		fate = append(fate, fakecloud.Outcome{Call: "CopyImage", Count: failing - 1}, fakecloud.Outcome{Call: "CopyImage", Code: "IMG.1104", Reason: "copy failed"})
	}
	if err := errors.Join(err, stage.fake.Decide("worker", fate...)); err != nil {
		return fmt.Errorf("prepare the cloud: %w", err)
	}
	return nil
}

// request is the data of the bulk: images by name, places in the account
// itself.
func (s bulk) request() string {
	var targets []string
	for n := range s.targets {
		targets = append(targets, fmt.Sprintf(`{"name":"{{ .Image.Name }}-%d"}`, n))
	}
	return `{"query":{"name":"bulk-*"},"targets":[` + strings.Join(targets, ",") + `],"options":{"preflight":false}}`
}

// bulkAttempt is what was told of one attempt of a bulk.
type bulkAttempt struct {
	took   time.Duration
	peak   float64 // of the worker's memory so far, in MiB
	counts messages.Counts
	finals int
	legs   map[int]int // how often each was told, by index
}

// attempt waits for the end of an attempt and reads what was told of it.
func (s bulk) attempt(ctx context.Context, b *bench, stage *stage, key string, number int) (a bulkAttempt, err error) {
	begun, final := time.Now(), messages.AnyFinalSubject("worker", messages.OperationBulkCopy, key, number)
	conn, err := broker.Dial(ctx, broker.Options{URL: stage.nc.ConnectedUrl(), Name: "bench"}, slog.New(slog.DiscardHandler))
	if err != nil {
		return a, err
	}
	defer conn.Close()
	for {
		b.signs.say(fmt.Sprintf("attempt %d; %d requests have ended", number, stage.ends.count()))
		if _, err := conn.Last(ctx, broker.StreamEvents, final); !errors.Is(err, broker.ErrNone) {
			break // what else there may be shows when it is read
		}
		if time.Since(begun) > bulkPatience {
			return a, fmt.Errorf("attempt %d of the bulk has not ended within %s", number, bulkPatience)
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return a, err
		}
	}
	a.took, a.legs = time.Since(begun), map[int]int{}
	return a, errors.Join(
		told(ctx, conn, final, func(e messages.Event) {
			a.counts = e.Batch.Counts
			a.finals++
		}),
		told(ctx, conn, messages.EventSubject("worker", messages.OperationBulkCopy, messages.StateBatchLegs, key, number)+".*", func(e messages.Event) {
			for _, leg := range e.Batch.Legs {
				a.legs[leg.Index]++
			}
		}))
}

// told reads the events that are stored under subjects.
func told(ctx context.Context, conn *broker.Conn, filter string, each func(messages.Event)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var failed []error
	complete := false
	err := conn.Tail(ctx, broker.StreamEvents, filter, func(m broker.Stored) {
		_, e, err := messages.DecodeEvent(m.Header, m.Data)
		if failed = append(failed, err); err == nil && e.Batch != nil {
			each(e)
		}
	}, func() { complete = true; cancel() })
	if complete {
		err = nil
	}
	return errors.Join(append(failed, err)...)
}

// amiss counts what is not as it was promised: final events, legs that were
// not told once, legs that ended otherwise than the cloud's jobs.
func (s bulk) amiss(a bulkAttempt, failed int) (n int) {
	n = distance(a.finals, 1) + distance(a.counts.Legs, s.legs()) + distance(a.counts.Failed, failed) + distance(a.counts.Succeeded, s.legs()-failed)
	for index := range s.legs() {
		n += distance(a.legs[index], 1)
	}
	return n
}

func distance(a, b int) int { return max(a-b, b-a) }

func (s bulk) tell(b *bench, stage *stage, attempts []bulkAttempt) error {
	failed, copies := s.legs()/failing, 0
	for _, m := range stage.fake.Begun("worker") {
		copies += one(m.Call == "CopyImage")
	}
	fmt.Fprintf(b.out, "%d images to %d places of one account; %.0f times faster than the wall's clock\n\n", s.images, s.targets, s.factor)
	rows := [][]string{{"attempt", "took", "legs", "succeeded", "failed", "worker's peak so far"}}
	for n, a := range attempts {
		rows = append(rows, []string{fmt.Sprint(n + 1), a.took.Round(100 * time.Millisecond).String(), fmt.Sprint(a.counts.Legs),
			fmt.Sprint(a.counts.Succeeded), fmt.Sprint(a.counts.Failed), fmt.Sprintf("%.0f MiB", a.peak)})
	}
	if err := table(b.out, rows); err != nil {
		return err
	}
	amiss := s.amiss(attempts[0], failed) + s.amiss(attempts[1], 0) + distance(copies, s.legs()+failed)
	return b.tell([]figure{
		{"bulk_peak_rss_mib", attempts[1].peak, "MiB", "≤ 200"},
		{"bulk_legs_per_second", float64(s.legs()) / attempts[0].took.Seconds(), "legs/s", "≥ 50"},
		{"bulk_amiss", float64(amiss), "", "0"},
	})
}
