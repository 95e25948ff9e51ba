package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"github.com/imsworker/imsworker/internal/app"
	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/internal/ops"
	"github.com/imsworker/imsworker/messages"
)

func TestMain(m *testing.M) {
	brokertest.ServeIfAsked()
	goleak.VerifyTestMain(m)
}

// patience is how long a test waits for something that must come.
const patience = 90 * time.Second

// safeBuffer is a buffer that many may write to.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// system is a worker with its broker inside and a fake cloud beside it.
type system struct {
	t      *testing.T
	fake   *fakecloud.Fake
	cloud  *httptest.Server
	dir    string
	cfg    config.Config
	deps   app.Deps
	logs   *safeBuffer
	at     app.Addresses
	conn   *broker.Conn
	cancel context.CancelFunc
	ended  chan error
	login  string                   // into the broker, "user:password@"
	broker *broker.Options          // or all of how the test connects
	clouds []fakecloud.CloudOptions // the demo first
}

// newSystem makes the fake clouds and the configuration; start starts the rest.
func newSystem(t *testing.T, settings string, change func(*fakecloud.CloudOptions), others ...fakecloud.CloudOptions) *system {
	t.Helper()
	demo := fakecloud.Demo()
	if change != nil {
		change(&demo)
	}
	fake, err := fakecloud.New(fakecloud.Options{Clouds: append([]fakecloud.CloudOptions{demo}, others...), TimeFactor: 50, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := &system{t: t, fake: fake, cloud: httptest.NewServer(fake.Handler()), dir: t.TempDir(), logs: &safeBuffer{}, clouds: append([]fakecloud.CloudOptions{demo}, others...)}
	t.Cleanup(func() {
		s.cloud.Close()
		if err := fake.Close(); err != nil {
			t.Error(err)
		}
	})
	s.writeClouds(settings)
	s.cfg = config.Config{
		NATS: config.NATS{URL: config.Inside, Listen: "127.0.0.1:0"}, DataDir: filepath.Join(s.dir, "data"), Shards: 4,
		Lease: 15 * time.Second, SubmitTimeout: 5 * time.Second, EventsMaxAge: time.Hour, CloudsFile: filepath.Join(s.dir, "clouds.yaml"),
		HTTPListen: "127.0.0.1:0", Drain: 10 * time.Second, Instance: "test",
		Detect: config.Detect{Ratio: 0.03, Min: 2 * time.Second, Max: time.Minute},
	}
	s.deps = app.Deps{Log: slog.New(slog.NewTextHandler(s.logs, &slog.HandlerOptions{Level: slog.LevelDebug})), Build: ops.Build{Version: "test"}}
	return s
}

// writeClouds writes clouds.yaml with further settings of the demo cloud.
func (s *system) writeClouds(settings string) {
	s.t.Helper()
	text := "clouds:\n"
	for i, c := range s.clouds {
		if i > 0 {
			settings = ""
		}
		url := s.cloud.URL + "/" + c.Name
		text += fmt.Sprintf(`  %s:
    profile: %s
    region_name: %s
    auth: {auth_url: %s/v3, project_id: %q, ak: %s, sk: %s}
    image_endpoint_override: %s
    cbr_endpoint_override: %s
    block_storage_endpoint_override: %s
    smn_endpoint_override: %s
    imsworker: {time_factor: 50%s}
`, c.Name, c.Profile, c.Region, url, c.ProjectID, c.AccessKey, c.SecretKey, url, url, url, url, settings)
	}
	if err := os.WriteFile(filepath.Join(s.dir, "clouds.yaml"), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// start runs the worker and waits until it is ready.
func (s *system) start() *system {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan app.Addresses, 1)
	deps := s.deps
	deps.Ready = func(a app.Addresses) { ready <- a }
	s.cancel, s.ended = cancel, make(chan error, 1)
	go func() { s.ended <- app.Run(ctx, s.cfg, deps) }()
	select {
	case s.at = <-ready:
	case err := <-s.ended:
		s.t.Fatalf("start: %v\n%s", err, s.logs)
	case <-time.After(patience):
		s.t.Fatalf("not ready\n%s", s.logs)
	}
	s.t.Cleanup(func() {
		if s.ended != nil {
			s.stop()
		}
	})
	if s.broker != nil {
		s.conn = brokertest.DialAs(s.t, *s.broker)
		return s
	}
	url := s.at.Broker
	if url == "" {
		url = string(s.cfg.NATS.URL)
	}
	s.conn = brokertest.Dial(s.t, strings.Replace(url, "nats://", "nats://"+s.login, 1))
	return s
}

// stop stops the worker as a SIGTERM does.
func (s *system) stop() {
	s.t.Helper()
	s.cancel()
	select {
	case err := <-s.ended:
		if err != nil {
			s.t.Errorf("stop: %v", err)
		}
	case <-time.After(patience):
		s.t.Errorf("does not stop\n%s", s.logs)
	}
	s.ended = nil
}

// publish sends a message as any NATS client would.
func (s *system) publish(subject, body string, header nats.Header) {
	s.t.Helper()
	if _, err := s.conn.JetStream().PublishMsg(s.t.Context(), &nats.Msg{Subject: subject, Header: header, Data: []byte(body)}); err != nil {
		s.t.Fatalf("publish to %s: %v", subject, err)
	}
}

// told is one event as a reader of the stream sees it.
type told struct {
	subject string
	header  nats.Header
	body    []byte
	meta    messages.EventMeta
	event   messages.Event
}

// events reads all events of a key that are there.
func (s *system) events(key string) []told {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	var all []told
	err := s.conn.Tail(ctx, broker.StreamEvents, "ims.event.*.*.*.*."+key+".>", func(m broker.Stored) {
		meta, event, err := messages.DecodeEvent(m.Header, m.Data)
		if err != nil {
			s.t.Errorf("event %s: %v", m.Subject, err)
		}
		all = append(all, told{m.Subject, m.Header, m.Data, meta, event})
	}, cancel)
	if !errors.Is(err, context.Canceled) {
		s.t.Fatalf("read events: %v", err)
	}
	return all
}

// final waits for the end of a request.
func (s *system) final(key string) messages.Event {
	s.t.Helper()
	var final messages.Event
	s.await("the end of "+key, func() bool {
		m, err := s.conn.Last(s.t.Context(), broker.StreamEvents, "ims.event.*.*.final.*."+key+".>")
		if err != nil {
			return false
		}
		_, final, err = messages.DecodeEvent(m.Header, m.Data)
		return err == nil
	})
	return final
}

// await waits until something holds.
func (s *system) await(what string, holds func() bool) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			s.t.Fatalf("waited too long for %s\n%s", what, s.logs)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// get reads a page of the worker.
func (s *system) get(path string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+s.at.HTTP+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.do(req)
}

// read reads any page that must be there.
func (s *system) read(url string) string {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	status, body := s.do(req)
	if status != http.StatusOK {
		s.t.Fatalf("%s answers %d: %s", url, status, body)
	}
	return body
}

// do makes one call on a connection of its own.
func (s *system) do(req *http.Request) (int, string) {
	s.t.Helper()
	req.Close = true
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// made counts the images that the cloud really began to make.
func (s *system) made() int {
	n := 0
	for _, m := range s.fake.Truth(fakecloud.DemoCloud) {
		if m.ImageID != "" && m.JobID != "" {
			n++
		}
	}
	return n
}

const copyBase = `{"image_id":"` + fakecloud.DemoImage + `","name":"copy"}`

// copyEvent are the headers of a CloudEvent that asks for a copy.
func copyEvent(id string) nats.Header {
	return nats.Header{"ce-specversion": {"1.0"}, "ce-type": {messages.RequestType("copy-image")}, "ce-source": {"/test"}, "ce-id": {id}}
}

// states lists the states of events in order.
func states(events []told) string {
	var list []string
	for _, e := range events {
		list = append(list, string(e.meta.State))
	}
	return strings.Join(list, " ")
}

// contextWithPatience ends by itself when a test has waited long enough.
func contextWithPatience(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), patience)
}

// runFor runs the worker until it gives up by itself, or for so long.
func runFor(ctx context.Context, s *system, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return app.Run(ctx, s.cfg, s.deps)
}
