package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/engine"
	"github.com/imsworker/imsworker/internal/events"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/internal/pace"
)

// rig is the engines of all shards with their real ledger, events and clients,
// over a store that makes its records up and a cloud that is a function: what
// is measured is what the engines do and hold, nothing else.
type rig struct {
	requests int
	shards   int           // with one cloud each
	state    ledger.State  // of the records as they come
	wait     time.Duration // between two queries of a job
	over     time.Duration // the records come within that time; 0: at once
	cloud    http.RoundTripper
	limits   func() map[string]budget.Limit // of each cloud; nil: none
	more     chan struct{}                  // asks for one record more; may be nil
	engines  []*engine.Engine
	told     atomic.Int64
	running  sync.WaitGroup
	cancel   context.CancelFunc
}

// start runs the engines; their records come when release is called.
func (r *rig) start(ctx context.Context) (release func(), err error) {
	ctx, r.cancel = context.WithCancel(ctx)
	released := make(chan struct{})
	names := cloudNames(r.shards)
	registry := prometheus.NewRegistry()
	metrics := engine.NewMetrics(registry, names, handlers.Names())
	observe, err := ims.NewMetrics(registry)
	if err != nil {
		return nil, err
	}
	for shard, name := range names {
		account, err := r.account(shard, name, observe.For(name))
		if err != nil {
			return nil, err
		}
		s := &store{rig: r, shard: shard, cloud: name, released: released}
		g := engine.New(engine.Options{
			Shard: shard, Ledger: ledger.New(s, shard), Events: events.New(s, prometheus.NewRegistry()), Lease: always{}, Clouds: accounts{rig: r, account: account},
			Bound: pace.Bound{Min: r.wait, Max: r.wait}, SubmitTimeout: 30 * time.Second, TombstoneTTL: time.Hour, Drain: time.Second,
			Metrics: metrics, Log: slog.New(slog.DiscardHandler),
		})
		r.engines = append(r.engines, g)
		r.running.Go(func() { _ = g.Run(ctx) })
		<-g.Ready()
	}
	return func() { close(released) }, nil
}

// stop ends the engines.
func (r *rig) stop() {
	r.cancel()
	r.running.Wait()
}

func (r *rig) account(n int, name string, observe ims.Observer) (*engine.Account, error) {
	client, err := ims.New(ims.Config{
		Cloud: name, Profile: ims.ProfileOTC, Region: "eu-de", ProjectID: projectID(n),
		Endpoints:   ims.Endpoints{Image: "http://cloud.example", CBR: "http://cloud.example", Identity: "http://cloud.example"},
		Credentials: ims.Credentials{AccessKey: "AK", SecretKey: "SK"}, Transport: r.cloud, Observe: observe,
	})
	if err != nil {
		return nil, err
	}
	return &engine.Account{Name: name, Client: client, Profile: ims.ProfileOTC, TimeFactor: 1, NoSweep: true}, nil
}

// settled waits until so many requests wait as they should, each with the event
// of that told.
func (r *rig) settled(ctx context.Context, wanted int) error {
	for end := time.Now().Add(patience); int(r.told.Load()) < wanted || r.waiting(ctx) < wanted; {
		if time.Now().After(end) {
			return fmt.Errorf("%d of %d requests wait after %s", r.waiting(ctx), wanted, patience)
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// waiting counts the requests that the engines hold in the rig's state.
func (r *rig) waiting(ctx context.Context) int {
	n := 0
	for _, g := range r.engines {
		census, err := g.Census(ctx)
		if err != nil {
			continue // it did not answer in time; it is asked again
		}
		for _, group := range census.Groups {
			if group.State == r.state {
				n += group.Count
			}
		}
	}
	return n
}

// accounts is the one cloud that an engine knows.
type accounts struct {
	rig     *rig
	account *engine.Account
}

// Account implements engine.Clouds.
func (a accounts) Account(name string) (*engine.Account, bool) {
	if name != a.account.Name {
		return nil, false
	}
	now := *a.account
	if a.rig.limits != nil {
		now.Limits = a.rig.limits()
	}
	return &now, true
}

// At implements engine.Clouds.
func (a accounts) At(region, project string) (*engine.Account, bool) {
	return a.account, a.account.Is(region, project)
}

// always is a lease that never ends.
type always struct{}

// Valid implements engine.Lease.
func (always) Valid() bool { return true }

// store stands for the broker of one shard. It keeps nothing: records are
// made up from their number, writes are counted.
type store struct {
	rig      *rig
	shard    int
	cloud    string
	released <-chan struct{}
	sequence atomic.Uint64
}

// Put takes every message.
func (s *store) Put(_ context.Context, stream string, _ broker.Message) (uint64, error) {
	if stream == broker.StreamEvents {
		s.rig.told.Add(1)
	}
	return uint64(s.rig.requests) + s.sequence.Add(1), nil
}

// Last makes up the record of a subject.
func (s *store) Last(_ context.Context, _, subject string) (broker.Stored, error) {
	var number int
	if _, err := fmt.Sscanf(subject[len(subject)-keyLength:], "%d", &number); err != nil {
		return broker.Stored{}, fmt.Errorf("read %s: %w", subject, broker.ErrNone)
	}
	return s.record(number, time.Now())
}

// Tail hands over the shard's records, evenly over the rig's time.
func (s *store) Tail(ctx context.Context, _, _ string, each func(broker.Stored), caughtUp func()) error {
	caughtUp()
	select {
	case <-s.released:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	begun, mine := time.Now(), s.rig.requests/s.rig.shards
	for i := range mine {
		due := begun.Add(s.rig.over * time.Duration(i) / time.Duration(mine))
		if wait := time.Until(due); wait > 0 {
			if err := sleep(ctx, wait); err != nil {
				return err
			}
		}
		if err := s.hand(i, each); err != nil {
			return err
		}
	}
	for i := mine; ; i++ {
		select {
		case <-s.rig.more:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err := s.hand(i, each); err != nil {
			return err
		}
	}
}

// hand gives the shard's i-th record to the engine.
func (s *store) hand(i int, each func(broker.Stored)) error {
	m, err := s.record(i*s.rig.shards+s.shard, time.Now())
	if err == nil {
		each(m)
	}
	return err
}

// exampleData is the request that the contract shows, without the look at its
// backup: nobody is there to be asked.
const exampleData = `{"backup_id":"9b27efab-4a17-4c06-bfa2-3e0cf021d3c3","whole_image_type":"CBR","name":"nightly-web-01",` +
	`"image_tags":[{"key":"team","value":"web"}],"options":{"preflight":false,"deadline":"2h","priority":"normal","not_before":"2026-11-21T22:00:00Z",` +
	`"on_success":[{"operation":"share-image","projects":["edc89b490d7d4392898e19b2deb34797"]}]}}`

// keyLength is the length of a request's key.
const keyLength = 26

// record is the request with that number, accepted or submitted just now.
func (s *store) record(number int, now time.Time) (broker.Stored, error) {
	key := fmt.Sprintf("%0*d", keyLength, number)
	now = now.UTC()
	r := &ledger.Record{
		Version: ledger.Version, Key: key, Cloud: s.cloud, Operation: operation, Source: "/bench", ID: key,
		Attempt: 1, State: s.rig.state, Token: key, DataHash: projectID(number), Data: json.RawMessage(exampleData),
		Accepted: now, Deadline: now.Add(2 * time.Hour), Priority: "normal", Sent: now,
		CorrelationID: key, TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
	if r.State == ledger.Submitted {
		r.Since, r.Posts, r.Submitted, r.JobID = now, []time.Time{now}, now, jobID(int64(number))
	}
	data, err := json.Marshal(r)
	if err != nil {
		return broker.Stored{}, fmt.Errorf("make record: %w", err)
	}
	return broker.Stored{Subject: broker.TrackSubject(s.shard, key), Sequence: uint64(number) + 1, Time: now, Header: nats.Header{}, Data: data}, nil
}
