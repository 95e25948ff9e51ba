package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/cloud"
	"github.com/imsworker/imsworker/internal/engine"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/intake"
	"github.com/imsworker/imsworker/internal/ops"
)

// cloudsOptions are what accounts are made with.
type cloudsOptions struct {
	Observe  *ims.Metrics
	Metrics  *engine.Metrics
	Build    ops.Build
	InFlight func(cloud string) (int, error)
	Log      *slog.Logger
}

// clouds are the configured accounts, each with its client. It is safe for
// concurrent use.
type clouds struct {
	cloudsOptions
	mu       sync.RWMutex
	set      *cloud.Set
	accounts map[string]*engine.Account
	intakes  map[string]intake.Cloud
	expiry   *prometheus.Desc
}

func newClouds(set *cloud.Set, o cloudsOptions) (*clouds, error) {
	c := &clouds{cloudsOptions: o, accounts: map[string]*engine.Account{}, expiry: prometheus.NewDesc(
		"imsworker_credential_expiry_timestamp_seconds", "When the credentials of a cloud expire; moves on when a token is renewed, which happens well before. Only where there is a token.", []string{"cloud"}, nil)}
	return c, c.replace(set)
}

// replace makes clients for what is new or changed and closes the others.
func (c *clouds) replace(next *cloud.Set) error {
	accounts, intakes := map[string]*engine.Account{}, map[string]intake.Cloud{}
	for _, name := range next.Names() {
		conf, _ := next.Get(name)
		account, err := c.account(conf)
		if err != nil {
			return err
		}
		account.Askers = askers(next, conf)
		accounts[name], intakes[name] = account, intakeOf(conf)
	}
	c.Metrics.Know(next.Names())
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, old := range c.accounts {
		if now := accounts[name]; now == nil || now.Client != old.Client {
			old.Client.Close()
		}
		if accounts[name] == nil {
			c.Observe.Forget(name)
		}
	}
	c.set, c.accounts, c.intakes = next, accounts, intakes
	for _, w := range next.Warnings() {
		c.Log.Warn("clouds.yaml: a setting has no effect", "cloud", w.Cloud, "key", w.Key, "warning", w.String())
	}
	return nil
}

// account is one cloud for the engine; the client goes on where nothing that
// it was made from has changed.
func (c *clouds) account(conf cloud.Cloud) (*engine.Account, error) {
	client := c.kept(conf)
	if client == nil {
		var err error
		if client, err = ims.New(c.dress(conf)); err != nil {
			return nil, err
		}
	}
	s := conf.Settings
	return &engine.Account{
		Name: conf.Name, Client: client, Profile: conf.Profile, Limits: limits(s), Slots: slots(s), TimeFactor: s.TimeFactor, Horizon: s.Horizon,
		Region: conf.Region, Project: conf.Client.Credentials.ProjectName, JobOnly: s.CrossRegionResult == cloud.CrossRegionJobOnly, NoSweep: !s.Sweep,
		Hold: s.OnUncertain == cloud.OnUncertainHold, Resubmit: s.OnUncertain == cloud.OnUncertainResubmit,
	}, nil
}

// dress completes what a client is made from.
func (c *clouds) dress(conf cloud.Cloud) ims.Config {
	cfg := conf.Client
	cfg.Observe, cfg.Logger, cfg.UserAgent = c.Observe.For(conf.Name), c.Log, "imsworker/"+c.Build.Version
	return cfg
}

// kept is the client in use if the cloud's entry is the same as before.
func (c *clouds) kept(conf cloud.Cloud) *ims.Client {
	if c.set == nil {
		return nil
	}
	old, known := c.set.Get(conf.Name)
	if !known || !old.Same(conf) || c.accounts[conf.Name] == nil {
		return nil
	}
	return c.accounts[conf.Name].Client
}

// limits are an entry's limits in our time.
func limits(s cloud.Settings) map[string]budget.Limit {
	if s.LimitsOff {
		return nil
	}
	all := make(map[string]budget.Limit, len(s.Limits))
	for bucket, l := range s.Limits {
		all[bucket] = budget.Limit{Count: l.Count, Window: scale(s, l.Window)}
	}
	return all
}

// askers is how many clouds may look for copies of theirs in one: those that may
// copy to another region than their own (API reference 2.8).
func askers(set *cloud.Set, to cloud.Cloud) (n int) {
	for _, name := range set.Names() {
		from, _ := set.Get(name)
		if from.Region != to.Region && from.Profile == ims.ProfileHuawei && from.Settings.Allows("copy-image-cross-region") {
			n++
		}
	}
	return n
}

// slots are an entry's limits on what runs at once.
func slots(s cloud.Settings) map[string]int {
	if s.LimitsOff {
		return nil
	}
	return map[string]int{cloud.CrossRegionConcurrent: s.CrossRegionConcurrent}
}

func scale(s cloud.Settings, d time.Duration) time.Duration {
	return (&engine.Account{TimeFactor: s.TimeFactor}).Scale(d)
}

// Account implements engine.Clouds.
func (c *clouds) Account(name string) (*engine.Account, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	a, known := c.accounts[name]
	return a, known
}

// At implements engine.Clouds.
func (c *clouds) At(region, project string) (*engine.Account, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, a := range c.accounts {
		if a.Is(region, project) {
			return a, true
		}
	}
	return nil, false
}

// intake is what the intake needs to know of a cloud.
func (c *clouds) intake(name string) (intake.Cloud, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	known, is := c.intakes[name]
	return known, is
}

func intakeOf(conf cloud.Cloud) intake.Cloud {
	return intake.Cloud{
		Profile: conf.Profile, Allows: conf.Settings.Allows, AllowsStep: conf.Settings.AllowsStep, AllowsTarget: conf.AllowsTarget,
		Scale: func(d time.Duration) time.Duration { return scale(conf.Settings, d) },
	}
}

func (c *clouds) names() []string {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.set.Names()
}

func (c *clouds) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.accounts {
		a.Client.Close()
	}
}

// Describe implements prometheus.Collector.
func (c *clouds) Describe(ch chan<- *prometheus.Desc) { ch <- c.expiry }

// Collect implements prometheus.Collector.
func (c *clouds) Collect(ch chan<- prometheus.Metric) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for name, a := range c.accounts {
		if at := a.Client.CredentialExpiry(); !at.IsZero() {
			ch <- prometheus.MustNewConstMetric(c.expiry, prometheus.GaugeValue, float64(at.Unix()), name)
		}
	}
}

// watchClouds follows clouds.yaml for as long as ctx lasts.
func (w *worker) watchClouds(ctx context.Context, set *cloud.Set) error {
	failed, stands := make(chan error, 1), w.follows(fileClouds, "clouds.yaml")
	w.background.Go(func() {
		failed <- cloud.Watch(ctx, w.cloudOptions(), set, w.deps.Reload, w.changeClouds, stands, w.log)
	})
	w.background.Go(func() {
		if err := <-failed; err != nil {
			w.log.Error("changes of clouds.yaml are not noticed any more; a SIGHUP or a restart is needed", "error", err)
		}
	})
	return nil
}

// changeClouds takes over a changed file and tells the engines.
func (w *worker) changeClouds(next *cloud.Set) error {
	if err := w.clouds.apply(next); err != nil {
		return err
	}
	w.twins.review()
	for _, g := range w.running() {
		g.Reload()
	}
	return nil
}
