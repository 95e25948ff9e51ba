package simulate

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/engine"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// begin is when every bubble begins.
var begin = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// Sizes of every world.
const (
	roomy         = 1000 // quota of images
	leaseTime     = 15 * time.Second
	submitTimeout = 30 * time.Second
	drain         = 20 * time.Second
	tombstoneTTL  = time.Hour
)

// limits are those of the clouds, small enough to be felt. That of EVS is
// shared by questions, which must get through within their time limits.
var limits = map[string]budget.Limit{
	"copy": {Count: 3, Window: 5 * time.Minute}, "whole": {Count: 2, Window: 2 * time.Minute}, "evs": {Count: 20, Window: time.Minute},
}

// world is one plan at work.
type world struct {
	plan
	begun   time.Time
	history *history
	streams *streams
	inbox   *inbox
	weather *weather
	roads   *roads
	traps   *traps
	draws   *draws
	watch   *watch
	fake    *fakecloud.Fake
	metrics *engine.Metrics
	shown   *prometheus.Registry // what a scrape of all processes together shows
	calls   *ims.Metrics         // nil where nobody counts them

	mu       sync.Mutex
	replicas map[string]*replica
	asked    map[string]ask // by cloud and name of the image
	order    []ask
	bulks    []bulkAsk
	ended    bool
	running  sync.WaitGroup
	tokens   int
}

// token is a token that no other write has.
func (w *world) token(of string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens++
	return fmt.Sprintf("%s-%d", of, w.tokens)
}

func newWorld(p plan) (*world, error) {
	shown := prometheus.NewRegistry()
	w := &world{
		plan: p, begun: time.Now(), streams: newStreams(p.shards), inbox: newInbox(), traps: &traps{}, draws: newDraws(p.seed),
		weather: &weather{cut: map[string]time.Time{}, lose: map[string]int{}}, replicas: map[string]*replica{}, asked: map[string]ask{},
		metrics: engine.NewMetrics(shown, clouds, handlers.Names()), shown: shown,
	}
	shown.MustRegister(engine.NewCollector(w.metrics, w.engines))
	w.history = &history{begun: w.begun}
	w.watch = &watch{streams: w.streams, history: w.history, limits: limits, shardOf: w.shardOf, posts: map[string][]time.Time{}, finals: map[string][]messages.Event{}}
	w.streams.stored = w.watch.stored
	fake, err := fakecloud.New(fakecloud.Options{Clouds: accounts(), Seed: int64(p.seed) + 1})
	if err != nil {
		return nil, err
	}
	w.fake = fake
	w.roads = &roads{handler: fake.Handler(), draws: w.draws, arrived: w.arrived}
	return w, nil
}

// accounts are the fake's clouds, with the same limits as the engine's.
func accounts() []fakecloud.CloudOptions {
	var all []fakecloud.CloudOptions
	for i, name := range clouds {
		o := fakecloud.Demo()
		o.Name, o.Profile = name, []string{fakecloud.ProfileOTC, fakecloud.ProfileHuawei}[i%2]
		o.Region, o.ProjectName = regions[name], regions[name]
		o.Switches.Quota, o.Switches.Limits = roomy, map[string]fakecloud.Limit{}
		for bucket, l := range limits {
			if bucket != "evs" { // there other calls count too
				o.Switches.Limits[bucket] = fakecloud.Limit{Count: l.Count, Window: fakecloud.Duration(l.Window)}
			}
		}
		all = append(all, o)
	}
	return all
}

// account is a process's way to a cloud.
func (w *world) account(p *process, cloud string, log *slog.Logger) (*engine.Account, error) {
	profile := ims.ProfileOTC
	if cloud != clouds[0] {
		profile = ims.ProfileHuawei
	}
	base := "http://cloud.test/" + cloud
	var observe ims.Observer
	if w.calls != nil {
		observe = w.calls.For(cloud)
	}
	client, err := ims.New(ims.Config{
		Observe: observe, Cloud: cloud, Profile: profile, Region: regions[cloud], ProjectID: fakecloud.DemoProjectID,
		Endpoints:   ims.Endpoints{Image: base, CBR: base, BlockStorage: base, Identity: base},
		Credentials: ims.Credentials{AccessKey: fakecloud.DemoAccessKey, SecretKey: fakecloud.DemoSecretKey},
		Transport:   &wire{process: p, roads: w.roads, traps: w.traps, cloud: cloud}, Logger: log,
	})
	if err != nil {
		return nil, err
	}
	all := map[string]budget.Limit{"list": {Count: 1400, Window: time.Minute}, "show_job": {Count: 1400, Window: time.Minute}}
	maps.Copy(all, limits)
	return &engine.Account{Name: cloud, Client: client, Profile: profile, Limits: all, TimeFactor: 1, Region: regions[cloud]}, nil
}

func (w *world) shardOf(cloud string) int {
	for i, name := range clouds {
		if name == cloud {
			return i % w.shards
		}
	}
	return 0
}

// later does something at a later time, unless the world has ended.
func (w *world) later(d time.Duration, do func()) {
	time.AfterFunc(d, func() {
		w.mu.Lock()
		over := w.ended
		w.mu.Unlock()
		if !over {
			do()
		}
	})
}

// must notes what cannot go wrong.
func (w *world) must(err error) {
	if err != nil {
		w.watch.violated("simulation", "%v", err)
	}
}

var imageName = regexp.MustCompile(`"(?:image_)?name":\s*"(image-[a-z0-9]+)"`)

// arrived looks for creating calls among those that reach the cloud.
func (w *world) arrived(cloud string, r *http.Request, body []byte) {
	path := r.URL.Path
	if r.Method != http.MethodPost || strings.Contains(path, "resource_instances") || strings.Contains(path, "/tags") || strings.HasSuffix(path, "/v2/images") {
		return // the last makes a row without data, which is worth nothing yet
	}
	name := imageName.FindSubmatch(body)
	if name == nil {
		return
	}
	w.mu.Lock()
	a, known := w.asked[cloud+" "+string(name[1])]
	w.mu.Unlock()
	op, _ := handlers.Lookup(a.operation)
	if known {
		w.watch.post(cloud, op.Bucket, a.key(), a.name)
	}
}

// source is whom all requests come from.
const source = "/simulate"

func (a ask) key() string { return messages.Key(a.cloud, source, a.id) }

// publish puts a request into the inbox, as the broker does.
func (w *world) publish(a ask) {
	w.history.add("publisher", "%s", a)
	if _, err := w.fake.Add(a.cloud, a.needs); err != nil {
		w.must(err)
	}
	subject, header, body := messages.EncodeRequest(messages.Request{
		Identity: messages.Identity{Source: source, ID: a.id}, Cloud: a.cloud, Operation: a.operation, Data: a.data,
	})
	w.mu.Lock()
	if a.how == "" {
		w.asked[a.cloud+" "+a.name] = a
		w.order = append(w.order, a)
	}
	w.mu.Unlock()
	w.inbox.publish(w.shardOf(a.cloud), inboxSubject(w.shardOf(a.cloud), subject), header, body)
}

// inboxSubject is what the broker makes of a subject.
func inboxSubject(shard int, subject string) string {
	return fmt.Sprintf("ims.inbox.%d.%s", shard, strings.TrimPrefix(subject, "ims."))
}

func (w *world) requests() []ask {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]ask(nil), w.order...)
}

// logOf is the log of one process.
func (w *world) logOf(who string) *slog.Logger {
	return slog.New(&logger{history: w.history, who: who, alarm: func(text string) { w.watch.violated("impossible", "%s says: %s", who, text) }})
}

// discard is for what nobody reads.
func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// run lets everything happen, waits until all has ended, and looks at what is
// left.
func (w *world) run(ctx context.Context) {
	for i := range w.plan.replicas {
		w.start(fmt.Sprintf("replica-%d", i+1))
	}
	for _, it := range w.items {
		time.Sleep(time.Until(w.begun.Add(it.at)))
		w.history.add("plan", "%s", it.what)
		it.what.happen(w)
		w.census(ctx)
	}
	w.await(ctx)
	w.audit()
	w.stop()
}
