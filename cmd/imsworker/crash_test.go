package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/broker/nodes"
	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// crashPatience is how long a test with processes waits for what must come.
const crashPatience = 60 * time.Second

// plant is a worker as a process of its own, with a fake cloud beside it.
type plant struct {
	t      *testing.T
	binary string
	dir    string
	fake   *fakecloud.Fake
	nats   string // host:port
	http   string
	cloud  string // address of the fake
	inside bool
	conn   *broker.Conn
	hooks  string // host:port, empty without hooks
	env    []string
	log    bytes.Buffer // of the process that runs; read after its end
}

func newPlant(t *testing.T, binary string, inside bool) *plant {
	t.Helper()
	fake, err := fakecloud.New(fakecloud.Options{Clouds: []fakecloud.CloudOptions{fakecloud.Demo()}, TimeFactor: 20, Log: slog.New(slog.DiscardHandler)})
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
	p := &plant{t: t, binary: binary, dir: t.TempDir(), fake: fake, nats: freePort(t), http: freePort(t), cloud: server.URL, inside: inside}
	p.settings(", horizon: 40s, allow_steps: [export-volume]")
	if !inside {
		server, err := broker.StartInside(broker.InsideOptions{Dir: filepath.Join(p.dir, "broker"), Listen: p.nats, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Stop)
	}
	return p
}

// settings writes clouds.yaml with further settings of the demo cloud.
func (p *plant) settings(more string) {
	p.t.Helper()
	url := p.cloud + "/" + fakecloud.DemoCloud
	text := fmt.Sprintf(`clouds:
  demo:
    profile: otc
    region_name: eu-de
    auth: {auth_url: %s/v3, project_id: %q, ak: %s, sk: %s}
    image_endpoint_override: %s
    cbr_endpoint_override: %s
    block_storage_endpoint_override: %s
    smn_endpoint_override: %s
    imsworker: {time_factor: 20%s}
`, url, fakecloud.DemoProjectID, fakecloud.DemoAccessKey, fakecloud.DemoSecretKey, url, url, url, url, more)
	if err := os.WriteFile(filepath.Join(p.dir, "clouds.yaml"), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	address, err := nodes.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// start starts a worker that kills itself at the point; "" for none. It
// returns when the worker is ready.
func (p *plant) start(at crash.Point) *exec.Cmd {
	p.t.Helper()
	p.log.Reset()
	cmd := exec.CommandContext(p.t.Context(), p.binary, "serve")
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	cmd.Env = p.environ(at)
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.ready()
	return cmd
}

// environ is the environment of a worker that kills itself at the point.
func (p *plant) environ(at crash.Point) []string {
	url := "nats://" + p.nats
	if p.inside {
		url = "inside"
	}
	env := append(os.Environ(),
		"CRASH_AT="+string(at), "IMSWORKER_NATS_URL="+url, "IMSWORKER_NATS_LISTEN="+p.nats, "IMSWORKER_DATA_DIR="+filepath.Join(p.dir, "data"),
		"IMSWORKER_CLOUDS_FILE="+filepath.Join(p.dir, "clouds.yaml"), "IMSWORKER_HTTP_LISTEN="+p.http, "IMSWORKER_INSTANCE=crash",
		"IMSWORKER_SUBMIT_TIMEOUT=2s", "IMSWORKER_SHARDS=2")
	return append(env, p.env...)
}

// ready waits until the worker is.
func (p *plant) ready() {
	p.t.Helper()
	p.await("the worker to be ready", func() bool {
		req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, "http://"+p.http+"/readyz", nil)
		if err != nil {
			p.t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
}

// connect dials the broker anew: the inside one dies with its worker.
func (p *plant) connect() { p.conn = brokertest.Dial(p.t, "nats://"+p.nats) }

func (p *plant) await(what string, holds func() bool) {
	p.t.Helper()
	p.awaitFor(crashPatience, what, holds)
}

// awaitLong waits for what takes minutes.
func (p *plant) awaitLong(what string, holds func() bool) {
	p.t.Helper()
	p.awaitFor(7*time.Minute, what, holds)
}

func (p *plant) awaitFor(patience time.Duration, what string, holds func() bool) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			p.t.Fatalf("waited too long for %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// killed waits until the process has killed itself.
func (p *plant) killed(cmd *exec.Cmd) {
	p.t.Helper()
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL { //nolint:forcetypeassert // this system's
		p.t.Fatalf("the worker ended with %v\n%s", err, &p.log)
	}
}

// end stops a worker as a service manager does.
func (p *plant) end(cmd *exec.Cmd) {
	p.t.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		p.t.Errorf("the worker ended with %v\n%s", err, &p.log)
	}
}

// finals counts the final events of a key, and returns the last one's state.
func (p *plant) finals(key string) (n int, last messages.State) {
	p.t.Helper()
	ctx, cancel := contextFor(p.t)
	defer cancel()
	_ = p.conn.Tail(ctx, broker.StreamEvents, "ims.event.demo.*.final.*."+key+".>", func(m broker.Stored) {
		n++
		last = messages.State(strings.Split(m.Subject, ".")[5])
	}, cancel)
	return n, last
}

func contextFor(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), crashPatience)
}

// settled reports whether every record of the ledger is a tombstone.
func (p *plant) settled() bool {
	open := 0
	for shard := range 2 {
		ctx, cancel := contextFor(p.t)
		_ = ledger.New(p.conn, shard).Follow(ctx, func(r *ledger.Record) {
			if !r.Buried {
				open++
			}
		}, cancel, func(string, error) {})
		cancel()
	}
	return open == 0
}

// thenVolume is a follow-up step.
const thenVolume = `{"operation":"export-volume","volume_id":"` + fakecloud.DemoVolume + `","image_name":"after"}`

// follows reports whether the point is one of a request with a step.
func follows(p crash.Point) bool { return p == crash.Told || p == crash.Caused }

// TestKilledAtEveryPoint kills the real worker at each crash point, with the
// broker inside it or outside, and starts it again: one image, one final
// event, whatever was left behind.
func TestKilledAtEveryPoint(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the binary and runs many processes")
	}
	binary := buildCrashing(t)
	bodies := map[string]string{
		"copy-image":         `{"image_id":"` + fakecloud.DemoImage + `","name":"copy"}`,
		"create-whole-image": `{"backup_id":"` + fakecloud.DemoBackup + `","whole_image_type":"CBR","name":"n"}`,
	}
	for _, point := range crash.Points() {
		if ofCancel(point) {
			continue // TestKilledWhileCancelling has them
		}
		for operation, body := range bodies {
			for _, inside := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s/%s/inside_%v", point, operation, inside), func(t *testing.T) {
					t.Parallel()
					key := messages.Key("demo", "nats", "a")
					data, keys := body, []string{key}
					if follows(point) {
						data = strings.Replace(body, "{", `{"options":{"on_success":[`+thenVolume+`]},`, 1)
						keys = append(keys, messages.Key("demo", "/imsworker/demo/"+key, "1/0"))
					}
					p := newPlant(t, binary, inside)
					first := p.start(point)
					p.connect()
					m := &nats.Msg{Subject: "ims.request.demo." + operation, Data: []byte(data), Header: nats.Header{"Nats-Msg-Id": {"a"}}}
					// A broker inside may be killed before it confirms what it has delivered.
					if _, err := p.conn.JetStream().PublishMsg(t.Context(), m); err != nil && !inside {
						t.Fatal(err)
					}
					p.killed(first)
					second := p.start("")
					p.connect()
					for _, key := range keys {
						p.await("the final event", func() bool { n, _ := p.finals(key); return n > 0 })
						p.await("the ledger to be settled", p.settled)
						if n, state := p.finals(key); n != 1 || state != messages.StateSucceeded {
							t.Errorf("%d final events, the last is %s", n, state)
						}
					}
					if n := len(p.fake.Begun(fakecloud.DemoCloud)); n != len(keys) {
						t.Errorf("%d images for %d requests", n, len(keys))
					}
					p.end(second)
				})
			}
		}
	}
}
