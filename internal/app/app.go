// Package app wires the worker: it builds every part from the configuration,
// starts them in order and stops them in reverse. It decides nothing about
// requests; whatever does stands in a room of its own.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/accounts"
	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/cloud"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/engine"
	"github.com/imsworker/imsworker/internal/events"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/intake"
	"github.com/imsworker/imsworker/internal/learned"
	"github.com/imsworker/imsworker/internal/notify"
	"github.com/imsworker/imsworker/internal/ops"
	"github.com/imsworker/imsworker/internal/pauses"
	"github.com/imsworker/imsworker/internal/shard"
	"github.com/imsworker/imsworker/internal/trace"
)

// Conditions of readiness.
const (
	readyBroker  = "broker connected"
	readyAnswers = "broker works"
	readyStreams = "streams there"
	readyShards  = "shards settled"
)

// tombstoneTTL is how long the ledger itself remembers a finished request;
// its events are kept much longer.
const tombstoneTTL = time.Hour

// Deps are what the process gives the worker besides its configuration.
type Deps struct {
	Log   *slog.Logger
	Build ops.Build
	// Reload makes the worker read clouds.yaml again; may be nil.
	Reload <-chan struct{}
	// Ready, if not nil, is called once when the worker takes requests.
	Ready func(Addresses)
	// Loaded, if not nil, is told of every shard whose requests this worker
	// follows from now on. It must not block.
	Loaded func(shard int)
	// Trace makes spans, nil none. FlushTraces, if not nil, is called when all
	// else is down, and sends what is left of them as long as its context lasts.
	Trace       *trace.Tracer
	FlushTraces func(context.Context)
	// TombstoneTTL shortens the ledger's memory in tests; 0 means an hour.
	TombstoneTTL time.Duration
}

// Addresses are where a running worker is found.
type Addresses struct {
	Broker string // URL of the inside broker, empty with another
	HTTP   string // host:port
	Hooks  string // host:port, empty without hooks
}

// worker is everything that Run starts.
type worker struct {
	cfg  config.Config
	deps Deps
	log  *slog.Logger

	registry *prometheus.Registry
	health   *ops.Health
	server   *ops.Server
	inside   *broker.Inside
	conn     *broker.Conn // everything but leases
	leases   *broker.Conn // a connection of their own: renewals never queue behind work
	clouds   *clouds
	metrics  *engine.Metrics
	events   *events.Log
	dead     *intake.DeadLetters
	pauses   *pauses.Pauses
	twins    *twins
	learned  *learned.Durations
	backups  *backups
	hooks    *ops.Server      // nil where there are none
	notifier *notify.Notifier // nil where nobody is to be told
	count    *counts

	mu        sync.Mutex
	engines   map[int]*engine.Engine
	share     shard.Share
	readyOnce sync.Once

	background sync.WaitGroup
	undos      []undo
}

// Run starts the worker and blocks until ctx ends and all is down, or until
// something fails that the worker cannot go on without. A stop that was asked
// for is no error.
func Run(ctx context.Context, cfg config.Config, deps Deps) error {
	asked := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := &worker{cfg: cfg, deps: deps, log: deps.Log, engines: map[int]*engine.Engine{}}
	if w.deps.TombstoneTTL == 0 {
		w.deps.TombstoneTTL = tombstoneTTL
	}
	err := w.start(ctx)
	if err == nil {
		err = w.work(ctx)
	}
	if asked.Err() != nil && errors.Is(err, context.Cause(asked)) {
		err = nil
	}
	cancel()
	err = errors.Join(err, w.stop())
	w.log.Info("worker stopped")
	return err
}

// start is one straight line on purpose: each thing started registers its own
// undoing.
func (w *worker) start(ctx context.Context) error {
	if w.deps.FlushTraces != nil {
		w.onStop("traces", w.flushTraces)
	}
	set, err := cloud.Load(w.cloudOptions())
	if err != nil {
		return err
	}
	w.registry = prometheus.NewRegistry()
	w.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	w.deps.Build.Register(w.registry)
	w.health = ops.NewHealth(readyBroker, readyStreams, readyShards)
	w.server, err = ops.Start(ctx, ops.Options{Listen: w.cfg.HTTPListen, Gatherer: w.registry, Health: w.health, Build: w.deps.Build, Log: w.log})
	if err != nil {
		return err
	}
	w.onStop("http server", w.server.Stop)

	if w.cfg.IsInside() {
		w.inside, err = broker.StartInside(broker.InsideOptions{Dir: w.cfg.DataDir, Listen: w.cfg.NATS.Listen, ConfigFile: w.cfg.NATS.Config, Log: w.log})
		if err != nil {
			return err
		}
		w.onStop("inside broker", func(context.Context) error { w.inside.Stop(); return nil })
	}
	if w.conn, err = w.dial(ctx, "imsworker"); err != nil {
		return err
	}
	if w.leases, err = w.dial(ctx, "imsworker leases"); err != nil {
		return err
	}
	if _, err := w.conn.Apply(ctx, w.topology()); err != nil {
		return fmt.Errorf("streams: %w", err)
	}
	w.health.Set(readyStreams, true)

	observer, err := ims.NewMetrics(w.registry)
	if err != nil {
		return err
	}
	w.metrics = engine.NewMetrics(w.registry, set.Names(), handlers.Names())
	w.registry.MustRegister(engine.NewCollector(w.metrics, w.running))
	w.count = newCounts(w.registry, w.cfg.Shards)
	w.watchBroker(ctx)
	w.events = events.New(w.conn, w.registry)
	w.dead = intake.NewDeadLetters(w.conn, w.registry, w.log)
	if err := w.followPauses(ctx); err != nil {
		return err
	}
	w.followLearned(ctx)
	w.clouds, err = newClouds(set, cloudsOptions{Observe: observer, Metrics: w.metrics, Build: w.deps.Build, InFlight: w.inFlight, Log: w.log})
	if err != nil {
		return err
	}
	w.registry.MustRegister(w.clouds)
	w.twins = &twins{clouds: w.clouds, accounts: accounts.New(w.conn), tell: w.tellTwin, log: w.log, known: map[string]twin{}}
	w.onStop("cloud clients", func(context.Context) error { w.clouds.close(); return nil })
	if err := w.startBackups(ctx); err != nil {
		return err
	}
	if err := w.startHooks(ctx); err != nil {
		return err
	}
	if err := w.startNotifier(); err != nil {
		return err
	}
	return w.watchClouds(ctx, set)
}

// work runs the shards until ctx ends, and with them what belongs to no shard.
func (w *worker) work(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	w.background.Go(func() { w.watchConnections(ctx, cancel) })
	w.background.Go(func() { w.takeLeftovers(ctx) })
	w.background.Go(func() { w.watchFill(ctx) })
	w.background.Go(func() { w.notify(ctx) })
	defer context.AfterFunc(ctx, func() { w.log.Info("worker stopping", "drain", w.cfg.Drain.String()) })()
	w.log.Info("worker started", "instance", w.cfg.Instance, "http", w.server.Addr(), "clouds", w.clouds.names(), "shards", w.cfg.Shards)
	err := shard.Run(ctx, shard.Options{
		Conn: w.leases, Shards: w.cfg.Shards, Lease: w.cfg.Lease, Instance: w.cfg.Instance,
		TakeAll: w.cfg.IsInside(), Weight: w.weight, Changed: w.changeShare, Log: w.log,
	}, w.own)
	if cause := context.Cause(ctx); errors.Is(cause, broker.ErrLost) {
		return cause
	}
	return err
}

// watchConnections ends the worker when a connection is lost for good: only a
// new process can help then.
func (w *worker) watchConnections(ctx context.Context, end context.CancelCauseFunc) {
	select {
	case <-w.conn.Done():
		end(w.conn.Err())
	case <-w.leases.Done():
		end(w.leases.Err())
	case <-ctx.Done():
	}
}

func (w *worker) cloudOptions() cloud.Options {
	return cloud.Options{File: w.cfg.CloudsFile, Names: w.cfg.Clouds, Operations: handlers.Names()}
}

func (w *worker) topology() []broker.Stream {
	replicas := w.cfg.StreamReplicas
	if replicas == 0 && w.cfg.IsInside() {
		replicas = 1
	}
	return broker.Topology(broker.TopologyOptions{Shards: w.cfg.Shards, Replicas: replicas, EventsMaxAge: w.cfg.EventsMaxAge, Notify: w.cfg.NotifyURL != ""})
}

// dial connects to the broker; a broker that is away is waited for.
func (w *worker) dial(ctx context.Context, name string) (*broker.Conn, error) {
	o := client.BrokerOptions(w.cfg, w.brokerURL())
	o.Name, o.Wait = name, true
	conn, err := broker.Dial(ctx, o, w.log)
	if err != nil {
		return nil, err
	}
	w.onStop(name+" connection", func(context.Context) error { conn.Close(); return nil })
	return conn, nil
}

func (w *worker) brokerURL() string {
	if w.inside != nil {
		return w.inside.URL()
	}
	return string(w.cfg.NATS.URL)
}
