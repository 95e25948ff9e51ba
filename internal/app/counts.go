package app

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
)

// counts are the metrics of the process itself.
type counts struct {
	owned, shards      prometheus.Gauge
	connected, working prometheus.Gauge
	takeovers          prometheus.Counter
	reconnects         prometheus.Counter
	refused            *prometheus.GaugeVec
}

func newCounts(reg prometheus.Registerer, shards int) *counts {
	c := &counts{
		owned:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "imsworker_shards_owned", Help: "Shards that this replica works; changes when replicas come and go. The sum over all replicas is imsworker_shards."}),
		shards:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "imsworker_shards", Help: "Shards of the installation: the sum of imsworker_shards_owned where all of them are worked."}),
		connected:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "imsworker_broker_connected", Help: "1 while the broker is reached; at 0 everything waits for it."}),
		working:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "imsworker_broker_working", Help: "1 while the broker carries out requests; 0 where it is connected but has carried out none for some seconds."}),
		takeovers:  prometheus.NewCounter(prometheus.CounterOpts{Name: "imsworker_shard_takeovers_total", Help: "Shards taken over; rises when this replica begins to work one, so with every start and every replica that comes or goes. Rising all the time: leases are lost."}),
		reconnects: prometheus.NewCounter(prometheus.CounterOpts{Name: "imsworker_broker_reconnects_total", Help: "Connections to the broker found again; rises when one was lost and is back."}),
		refused:    prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "imsworker_configuration_refused", Help: "1 while a file as it is now is not what runs, because it is wrong or its change is refused; the log says why. clouds is clouds.yaml, backup_rules the rules for backups, where there are any."}, []string{"file"}),
	}
	reg.MustRegister(c.owned, c.shards, c.connected, c.working, c.takeovers, c.reconnects, c.refused)
	c.shards.Set(float64(shards))
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
		w.count.working.Set(one(cause == nil))
	})
	w.count.connected.Set(1)
	w.count.working.Set(1)
	w.conn.OnState(func(connected bool) {
		if ctx.Err() != nil {
			return
		}
		w.health.Set(readyBroker, connected)
		w.count.connected.Set(one(connected))
		if !connected {
			w.log.Warn("the broker is away; everything waits for it")
			return
		}
		w.count.reconnects.Inc()
		w.log.Info("the broker is back")
	})
}

// The files that are read again when they change.
const (
	fileClouds = "clouds"
	fileRules  = "backup_rules"
)

// follows makes what is told of each change of a file into a metric and a note
// for whoever looks at the worker's health: it works on with what it read
// before, and nothing else would show that until it starts again.
func (w *worker) follows(file, what string) (stands func(refused error)) {
	stands = func(refused error) {
		w.count.refused.WithLabelValues(file).Set(one(refused != nil))
		note := ""
		if refused != nil {
			note = what + " as it is now is not used, what was read before is: the log says why"
		}
		w.health.Note(file, note)
	}
	stands(nil)
	return stands
}

// one is the value of a gauge that shows whether something holds.
func one(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}
