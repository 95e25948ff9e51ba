package engine

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/trace"
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
	taken     *prometheus.GaugeVec
	wait      *prometheus.HistogramVec
	duration  *prometheus.HistogramVec
	endToEnd  *prometheus.HistogramVec
	detection *prometheus.HistogramVec
	polls     *prometheus.HistogramVec

	mu         sync.Mutex
	clouds     map[string]bool
	said       map[[2]string]bool // paused by somebody: cloud and operation, empty for all
	refused    map[string]bool    // clouds that refuse their credentials
	held       map[string]bool    // clouds whose account another one works
	operations []string
	recent     map[attempt]recentEnd
	seen       map[[2]string]bool // cloud and operation that had requests in flight
	sweepAt    int                // so many recent ends are looked through for old ones
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
		requests:  counter("imsworker_requests_total", "Requests received, by result. accepted rises when a request becomes a record, duplicate when one comes again and changes nothing, dead when one becomes a dead letter.", "cloud", "operation", "result"),
		ends:      counter("imsworker_requests_finished_total", "Requests that ended; rises by one when the final event of an attempt is told, under the state of that event.", "cloud", "operation", "state"),
		failures:  counter("imsworker_request_failures_total", "Requests that did not succeed; rises with imsworker_requests_finished_total, under the reason in the final event.", "cloud", "operation", "reason"),
		throttles: counter("imsworker_api_throttled_total", "Calls refused for coming too fast; rises when the cloud answers 429 or the like, and the bucket then waits. Rising while api_budget_used is below api_budget_limit: somebody else uses the account.", "cloud", "bucket"),
		doubts:    counter("imsworker_submissions_uncertain_total", "Submissions whose answer was lost; rises when a creating call may have been carried out and nobody can tell. They are looked up.", "cloud", "operation"),
		adoptions: counter("imsworker_submissions_adopted_total", "Submissions whose work was found again; rises when what an unanswered call has made is taken over as the result.", "cloud", "operation"),
		twins:     counter("imsworker_duplicates_found_total", "Images that were made twice; rises when another image with the marker of a request is found beside its result.", "cloud", "operation"),
		pauses:    prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "imsworker_paused", Help: "1 while nothing new is submitted to the cloud; goes to 1 when somebody pauses the cloud (operation all) or one operation there, or (all) when the cloud refuses the credentials or another one is the same account."}, []string{"cloud", "operation"}),
		taken:     prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "imsworker_account_taken", Help: "1 while another cloud of clouds.yaml is the same account and works it, so that nothing new is submitted here; goes back when one of the entries is gone."}, []string{"cloud"}),
		wait:      histogram("imsworker_request_wait_seconds", "Time from acceptance to submission; grows when requests wait for limits, slots or a paused cloud.", durations, "operation"),
		duration:  histogram("imsworker_job_duration_seconds", "Time from submission to the end; grows when the cloud takes longer for its jobs.", durations, "operation", "state"),
		endToEnd:  histogram("imsworker_request_end_to_end_seconds", "Time from acceptance to the final event; grows with the wait, the job, and the delay in noticing its end.", durations, "operation"),
		detection: histogram("imsworker_detection_delay_seconds", "Time from the cloud's end of a job, by its own clock, to our noticing; grows when the limits for questions are used up, or the worker was away.", []float64{0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600}, "operation"),
		polls:     histogram("imsworker_job_polls", "Status queries per finished request; grows when ends come at other times than those of such jobs before.", []float64{1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144}, "operation"),

		clouds: map[string]bool{}, said: map[[2]string]bool{}, refused: map[string]bool{}, held: map[string]bool{}, operations: operations, recent: map[attempt]recentEnd{}, seen: map[[2]string]bool{},
	}
	reg.MustRegister(m.requests, m.ends, m.failures, m.throttles, m.doubts, m.adoptions, m.twins, m.pauses, m.taken, m.wait, m.duration, m.endToEnd, m.detection, m.polls)
	m.beginHistograms()
	m.Know(clouds)
	return m
}

// beginHistograms makes the histograms of every operation, empty: of one that
// comes with its first observation, no rate shows that observation.
func (m *Metrics) beginHistograms() {
	for _, op := range m.operations {
		for _, h := range []*prometheus.HistogramVec{m.wait, m.endToEnd, m.detection, m.polls} {
			h.WithLabelValues(op)
		}
		for _, state := range []messages.State{messages.StateSucceeded, messages.StateFailed} {
			m.duration.WithLabelValues(op, string(state))
		}
	}
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
		m.taken.WithLabelValues(c)
		for _, bucket := range questionBuckets() {
			m.throttles.WithLabelValues(c, bucket)
		}
		for _, op := range m.operations {
			m.start(c, op)
		}
	}
}

// saw notes that something of these labels is in flight, and returns all that
// ever was.
func (m *Metrics) saw(groups map[Group]Group) [][2]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id := range groups {
		m.seen[[2]string{id.Cloud, id.Operation}] = true
	}
	return slices.Collect(maps.Keys(m.seen))
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
	observe(m.wait.WithLabelValues(operation), r.Submitted.Sub(r.Accepted).Seconds(), r.Taken)
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
	observe(m.detection.WithLabelValues(operation), delay.Seconds(), r.Taken)
}

// finished counts a final event that was told just now, and of which span.
func (m *Metrics) finished(r *ledger.Record, span string) {
	cloud, operation := m.Label(r.Cloud, r.Operation)
	m.ends.WithLabelValues(cloud, operation, string(r.Outcome)).Inc()
	observe(m.endToEnd.WithLabelValues(operation), r.Finished.Sub(r.Accepted).Seconds(), span)
	if r.Failure != nil && r.Outcome.NotSucceeded() {
		m.failures.WithLabelValues(cloud, operation, string(r.Failure.Reason)).Inc()
	}
	if !r.Submitted.IsZero() {
		observe(m.duration.WithLabelValues(operation, string(r.Outcome)), r.Finished.Sub(r.Submitted).Seconds(), span)
	}
	if r.Job != nil {
		observe(m.polls.WithLabelValues(operation), float64(r.Job.Polls), span)
	}
}

// observe notes a value with the trace that it comes from as its exemplar, if
// the span is collected.
func observe(in prometheus.Observer, value float64, span string) {
	id := trace.Sampled(span)
	if traced, can := in.(prometheus.ExemplarObserver); can && id != "" {
		traced.ObserveWithExemplar(value, prometheus.Labels{"trace_id": id})
		return
	}
	in.Observe(value)
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
