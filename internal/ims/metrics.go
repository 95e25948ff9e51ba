package ims

import (
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts calls; one is shared by all clients of a process.
type Metrics struct {
	calls    *prometheus.CounterVec   // cloud, call, code
	duration *prometheus.HistogramVec // call
	errors   *prometheus.CounterVec   // call, code
}

// NewMetrics makes the collectors and registers them.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "imsworker_api_calls_total",
			Help: "Calls of the cloud's API; rises with each try that was sent, under the client's method and the HTTP status or the cloud's code.",
		}, []string{"cloud", "call", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                            "imsworker_api_call_duration_seconds",
			Help:                            "How long one call of the cloud's API took, answer read to its end; grows when the cloud or the way to it is slow.",
			Buckets:                         []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 200},
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"call"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "imsworker_api_errors_total",
			Help: "Calls of the cloud's API that failed; rises when one is answered otherwise than with 2xx, or not at all (other).",
		}, []string{"call", "code"}),
	}
	return m, errors.Join(reg.Register(m.calls), reg.Register(m.duration), reg.Register(m.errors))
}

// For returns the observer for the client of one configured cloud.
func (m *Metrics) For(cloud string) Observer { return &cloudMetrics{Metrics: m, cloud: cloud} }

// Forget drops the series of a cloud that is no longer configured.
func (m *Metrics) Forget(cloud string) { m.calls.DeletePartialMatch(prometheus.Labels{"cloud": cloud}) }

type cloudMetrics struct {
	*Metrics
	cloud  string
	series sync.Map // of seriesOf, by outcome: to find them by their labels takes longer than to count
}

// outcome is what calls are told apart by.
type outcome struct{ call, code string }

// seriesOf are the series of one outcome.
type seriesOf struct {
	calls    prometheus.Counter
	duration prometheus.Observer
}

// Called counts one call.
func (m *cloudMetrics) Called(call, code string, d time.Duration, trace string) {
	is := m.of(outcome{call, code})
	is.calls.Inc()
	if traced, can := is.duration.(prometheus.ExemplarObserver); can && trace != "" {
		traced.ObserveWithExemplar(d.Seconds(), prometheus.Labels{"trace_id": trace})
	} else {
		is.duration.Observe(d.Seconds())
	}
	if len(code) != 3 || code[0] != '2' {
		m.errors.WithLabelValues(call, code).Inc()
	}
}

func (m *cloudMetrics) of(o outcome) seriesOf {
	if is, known := m.series.Load(o); known {
		return is.(seriesOf)
	}
	is := seriesOf{m.calls.WithLabelValues(m.cloud, o.call, o.code), m.duration.WithLabelValues(o.call)}
	m.series.Store(o, is)
	return is
}
