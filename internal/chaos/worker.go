package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/imsworker/imsworker/internal/broker/nodes"
)

// worker is one replica, with ways of its own to the broker and to the cloud.
type worker struct {
	*process

	http  string // host:port
	front *nodes.Front
	cloud *nodes.Proxy
}

// newWorker describes the n-th replica; it is not started yet.
func newWorker(s settings, n int, binary, dir string, door door, cluster *nodes.Cluster, cloud *cloud) (*worker, error) {
	name := fmt.Sprintf("worker-%d", n+1)
	front, err := cluster.Front()
	if err != nil {
		return nil, err
	}
	w := &worker{front: front}
	if w.cloud, err = nodes.NewProxy(cloud.address); err != nil {
		w.close()
		return nil, err
	}
	if w.http, err = nodes.FreeAddress(); err != nil {
		w.close()
		return nil, err
	}
	file := filepath.Join(dir, name+".yaml")
	if err := os.WriteFile(file, []byte(cloud.yamlThrough(w.cloud.Address(), s)), 0o600); err != nil {
		w.close()
		return nil, fmt.Errorf("write clouds.yaml: %w", err)
	}
	w.process = &process{name: name, path: binary, args: []string{"serve"}, log: filepath.Join(dir, name+".log"), env: environment(append(door.environment(asWorker),
		"IMSWORKER_NATS_URL="+front.URL(), "IMSWORKER_CLOUDS_FILE="+file, "IMSWORKER_HTTP_LISTEN="+w.http, "IMSWORKER_INSTANCE="+name,
		"IMSWORKER_LEASE="+s.lease.String(), "IMSWORKER_SUBMIT_TIMEOUT="+s.submitTimeout().String(), fmt.Sprintf("IMSWORKER_SHARDS=%d", shards),
	)...)}
	return w, nil
}

// serves reports whether the worker's process is up; which shards it has is
// its own affair.
func (w *worker) serves(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.http+"/livez", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// words are lines of the log that say what never may happen.
var words = []string{"panic:", "fatal error:", "DATA RACE", "not permitted by the broker"}

// said lists what the log says that never may be.
func (w *worker) said() []string {
	text, err := os.ReadFile(w.log)
	if err != nil {
		return []string{err.Error()}
	}
	var all []string
	for _, word := range words {
		if strings.Contains(string(text), word) {
			all = append(all, fmt.Sprintf("the log of %s says %q", w.name, word))
		}
	}
	return all
}

func (w *worker) pause()  { w.signal(syscall.SIGSTOP) }
func (w *worker) resume() { w.signal(syscall.SIGCONT) }

// stopPatience is longer than a worker's own time for stopping.
const stopPatience = 40 * time.Second

// close ends the ways; the process has ended before.
func (w *worker) close() {
	w.front.Stop()
	if w.cloud != nil {
		w.cloud.Stop()
	}
}
