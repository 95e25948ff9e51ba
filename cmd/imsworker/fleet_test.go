package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// fleetClouds is how many accounts the workers of a fleet share.
const fleetClouds = 8

// fleet is several workers, each a process of its own, with one broker and a
// fake of several clouds.
type fleet struct {
	*plant
	lease   time.Duration
	workers map[string]*worker
}

// worker is one process of a fleet.
type worker struct {
	name string
	http string
	cmd  *exec.Cmd
	log  *logBuffer
}

// logBuffer can be read while a process writes to it.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func newFleet(t *testing.T, lease time.Duration) *fleet {
	t.Helper()
	fake, err := fakecloud.New(fakecloud.Options{Clouds: fleetOfClouds(), TimeFactor: 20, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(fake.Handler())
	t.Cleanup(func() {
		server.Close()
		if err := fake.Close(); err != nil {
			t.Error(err)
		}
	})
	p := &plant{t: t, dir: t.TempDir(), fake: fake, cloud: server.URL}
	inside, err := broker.StartInside(broker.InsideOptions{Dir: filepath.Join(p.dir, "broker"), Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(inside.Stop)
	p.nats = strings.TrimPrefix(inside.URL(), "nats://")
	p.conn = brokertest.Dial(t, inside.URL())
	f := &fleet{plant: p, lease: lease, workers: map[string]*worker{}}
	f.cloudsFile()
	return f
}

// fleetOfClouds are accounts like that of the demo, whose jobs take a second or
// two by our clock.
func fleetOfClouds() (all []fakecloud.CloudOptions) {
	for i := range fleetClouds {
		o := fakecloud.Demo()
		o.Name, o.ProjectID = cloudName(i), fmt.Sprintf("%032x", i+1)
		o.AccessKey = fmt.Sprintf("%s%d", o.AccessKey, i)
		o.Switches.Quota, o.Switches.RatesOff = -1, true
		o.Switches.Durations = map[string]fakecloud.Span{"*": {Run: fakecloud.Duration(20 * time.Second), Sigma: 0.3}}
		all = append(all, o)
	}
	return all
}

func cloudName(i int) string { return fmt.Sprintf("cloud-%d", i%fleetClouds) }

func (f *fleet) cloudsFile() {
	f.t.Helper()
	var text strings.Builder
	text.WriteString("clouds:\n")
	for i, o := range fleetOfClouds() {
		url := f.cloud + "/" + o.Name
		fmt.Fprintf(&text, `  %s:
    profile: otc
    region_name: eu-de
    auth: {auth_url: %[2]s/v3, project_id: %[3]q, ak: %[4]s, sk: %[5]s}
    image_endpoint_override: %[2]s
    cbr_endpoint_override: %[2]s
    imsworker: {time_factor: 20, limits: off, horizon: 100s}
`, cloudName(i), url, o.ProjectID, o.AccessKey, o.SecretKey)
	}
	if err := os.WriteFile(filepath.Join(f.dir, "clouds.yaml"), []byte(text.String()), 0o600); err != nil {
		f.t.Fatal(err)
	}
}

// run starts a worker; it is killed at the end of the test.
func (f *fleet) run(binary, name string) *worker {
	f.t.Helper()
	w := &worker{name: name, http: freePort(f.t), log: &logBuffer{}}
	w.cmd = exec.CommandContext(f.t.Context(), binary, "serve")
	w.cmd.Stdout, w.cmd.Stderr = w.log, w.log
	w.cmd.Env = append(os.Environ(),
		"IMSWORKER_NATS_URL=nats://"+f.nats, "IMSWORKER_CLOUDS_FILE="+filepath.Join(f.dir, "clouds.yaml"), "IMSWORKER_HTTP_LISTEN="+w.http,
		"IMSWORKER_INSTANCE="+name, "IMSWORKER_SUBMIT_TIMEOUT=5s", "IMSWORKER_LEASE="+f.lease.String(), "IMSWORKER_LOG_FORMAT=text")
	if err := w.cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.workers[name] = w
	f.t.Cleanup(func() {
		if f.t.Failed() {
			f.t.Logf("%s:\n%s", name, w.log)
		}
	})
	f.await(name+" to be ready", func() bool { return w.get(f.t, "/readyz") != "" })
	return w
}

// get reads a page; "" where it does not answer with 200.
func (w *worker) get(t *testing.T, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.http+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer func() { _ = resp.Body.Close() }()
	var text strings.Builder
	if resp.StatusCode != http.StatusOK || resp.Write(&text) != nil {
		return ""
	}
	return text.String()
}

// owned is how many shards a worker says it works.
func (w *worker) owned(t *testing.T) int {
	t.Helper()
	for line := range strings.Lines(w.get(t, "/metrics")) {
		var n int
		if _, err := fmt.Sscanf(line, "imsworker_shards_owned %d", &n); err == nil {
			return n
		}
	}
	return -1
}

// stop ends a worker as a service manager does.
func (f *fleet) stop(w *worker) {
	f.t.Helper()
	f.signal(w, syscall.SIGTERM)
	if err := w.cmd.Wait(); err != nil {
		f.t.Errorf("%s ended with %v", w.name, err)
	}
}

// kill ends a worker without warning.
func (f *fleet) kill(w *worker) {
	f.t.Helper()
	f.signal(w, syscall.SIGKILL)
	_ = w.cmd.Wait()
}

func (f *fleet) signal(w *worker, s syscall.Signal) {
	f.t.Helper()
	if err := w.cmd.Process.Signal(s); err != nil {
		f.t.Fatal(err)
	}
}

// load publishes requests, evenly over clouds and time, until done is closed
// and at least so many were sent.
func (f *fleet) load(least int, every time.Duration, done <-chan struct{}) (sent <-chan int) {
	count := make(chan int, 1)
	go func() {
		defer close(count)
		for i := 0; ; i++ {
			if i >= least && closed(done) {
				count <- i
				return
			}
			if err := f.request(i); err != nil {
				f.t.Errorf("publish: %v", err)
				return
			}
			time.Sleep(every)
		}
	}()
	return count
}

func closed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

func (f *fleet) request(i int) error {
	m := &nats.Msg{
		Subject: "ims.request." + cloudName(i) + ".copy-image", Data: []byte(`{"image_id":"` + fakecloud.DemoImage + `","name":"copy"}`),
		Header: nats.Header{"Nats-Msg-Id": {fmt.Sprint(i)}},
	}
	_, err := f.conn.JetStream().PublishMsg(f.t.Context(), m)
	return err
}

// ending is one final event.
type ending struct {
	key   string
	state messages.State
	at    time.Time
}

// endings reads the final events, in their order.
func (f *fleet) endings() (all []ending) {
	f.t.Helper()
	ctx, cancel := contextFor(f.t)
	_ = f.conn.Tail(ctx, broker.StreamEvents, "ims.event.*.*.final.>", func(m broker.Stored) {
		meta, event, err := messages.DecodeEvent(m.Header, m.Data)
		if err != nil {
			f.t.Errorf("event %s: %v", m.Subject, err)
		}
		all = append(all, ending{key: meta.Key, state: event.State, at: m.Time})
	}, cancel)
	return all
}

// audit waits until all has ended and compares what was asked for, what the
// clouds did and what was told. It returns the longest time without an end.
func (f *fleet) audit(requests int) (gap time.Duration) {
	f.t.Helper()
	var all []ending
	f.awaitLong(fmt.Sprintf("%d requests to end", requests), func() bool {
		all = f.endings()
		return len(all) >= requests
	})
	ended := map[string]int{}
	for i, e := range all {
		ended[e.key]++
		if e.state != messages.StateSucceeded {
			f.t.Errorf("%s ended %s", e.key, e.state)
		}
		if i > 0 {
			gap = max(gap, e.at.Sub(all[i-1].at))
		}
	}
	images := 0
	for i := range fleetClouds {
		images += copies(f.fake.Truth(cloudName(i)))
	}
	f.t.Logf("requests %d, images %d, final events %d, longest time without one %s", requests, images, len(all), gap.Round(time.Millisecond))
	if images != requests || len(all) != requests || len(ended) != requests {
		f.t.Errorf("requests %d, images %d, final events %d of %d", requests, images, len(all), len(ended))
	}
	return gap
}

func copies(truth []fakecloud.Mutation) (n int) {
	for _, m := range truth {
		if m.Call == "CopyImage" {
			n++
		}
	}
	return n
}

// share waits until the workers have shared all shards and all have some.
func (f *fleet) share(workers ...*worker) {
	f.t.Helper()
	f.await("the shards to be shared", func() bool {
		sum := 0
		for _, w := range workers {
			n := w.owned(f.t)
			if n < 1 {
				return false
			}
			sum += n
		}
		return sum == 16
	})
}
