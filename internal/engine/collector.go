package engine

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imsworker/imsworker/internal/ledger"
)

// scrapeTimeout bounds how long a scrape waits for the loops.
const scrapeTimeout = 5 * time.Second

// Collector shows the engines that run, at each scrape.
type Collector struct {
	engines func() []*Engine
	metrics *Metrics
	flight  *prometheus.Desc
	age     *prometheus.Desc
	idle    *prometheus.Desc
	recent  *prometheus.Desc
	limit   *prometheus.Desc
	used    *prometheus.Desc
	late    *prometheus.Desc
	stuck   *prometheus.Desc
	putOff  *prometheus.Desc
	rest    *prometheus.Desc
	refused *prometheus.Desc
	silent  *prometheus.Desc
}

// NewCollector returns a collector over the engines that the function names.
func NewCollector(m *Metrics, engines func() []*Engine) *Collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &Collector{
		engines: engines, metrics: m,
		flight: desc("imsworker_requests_in_flight", "Requests that have not ended, by the state of their record; rises when more are taken in than end. An operation shows from its first request on.", "cloud", "operation", "state"),
		age:    desc("imsworker_request_oldest_age_seconds", "Age of the oldest request that has not ended; falls when that one ends, and is gone when there is none.", "cloud", "operation", "state"),
		idle:   desc("imsworker_records_without_timer", "Records that nothing would ever wake; anything but 0 is a bug."),
		recent: desc("imsworker_requests_not_succeeded_recent", "Requests that ended without success in the last 15 minutes, also those that another process ended; falls by itself, and is gone when there is none.", "cloud", "operation"),
		limit:  desc("imsworker_api_budget_limit", "Calls that the cloud allows in one window, or jobs at once (cross_region_concurrent); changes with clouds.yaml alone.", "cloud", "bucket"),
		used:   desc("imsworker_api_budget_used", "Calls that count in the window now, or jobs that hold a slot; at the limit, whatever else wants the bucket waits.", "cloud", "bucket"),

		late:    desc("imsworker_requests_late", "Requests that have not ended although their deadline has passed, those among them that are stuck included. Work on them goes on.", "cloud", "operation"),
		stuck:   desc("imsworker_requests_stuck", "Requests that have not ended after twice the time that they were given.", "cloud", "operation"),
		putOff:  desc("imsworker_requests_put_off", "Requests that wait for the time that they name themselves, not_before; counted among those in flight (accepted) too. Falls when that time comes.", "cloud", "operation"),
		rest:    desc("imsworker_requests_unresolved", "Requests that ended unresolved and wait for a person to say what became of them.", "cloud", "operation"),
		refused: desc("imsworker_credentials_refused", "1 while the cloud refuses the credentials (401, 403) and is left alone but for a try now and then.", "cloud"),
		silent:  desc("imsworker_cloud_silent_seconds", "How long no question about a job has been answered although one was due, because it was not asked or got no answer; 0 while there is none.", "cloud"),
	}
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.flight, c.age, c.idle, c.recent, c.limit, c.used, c.late, c.stuck, c.putOff, c.rest, c.refused, c.silent} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *Collector) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	now, sum := time.Now(), newSum(c.metrics)
	for _, g := range c.engines() {
		if census, err := g.Census(ctx); err == nil {
			sum.add(census)
		}
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	sum.show(c, gauge)
	for _, pair := range c.metrics.saw(sum.groups) { // what has ended shows as 0, what never was does not show
		for _, state := range ledger.States() {
			if id := (Group{Cloud: pair[0], Operation: pair[1], State: state}); sum.groups[id].Count == 0 {
				gauge(c.flight, 0, id.Cloud, id.Operation, string(state))
			}
		}
	}
	for id, group := range sum.groups {
		gauge(c.flight, float64(group.Count), id.Cloud, id.Operation, string(id.State))
		gauge(c.age, max(0, now.Sub(group.Oldest).Seconds()), id.Cloud, id.Operation, string(id.State))
	}
	for id, b := range sum.budgets {
		gauge(c.limit, float64(b.Limit), id.Cloud, id.Bucket)
		gauge(c.used, float64(b.Used), id.Cloud, id.Bucket)
	}
	for labels, n := range c.metrics.notSucceeded(now) {
		gauge(c.recent, float64(n), labels[0], labels[1])
	}
	gauge(c.idle, float64(sum.withoutTimer))
}

// sum adds up the census of several engines under the labels of metrics.
type sum struct {
	metrics      *Metrics
	groups       map[Group]Group
	budgets      map[Budget]Budget
	overtime     map[[2]string][2]int // late and stuck, by cloud and operation
	putOff       map[[2]string]int
	rests        map[[2]string]int
	roads        map[string]Road
	withoutTimer int
}

func newSum(m *Metrics) *sum {
	return &sum{metrics: m, groups: map[Group]Group{}, budgets: map[Budget]Budget{}, overtime: map[[2]string][2]int{}, putOff: map[[2]string]int{}, rests: map[[2]string]int{}, roads: map[string]Road{}}
}

func (s *sum) add(c Census) {
	for _, g := range c.Groups {
		cloud, operation := s.metrics.Label(g.Cloud, g.Operation)
		id := Group{Cloud: cloud, Operation: operation, State: g.State}
		have, known := s.groups[id]
		if !known || g.Oldest.Before(have.Oldest) {
			have.Oldest = g.Oldest
		}
		have.Count += g.Count
		s.groups[id] = have
		s.addOvertime([2]string{cloud, operation}, g)
		if g.PutOff > 0 {
			s.putOff[[2]string{cloud, operation}] += g.PutOff
		}
	}
	for _, r := range c.Unresolved {
		cloud, operation := s.metrics.Label(r.Cloud, r.Operation)
		s.rests[[2]string{cloud, operation}] += r.Count
	}
	for _, r := range c.Roads {
		cloud, _ := s.metrics.Label(r.Cloud, "")
		have := s.roads[cloud]
		s.roads[cloud] = Road{Cloud: cloud, Refused: have.Refused || r.Refused, Silent: max(have.Silent, r.Silent)}
	}
	for _, b := range c.Budgets {
		cloud, _ := s.metrics.Label(b.Cloud, "")
		id := Budget{Cloud: cloud, Bucket: b.Bucket}
		have := s.budgets[id]
		s.budgets[id] = Budget{Limit: have.Limit + b.Limit, Used: have.Used + b.Used}
	}
	s.withoutTimer += c.WithoutTimer
}

// addOvertime leaves out what there is nothing of.
func (s *sum) addOvertime(id [2]string, g Group) {
	if g.Late > 0 {
		have := s.overtime[id]
		s.overtime[id] = [2]int{have[0] + g.Late, have[1] + g.Stuck}
	}
}

// show shows what a person may have to look after.
func (s *sum) show(c *Collector, gauge func(d *prometheus.Desc, v float64, labels ...string)) {
	for id, n := range s.overtime {
		gauge(c.late, float64(n[0]), id[0], id[1])
		gauge(c.stuck, float64(n[1]), id[0], id[1])
	}
	for id, n := range s.putOff {
		gauge(c.putOff, float64(n), id[0], id[1])
	}
	for id, n := range s.rests {
		gauge(c.rest, float64(n), id[0], id[1])
	}
	for cloud, r := range s.roads {
		refused := 0.0
		if r.Refused {
			refused = 1
		}
		gauge(c.refused, refused, cloud)
		gauge(c.silent, r.Silent.Seconds(), cloud)
	}
}
