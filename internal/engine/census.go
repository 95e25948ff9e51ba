package engine

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imsworker/imsworker/internal/ledger"
)

// Group is what is in flight of one cloud and operation in one state.
type Group struct {
	Cloud, Operation string
	State            ledger.State
	Count            int
	Oldest           time.Time // earliest acceptance
}

// Census is what an engine holds at one moment.
type Census struct {
	Groups       []Group
	WithoutTimer int // records that nothing would ever wake; must be 0
	Budgets      []Budget
}

// Budget is the use of one bucket of an account.
type Budget struct {
	Cloud, Bucket string
	Limit, Used   int
}

// Census counts what the engine holds. It blocks until the loop has a moment
// for it. The census is empty once the engine has stopped; an error means that
// ctx ended before the loop had time.
func (g *Engine) Census(ctx context.Context) (Census, error) {
	answer := make(chan Census, 1)
	select {
	case g.asked <- func() { answer <- g.count() }:
		return <-answer, nil
	case <-g.over:
		return Census{}, nil
	case <-ctx.Done():
		return Census{}, context.Cause(ctx)
	}
}

// count goes through all entries; only the loop may call it.
func (g *Engine) count() Census {
	var c Census
	groups := map[Group]*Group{}
	for _, e := range g.entries {
		if e.buried || e.resting {
			continue
		}
		id := Group{Cloud: e.account.name, Operation: e.operation, State: e.state}
		group := groups[id]
		if group == nil {
			group = &Group{Cloud: id.Cloud, Operation: id.Operation, State: id.State, Oldest: e.accepted.time()}
			groups[id] = group
		}
		group.Count++
		if at := e.accepted.time(); at.Before(group.Oldest) {
			group.Oldest = at
		}
		if g.asleep(e) {
			c.WithoutTimer++
		}
	}
	for _, group := range groups {
		c.Groups = append(c.Groups, *group)
	}
	now := time.Now()
	for _, a := range g.accounts {
		c.Budgets = append(c.Budgets, a.use(now)...)
	}
	return c
}

// use tells of all budgets that were used: of a bucket that creating calls and
// questions share, both halves together.
func (a *account) use(now time.Time) (all []Budget) {
	for operation, s := range a.slots {
		if s != nil && s.Limit() > 0 {
			all = append(all, Budget{Cloud: a.name, Bucket: slotOf(operation), Limit: s.Limit(), Used: s.Held()})
		}
	}
	limits, used := map[string]int{}, map[string]int{}
	for bucket, w := range a.windows {
		limits[bucket], used[bucket] = w.Limit().Count, w.Used(now)
	}
	for bucket, p := range a.paced {
		limits[bucket] = max(limits[bucket], p.Limit().Count)
		used[bucket] += p.Used(now)
	}
	for bucket, limit := range limits {
		if a.conf != nil { // all of it, not what one half of it has, or what is lent
			limit = a.conf.Limits[bucket].Count
		}
		if limit > 0 {
			all = append(all, Budget{Cloud: a.name, Bucket: bucket, Limit: limit, Used: used[bucket]})
		}
	}
	return all
}

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
}

// NewCollector returns a collector over the engines that the function names.
func NewCollector(m *Metrics, engines func() []*Engine) *Collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &Collector{
		engines: engines, metrics: m,
		flight: desc("imsworker_requests_in_flight", "Requests that have not ended, by the state of their record.", "cloud", "operation", "state"),
		age:    desc("imsworker_request_oldest_age_seconds", "Age of the oldest request that has not ended.", "cloud", "operation", "state"),
		idle:   desc("imsworker_records_without_timer", "Records that nothing would ever wake; anything but 0 is a bug."),
		recent: desc("imsworker_requests_not_succeeded_recent", "Requests that ended without success in the last 15 minutes, also those that another process ended.", "cloud", "operation"),
		limit:  desc("imsworker_api_budget_limit", "Calls that the cloud allows in one window.", "cloud", "bucket"),
		used:   desc("imsworker_api_budget_used", "Calls that count in the window now.", "cloud", "bucket"),
	}
}

// Describe implements prometheus.Collector.
func (c *Collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.flight, c.age, c.idle, c.recent, c.limit, c.used} {
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
	c.metrics.pairs(func(cloud, operation string) {
		for _, state := range ledger.States() {
			if id := (Group{Cloud: cloud, Operation: operation, State: state}); sum.groups[id].Count == 0 {
				gauge(c.flight, 0, cloud, operation, string(state))
			}
		}
	})
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
	withoutTimer int
}

func newSum(m *Metrics) *sum {
	return &sum{metrics: m, groups: map[Group]Group{}, budgets: map[Budget]Budget{}}
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
	}
	for _, b := range c.Budgets {
		cloud, _ := s.metrics.Label(b.Cloud, "")
		id := Budget{Cloud: cloud, Bucket: b.Bucket}
		have := s.budgets[id]
		s.budgets[id] = Budget{Limit: have.Limit + b.Limit, Used: have.Used + b.Used}
	}
	s.withoutTimer += c.WithoutTimer
}
