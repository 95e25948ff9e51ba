package engine

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// other stands in labels for whatever is not configured.
const other = "other"

// Metrics are what all engines of a process count. Label values come from
// closed sets: names of configured clouds and of known operations, else
// "other".
type Metrics struct {
	requests  *prometheus.CounterVec
	ends      *prometheus.CounterVec
	failures  *prometheus.CounterVec
	throttles *prometheus.CounterVec
	doubts    *prometheus.CounterVec
	adoptions *prometheus.CounterVec
	twins     *prometheus.CounterVec
	pauses    *prometheus.GaugeVec
	wait      *prometheus.HistogramVec
	duration  *prometheus.HistogramVec
	endToEnd  *prometheus.HistogramVec
	detection *prometheus.HistogramVec
	polls     *prometheus.HistogramVec

	mu         sync.Mutex
	clouds     map[string]bool
	said       map[[2]string]bool // paused by somebody: cloud and operation, empty for all
	refused    map[string]bool    // clouds that refuse their credentials
	operations []string
	recent     map[attempt]recentEnd
	sweepAt    int // so many recent ends are looked through for old ones
}

// attempt names one attempt of a request.
type attempt struct {
	key    string
	number int
}

// recentEnd is one request that did not succeed.
type recentEnd struct {
	at        time.Time
	cloud     string
	operation string
}

// recently is how long requests_not_succeeded_recent remembers.
const recently = 15 * time.Minute

// durations are the classic buckets of everything that takes as long as an
// image: seconds to a day.
var durations = []float64{1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400}

// NewMetrics makes the collectors and registers them. Every pair of a cloud
// and an operation starts at zero, so that a first failure shows as a rise.
func NewMetrics(reg prometheus.Registerer, clouds, operations []string) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: name, Help: help, Buckets: buckets, NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100,
		}, labels)
	}
	m := &Metrics{
		requests:  counter("imsworker_requests_total", "Requests received: accepted, duplicate (changed nothing) or dead (became dead letters).", "cloud", "operation", "result"),
		ends:      counter("imsworker_requests_finished_total", "Requests that ended, by the state of their final event.", "cloud", "operation", "state"),
		failures:  counter("imsworker_request_failures_total", "Requests that did not succeed, by reason.", "cloud", "operation", "reason"),
		throttles: counter("imsworker_api_throttled_total", "Calls that the cloud refused for coming too fast; their bucket waits.", "cloud", "bucket"),
		doubts:    counter("imsworker_submissions_uncertain_total", "Submissions whose answer was lost; they are looked up.", "cloud", "operation"),
		adoptions: counter("imsworker_submissions_adopted_total", "Uncertain submissions whose image was found and taken over.", "cloud", "operation"),
		twins:     counter("imsworker_duplicates_found_total", "Images found beside a request's result that carry its marker: an answer was lost and the request was done twice.", "cloud", "operation"),
		pauses:    prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "imsworker_paused", Help: "1 while nothing new is submitted to the cloud, because somebody said so or (operation all) its credentials are refused."}, []string{"cloud", "operation"}),
		wait:      histogram("imsworker_request_wait_seconds", "Time from acceptance to submission.", durations, "operation"),
		duration:  histogram("imsworker_job_duration_seconds", "Time from submission to the end.", durations, "operation", "state"),
		endToEnd:  histogram("imsworker_request_end_to_end_seconds", "Time from acceptance to the final event.", durations, "operation"),
		detection: histogram("imsworker_detection_delay_seconds", "Time from the cloud's end of a job, by its own clock, to our noticing.", []float64{0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600}, "operation"),
		polls:     histogram("imsworker_job_polls", "Status queries per finished request.", []float64{1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144}, "operation"),

		clouds: map[string]bool{}, said: map[[2]string]bool{}, refused: map[string]bool{}, operations: operations, recent: map[attempt]recentEnd{},
	}
	reg.MustRegister(m.requests, m.ends, m.failures, m.throttles, m.doubts, m.adoptions, m.twins, m.pauses, m.wait, m.duration, m.endToEnd, m.detection, m.polls)
	m.Know(clouds)
	return m
}

// Know adds configured clouds and starts their series at zero.
func (m *Metrics) Know(clouds []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range clouds {
		if m.clouds[c] {
			continue
		}
		m.clouds[c] = true
		m.pauses.WithLabelValues(c, "all")
		for _, bucket := range questionBuckets() {
			m.throttles.WithLabelValues(c, bucket)
		}
		for _, op := range m.operations {
			m.start(c, op)
		}
	}
}

// pairs calls each for every configured cloud and operation.
func (m *Metrics) pairs(each func(cloud, operation string)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for cloud := range m.clouds {
		for _, operation := range m.operations {
			each(cloud, operation)
		}
	}
}

// start makes the series of one cloud and operation.
func (m *Metrics) start(cloud, operation string) {
	for _, result := range []string{"accepted", "duplicate", "dead"} {
		m.requests.WithLabelValues(cloud, operation, result)
	}
	for _, s := range messages.States() {
		if s.Final() {
			m.ends.WithLabelValues(cloud, operation, string(s))
		}
	}
	m.doubts.WithLabelValues(cloud, operation)
	m.adoptions.WithLabelValues(cloud, operation)
	m.twins.WithLabelValues(cloud, operation)
	m.throttles.WithLabelValues(cloud, bucketOf(operation))
	if slot := slotOf(operation); slot != "" {
		m.throttles.WithLabelValues(cloud, slot)
	}
}

// Label returns the values of the labels cloud and operation.
func (m *Metrics) Label(cloud, operation string) (string, string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.clouds[cloud] {
		cloud = other
	}
	if !slices.Contains(m.operations, operation) {
		operation = other
	}
	return cloud, operation
}

// Request counts a request that was received: accepted, duplicate or dead.
func (m *Metrics) Request(cloud, operation, result string) {
	cloud, operation = m.Label(cloud, operation)
	m.requests.WithLabelValues(cloud, operation, result).Inc()
}

func (m *Metrics) accepted(r *ledger.Record)  { m.Request(r.Cloud, r.Operation, "accepted") }
func (m *Metrics) duplicate(r *ledger.Record) { m.Request(r.Cloud, r.Operation, "duplicate") }

func (m *Metrics) submitted(r *ledger.Record) {
	_, operation := m.Label(r.Cloud, r.Operation)
	m.wait.WithLabelValues(operation).Observe(r.Submitted.Sub(r.Accepted).Seconds())
}

func (m *Metrics) throttled(cloud, bucket string) {
	cloud, _ = m.Label(cloud, "")
	m.throttles.WithLabelValues(cloud, bucket).Inc()
}

func (m *Metrics) uncertain(r *ledger.Record) {
	cloud, operation := m.Label(r.Cloud, r.Operation)
	m.doubts.WithLabelValues(cloud, operation).Inc()
}

func (m *Metrics) adopted(r *ledger.Record) {
	cloud, operation := m.Label(r.Cloud, r.Operation)
	m.adoptions.WithLabelValues(cloud, operation).Inc()
}

func (m *Metrics) duplicated(r *ledger.Record) {
	cloud, operation := m.Label(r.Cloud, r.Operation)
	m.twins.WithLabelValues(cloud, operation).Inc()
}

func (m *Metrics) detected(r *ledger.Record, delay time.Duration) {
	_, operation := m.Label(r.Cloud, r.Operation)
	m.detection.WithLabelValues(operation).Observe(delay.Seconds())
}

// finished counts a final event that was told just now.
func (m *Metrics) finished(r *ledger.Record) {
	cloud, operation := m.Label(r.Cloud, r.Operation)
	m.ends.WithLabelValues(cloud, operation, string(r.Outcome)).Inc()
	m.endToEnd.WithLabelValues(operation).Observe(r.Finished.Sub(r.Accepted).Seconds())
	if r.Failure != nil && r.Outcome.NotSucceeded() {
		m.failures.WithLabelValues(cloud, operation, string(r.Failure.Reason)).Inc()
	}
	if !r.Submitted.IsZero() {
		m.duration.WithLabelValues(operation, string(r.Outcome)).Observe(r.Finished.Sub(r.Submitted).Seconds())
	}
	if r.Job != nil {
		m.polls.WithLabelValues(operation).Observe(float64(r.Job.Polls))
	}
}

// ended remembers a request that did not succeed, also one that another
// process ended: its tombstone tells. It may be told of an end more than once,
// by each owner of a shard that this process is.
func (m *Metrics) ended(r *ledger.Record) {
	if !r.NotSucceeded() || r.Duplicate || time.Since(r.Finished) >= recently {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.recent[attempt{r.Key, r.Attempt}] = recentEnd{at: r.Finished, cloud: r.Cloud, operation: r.Operation}
	if len(m.recent) > m.sweepAt { // also where nobody scrapes
		m.forgetOld(time.Now())
		m.sweepAt = max(1000, 2*len(m.recent))
	}
}

// forgetOld drops what ended too long ago.
func (m *Metrics) forgetOld(now time.Time) {
	maps.DeleteFunc(m.recent, func(_ attempt, r recentEnd) bool { return now.Sub(r.at) >= recently })
}

// notSucceeded returns how many requests did not succeed in the last 15
// minutes, by cloud and operation.
func (m *Metrics) notSucceeded(now time.Time) map[[2]string]int {
	m.mu.Lock()
	m.forgetOld(now)
	ends := slices.Collect(maps.Values(m.recent))
	m.mu.Unlock()
	counts := map[[2]string]int{}
	for _, r := range ends {
		cloud, operation := m.Label(r.cloud, r.operation)
		counts[[2]string{cloud, operation}]++
	}
	return counts
}
