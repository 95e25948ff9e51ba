package promtest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds each thing that a program of Prometheus does.
const patience = 2 * time.Minute

// Tool is the path of one of the programs. A test without it fails.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path := filepath.Join(os.Getenv("PROMETHEUS_TOOLS"), name)
	if _, err := os.Stat(path); err != nil || !filepath.IsAbs(path) {
		t.Fatalf("no %s in the directory that PROMETHEUS_TOOLS names: run make tools, then make rules", name)
	}
	return path
}

// Run runs one of the programs to its end and returns what it says.
func Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, Tool(t, name), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}

// Server is a Prometheus over a storage. It ends with the test.
type Server struct {
	t       testing.TB
	url     string
	process *Process
}

// Open builds the storage and starts a Prometheus over it. The step is the time
// between two scrapes: a series that is not in the next one is gone by then.
// Where a file of rules is named, what it records is evaluated through all of
// the storage, at each step.
func (s *Storage) Open(rules string, step time.Duration) *Server {
	s.t.Helper()
	dir := s.t.TempDir()
	data := filepath.Join(dir, "data")
	Run(s.t, "promtool", "tsdb", "create-blocks-from", "--max-block-duration=240h", "openmetrics", "--quiet", s.write(dir), data)
	server := serve(s.t, dir, data, step)
	if rules == "" {
		return server
	}
	recorded := filepath.Join(dir, "recorded")
	Run(s.t, "promtool", "tsdb", "create-blocks-from", "rules", "--url="+server.url, "--output-dir="+recorded,
		"--start="+s.first.UTC().Format(time.RFC3339), "--end="+s.last.UTC().Format(time.RFC3339), "--eval-interval="+step.String(), rules)
	server.process.Stop(s.t)
	for _, block := range blocks(s.t, recorded) {
		if err := os.Rename(block, filepath.Join(data, filepath.Base(block))); err != nil {
			s.t.Fatalf("take over what was recorded: %v", err)
		}
	}
	return serve(s.t, dir, data, step)
}

func blocks(t testing.TB, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*", "meta.json"))
	if err != nil {
		t.Fatal(err)
	}
	for i, meta := range found {
		found[i] = filepath.Dir(meta)
	}
	return found
}

// serve starts a Prometheus that scrapes nothing.
func serve(t testing.TB, dir, data string, step time.Duration) *Server {
	t.Helper()
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, []byte("global: {}\n"), 0o600); err != nil {
		t.Fatalf("write configuration: %v", err)
	}
	address := FreeAddress(t)
	process := Start(t, "prometheus", "--config.file="+config, "--storage.tsdb.path="+data, "--storage.tsdb.retention.time=100y",
		"--query.lookback-delta="+strconv.FormatInt((step-time.Millisecond).Milliseconds(), 10)+"ms", "--web.listen-address="+address, "--log.level=warn")
	process.Ready(t, "http://"+address+"/-/ready")
	return &Server{t: t, url: "http://" + address, process: process}
}

// Process is one of the programs at work.
type Process struct {
	name  string
	cmd   *exec.Cmd
	out   *bytes.Buffer
	ended chan error
	once  sync.Once
}

// Start runs one of the programs until the test ends, or Stop.
func Start(t testing.TB, name string, args ...string) *Process {
	t.Helper()
	p := &Process{name: name, cmd: exec.Command(Tool(t, name), args...), out: &bytes.Buffer{}, ended: make(chan error, 1)} //nolint:noctx // it is ended by a signal, not killed
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir = p.out, p.out, home(t, name)
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		p.ended <- p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() { p.Stop(t) })
	return p
}

// home is where a program finds the files of its package: the Alertmanager, as
// .ci/debian unpacks it, looks for its templates where it is started. Arguments
// have to be absolute paths.
func home(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join(filepath.Dir(Tool(t, name)), "../share/prometheus", strings.TrimPrefix(name, "prometheus-"))
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	return dir
}

// Stop ends the program and waits for it; it may be called more than once. What
// the program has said is told where the test has failed.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	p.once.Do(func() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		if err := <-p.ended; err != nil || t.Failed() {
			t.Logf("%s ended (%v):\n%s", p.name, err, p.out)
		}
	})
}

// Ready waits until a page of the program is there.
func (p *Process) Ready(t testing.TB, url string) {
	t.Helper()
	Await(t, p.name+" to be ready", func() bool {
		select {
		case err := <-p.ended:
			t.Fatalf("%s ended by itself (%v):\n%s", p.name, err, p.out)
		default:
		}
		_, up := Scrape(t, url)
		return up
	})
}

// FreeAddress is one of the loopback that nobody listens on.
func FreeAddress(t testing.TB) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("look for a free port: %v", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// Await waits until something holds.
func Await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// get asks the server for an answer of its API.
func (s *Server) get(path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask Prometheus: %w", err)
	}
	req.Close = true
	return http.DefaultTransport.RoundTrip(req)
}
