package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imsworker/imsworker/internal/broker"
)

const (
	// fillEvery is how often the queue and the dead letters are looked at.
	fillEvery = 5 * time.Second
	// fillPatience bounds one look.
	fillPatience = 5 * time.Second
)

// fill shows how full the queue is and how many dead letters there are, as the
// broker says: a message that nobody takes is in no shard's account, and one
// that was put aside by a process that died at once is in no counter.
type fill struct {
	messages, oldest, letters, newest *prometheus.Desc

	mu    sync.Mutex
	known bool // false: the broker does not tell
	queue broker.Fill
	dead  broker.Fill
}

func newFill() *fill {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	return &fill{
		messages: desc("imsworker_queue_messages", "Messages in the broker that no worker has taken in yet: requests, control messages, backup notices. Rises when more come than are taken in."),
		oldest:   desc("imsworker_queue_oldest_timestamp_seconds", "When the oldest of these messages was published; stands still while nothing is taken in. No value where there is none."),
		letters:  desc("imsworker_dead_letters", "Dead letters that are there; rises when a message is put aside, falls when somebody drops one. One that was replayed stays until then."),
		newest:   desc("imsworker_dead_letter_newest_timestamp_seconds", "When the newest of the dead letters that are there was put aside; moves on with each. No value where there is none."),
	}
}

// watchFill looks until ctx ends. What the broker does not tell is not shown.
func (w *worker) watchFill(ctx context.Context) {
	f := newFill()
	w.registry.MustRegister(f)
	defer w.registry.Unregister(f)
	tick := time.NewTicker(fillEvery)
	defer tick.Stop()
	for warned := false; ; {
		err := f.look(ctx, w.conn)
		if ctx.Err() == nil && err != nil && !warned {
			w.log.Warn("how full the queue is cannot be seen; its metrics are missing meanwhile", "error", err)
		}
		warned = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// look asks the broker once.
func (f *fill) look(ctx context.Context, conn *broker.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, fillPatience)
	defer cancel()
	queue, errQueue := conn.Fill(ctx, broker.StreamRequests)
	dead, errDead := conn.FillOf(ctx, broker.StreamDead, broker.DeadFilter(""))
	err := errors.Join(errQueue, errDead)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known, f.queue, f.dead = err == nil, queue, dead
	if err != nil {
		return fmt.Errorf("look how full the streams are: %w", err)
	}
	return nil
}

// Describe implements prometheus.Collector.
func (f *fill) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{f.messages, f.oldest, f.letters, f.newest} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (f *fill) Collect(ch chan<- prometheus.Metric) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.known {
		return
	}
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	moment := func(d *prometheus.Desc, at time.Time) {
		if !at.IsZero() {
			gauge(d, float64(at.UnixMilli())/1000)
		}
	}
	gauge(f.messages, float64(f.queue.Messages))
	moment(f.oldest, f.queue.Oldest)
	gauge(f.letters, float64(f.dead.Messages))
	moment(f.newest, f.dead.Newest)
}
