package notify

import "github.com/prometheus/client_golang/prometheus"

// metrics are those of one notifier.
type metrics struct {
	posts   *prometheus.CounterVec
	givenUp prometheus.Counter
	failing prometheus.GaugeFunc
}

// result is the outcome of a call as a label, empty for what is not counted.
func (o outcome) result() string {
	switch o {
	case taken:
		return "taken"
	case refused:
		return "refused"
	case failed, unreached:
		return "failed"
	}
	return ""
}

func newMetrics(reg prometheus.Registerer, failing func() bool) *metrics {
	m := &metrics{
		posts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "imsworker_notifications_total",
			Help: "Posts to NOTIFY_URL of what did not succeed; rises with each try: taken, refused (for something in the event), failed (the receiver is away or ails).",
		}, []string{"result"}),
		givenUp: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "imsworker_notifications_given_up_total",
			Help: "Events that are not posted again; rises when the receiver has refused one too often while it took others.",
		}),
		failing: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "imsworker_notifications_failing",
			Help: "1 while the receiver at NOTIFY_URL takes nothing and events wait for it here, or the events cannot be read; goes back to 0 with the first that is taken, and where another replica has gone on with them.",
		}, func() float64 {
			if failing() {
				return 1
			}
			return 0
		}),
	}
	reg.MustRegister(m.posts, m.givenUp, m.failing)
	for _, o := range []outcome{taken, refused, failed} {
		m.posts.WithLabelValues(o.result())
	}
	return m
}

func (m *metrics) count(a answer) {
	if result := a.outcome.result(); result != "" {
		m.posts.WithLabelValues(result).Inc()
	}
}
