package backup

import "github.com/prometheus/client_golang/prometheus"

// What became of a notice.
const (
	resultAsked     = "asked"     // it has led to a request
	resultDuplicate = "duplicate" // others spoke of the same backup before
	resultWaiting   = "waiting"   // it is kept until the backup is available
	resultSkipped   = "skipped"   // the rules want no image
	resultUsed      = "used"      // the backup has an image already
	resultUnfit     = "unfit"     // no image can be made of the backup
	resultDead      = "dead"      // a dead letter
)

// Metrics are what all desks of a process count.
type Metrics struct {
	notices *prometheus.CounterVec
	watched *prometheus.GaugeVec
	known   func(cloud string) bool
}

// NewMetrics makes the collectors and registers them. Names of clouds for
// which known is false stand as other.
func NewMetrics(reg prometheus.Registerer, known func(cloud string) bool) *Metrics {
	m := &Metrics{
		notices: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "imsworker_backup_notices_total", Help: "Backup notices, by what became of them; rises when one is decided: asked (for an image), duplicate, waiting, skipped, used, unfit, dead.",
		}, []string{"cloud", "result"}),
		watched: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "imsworker_backup_watch_timestamp_seconds", Help: "When a cloud was last asked for finished backups; stands still when it cannot be asked.",
		}, []string{"cloud"}),
		known: known,
	}
	reg.MustRegister(m.notices, m.watched)
	return m
}

func (m *Metrics) notice(cloud, result string) {
	if !m.known(cloud) {
		cloud = "other"
	}
	m.notices.WithLabelValues(cloud, result).Inc()
}

func (m *Metrics) looked(cloud string) { m.watched.WithLabelValues(cloud).SetToCurrentTime() }
