package simulate

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imsworker/imsworker/internal/engine"
	"github.com/imsworker/imsworker/internal/events"
	"github.com/imsworker/imsworker/internal/intake"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/pace"
	"github.com/imsworker/imsworker/messages"
)

// replica is one running process with all that it works with, as
// internal/app wires it.
type replica struct {
	world    *world
	process  *process
	conn     *conn
	events   *events.Log
	dead     *intake.DeadLetters
	accounts map[string]*engine.Account
	stop     context.CancelFunc

	mu      sync.Mutex
	engines map[*engine.Engine]bool
}

// start lets a replica begin a new life.
func (w *world) start(name string) {
	p := newProcess(name)
	c := &conn{process: p, streams: w.streams, weather: w.weather, draws: w.draws, traps: w.traps}
	registry := prometheus.NewRegistry()
	r := &replica{
		world: w, process: p, conn: c, events: events.New(c, registry), dead: intake.NewDeadLetters(c, registry, discard()),
		accounts: map[string]*engine.Account{}, engines: map[*engine.Engine]bool{},
	}
	for _, cloud := range clouds {
		account, err := w.account(p, cloud, discard())
		w.must(err)
		r.accounts[cloud] = account
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	w.mu.Lock()
	w.replicas[name] = r
	w.mu.Unlock()
	w.history.add(name, "begins to live")
	w.running.Go(func() {
		defer cancel()
		r.work(ctx)
	})
}

// Account implements engine.Clouds.
func (r *replica) Account(name string) (*engine.Account, bool) {
	a, known := r.accounts[name]
	return a, known
}

// At implements engine.Clouds.
func (r *replica) At(region, project string) (*engine.Account, bool) {
	for _, a := range r.accounts {
		if a.Is(region, project) {
			return a, true
		}
	}
	return nil, false
}

// own works one shard as long as its lease is good.
func (r *replica) own(ctx context.Context, number int, l right) {
	log := r.world.logOf(r.process.name)
	log.Info("owns the shard", "shard", number)
	records := ledger.New(r.conn, number)
	g := engine.New(engine.Options{
		Shard: number, Ledger: records, Events: r.events, Lease: l, Clouds: r, Reused: r.reused, Request: r.request, Control: r.control,
		Bound: pace.Bound{Ratio: 0.03, Min: 2 * time.Second, Max: time.Minute}, SubmitTimeout: submitTimeout, TombstoneTTL: tombstoneTTL, Drain: drain,
		Metrics: r.world.metrics, Log: log,
	})
	r.note(g, true)
	defer r.note(g, false)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var both sync.WaitGroup
	both.Go(func() {
		defer cancel()
		if err := g.Run(ctx); err != nil && !r.process.silent() {
			log.Error("shard stopped", "error", err)
		}
	})
	both.Go(func() {
		select {
		case <-g.Ready():
			r.takeIn(ctx, number, l, records, g)
		case <-ctx.Done():
		}
	})
	both.Wait()
	log.Info("does not own the shard any more", "shard", number)
}

func (r *replica) note(g *engine.Engine, works bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if works {
		r.engines[g] = true
	} else {
		delete(r.engines, g)
	}
}

// takeIn feeds the shard's messages to a real intake.
func (r *replica) takeIn(ctx context.Context, number int, l right, records *ledger.Shard, g *engine.Engine) {
	in := intake.New(intake.Options{
		Records: records, HearLeg: g.Hear, Dead: r.dead, History: r.events, Count: r.world.metrics, Log: discard(),
		Cloud: func(name string) (intake.Cloud, bool) {
			a, known := r.accounts[name]
			if !known {
				return intake.Cloud{}, false
			}
			return intake.Cloud{Profile: a.Profile, Allows: func(string) bool { return true }, AllowsTarget: func(string) bool { return true }, Scale: a.Scale}, true
		},
	})
	c := &consumer{inbox: r.world.inbox, conn: r.conn, shard: number, valid: l.Valid, handle: in.Handle, drain: drain}
	c.run(ctx)
}

// reused stores the dead letter of a record whose identity belonged to
// another request.
func (r *replica) reused(ctx context.Context, rec *ledger.Record) error {
	return r.dead.Store(ctx, intake.Letter{
		Cloud: rec.Cloud, Operation: rec.Operation, Subject: messages.RequestSubject(rec.Cloud, rec.Operation), Body: rec.Data,
	}, intake.Verdict{Reason: intake.ReasonIdentityReused, Problems: messages.Problems{{Message: "reused"}}})
}

// current is the process of a replica that lives now, or lived last; nil: there
// is no such replica.
func (w *world) current(name string) *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r := w.replicas[name]; r != nil {
		return r.process
	}
	return nil
}

func (w *world) replicaOf(p *process) *replica {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p == nil {
		return nil
	}
	if r := w.replicas[p.name]; r.process == p {
		return r
	}
	return nil
}

// strike ends or pauses a process; one that does not live is left alone.
func (w *world) strike(p *process, e end) {
	r := w.replicaOf(p)
	if r == nil || p.silent() || !p.leave(e.kind) {
		return
	}
	switch e.kind {
	case "pause":
		p.pause()
		w.later(e.lasts, p.resume)
		return
	case "kill":
		p.kill()
	}
	r.stop()
	w.later(e.lasts, func() {
		p.kill()
		w.start(p.name)
	})
}

// stop ends the world in an orderly way.
func (w *world) stop() {
	w.mu.Lock()
	w.ended = true
	for _, r := range w.replicas {
		r.process.resume()
		r.stop()
	}
	w.mu.Unlock()
	w.running.Wait()
	for _, r := range w.replicas {
		for _, a := range r.accounts {
			a.Client.Close()
		}
	}
	time.Sleep(5 * time.Minute) // what is still on its way arrives
}

// engines are those of all processes.
func (w *world) engines() (all []*engine.Engine) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.replicas {
		r.mu.Lock()
		for g := range r.engines {
			all = append(all, g)
		}
		r.mu.Unlock()
	}
	return all
}

// census asks every engine what it holds.
func (w *world) census(ctx context.Context) {
	for _, g := range w.engines() {
		select {
		case <-g.Ready():
		default:
			continue
		}
		c, err := g.Census(ctx)
		w.must(err)
		if c.WithoutTimer > 0 {
			w.watch.violated("timers", "%d records would never be woken", c.WithoutTimer)
		}
	}
}
