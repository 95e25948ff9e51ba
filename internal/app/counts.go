package app

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
)

// counts are the metrics of the process itself.
type counts struct {
	owned, connected prometheus.Gauge
	takeovers        prometheus.Counter
	reconnects       prometheus.Counter
}

func newCounts(reg prometheus.Registerer) *counts {
	c := &counts{
		owned:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "imsworker_shards_owned", Help: "Shards that this replica works."}),
		connected:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "imsworker_broker_connected", Help: "1 while the broker is reached."}),
		takeovers:  prometheus.NewCounter(prometheus.CounterOpts{Name: "imsworker_shard_takeovers_total", Help: "How often this replica has taken over a shard."}),
		reconnects: prometheus.NewCounter(prometheus.CounterOpts{Name: "imsworker_broker_reconnects_total", Help: "How often the broker was lost and found again."}),
	}
	reg.MustRegister(c.owned, c.connected, c.takeovers, c.reconnects)
	return c
}

// taken counts a shard that came (1) or went (-1).
func (c *counts) taken(n float64) {
	c.owned.Add(n)
	if n > 0 {
		c.takeovers.Inc()
	}
}

// watchBroker keeps health and metrics up to date with the connection, until
// the worker itself ends it.
func (w *worker) watchBroker(ctx context.Context) {
	w.health.Set(readyBroker, true)
	w.health.Set(readyAnswers, true)
	w.conn.OnStuck(func(cause error) {
		switch {
		case ctx.Err() != nil:
			return
		case cause != nil:
			w.log.Warn("the broker is there but does not do its work; everything waits for it", "error", cause)
		default:
			w.log.Info("the broker works again")
		}
		w.health.Set(readyAnswers, cause == nil)
	})
	w.count.connected.Set(1)
	w.conn.OnState(func(connected bool) {
		if ctx.Err() != nil {
			return
		}
		w.health.Set(readyBroker, connected)
		if !connected {
			w.count.connected.Set(0)
			w.log.Warn("the broker is away; everything waits for it")
			return
		}
		w.count.connected.Set(1)
		w.count.reconnects.Inc()
		w.log.Info("the broker is back")
	})
}
