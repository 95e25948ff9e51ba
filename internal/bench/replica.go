package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/imsworker/imsworker/internal/app"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/ops"
)

// workerProcess is the hidden argument with which this program runs itself as
// a worker, configured by the environment as `serve` is: one that can be
// killed.
const workerProcess = "worker-process"

// serveWorker is the worker's process. It ends when its standard input does,
// so that it never outlives the one who started it.
func serveWorker() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	defer ops.GiveRoom()() // as `serve` does
	cfg, err := config.Load()
	if err == nil {
		err = app.Run(ctx, cfg, app.Deps{
			Log: slog.New(slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})), Build: ops.Build{Version: "bench"},
			Ready: func(a app.Addresses) { fmt.Println(a.HTTP) }, Loaded: func(int) { fmt.Println(loadedLine) },
		})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		return 1
	}
	return 0
}

// loadedLine is what a worker's process says of every shard whose requests it
// has begun to follow; its address, once, is the only other line.
const loadedLine = "loaded"

// replica is a worker in a process of its own.
type replica struct {
	http   string
	cmd    *exec.Cmd
	stdin  io.Closer
	loaded chan struct{} // once a shard
}

// startReplica starts a worker and waits until it is ready.
func startReplica(ctx context.Context, name string, env ...string) (*replica, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	r := &replica{loaded: make(chan struct{}, 16*shards), cmd: exec.CommandContext(ctx, self, workerProcess)} //nolint:gosec // it runs itself
	r.cmd.Env = append(append(os.Environ(), "IMSWORKER_INSTANCE="+name, "IMSWORKER_HTTP_LISTEN=127.0.0.1:0"), env...)
	r.cmd.Stderr = os.Stderr
	if r.stdin, err = r.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start worker %s: %w", name, err)
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start worker %s: %w", name, err)
	}
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start worker %s: %w", name, err)
	}
	ready := make(chan string, 1)
	go r.listen(out, ready)
	if r.http = <-ready; r.http == "" {
		r.kill()
		return nil, fmt.Errorf("worker %s has ended before it was ready", name)
	}
	return r, nil
}

// listen notes what the process says until it ends.
func (r *replica) listen(out io.Reader, ready chan<- string) {
	defer close(ready)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if line := lines.Text(); line != loadedLine {
			ready <- line
			continue
		}
		select {
		case r.loaded <- struct{}{}:
		default: // nobody counts that far
		}
	}
}

// kill ends the process without warning; it may have ended already.
func (r *replica) kill() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

// holds is what a replica says about itself.
type holds struct{ shards, requests, withoutTimer int }

// lookAt are the metrics that tell what a replica holds.
const lookAt = "name[]=imsworker_shards_owned&name[]=imsworker_requests_in_flight&name[]=imsworker_records_without_timer"

// look reads the replica's metrics. It costs a worker of 200 clouds a tenth of a
// second, and more.
func (r *replica) look(ctx context.Context) (holds, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.http+"/metrics?"+lookAt, nil)
	if err != nil {
		return holds{}, fmt.Errorf("ask for metrics: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return holds{}, fmt.Errorf("ask for metrics: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	sums := map[string]int{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		name, _, _ = strings.Cut(name, "{")
		if n, err := strconv.ParseFloat(value[strings.LastIndexByte(value, ' ')+1:], 64); err == nil {
			sums[name] += int(n)
		}
	}
	return holds{
		shards: sums["imsworker_shards_owned"], requests: sums["imsworker_requests_in_flight"], withoutTimer: sums["imsworker_records_without_timer"],
	}, nil
}

// until waits until the replica has begun to follow so many shards more and
// holds what it should; it returns when that was. To look all the time would
// take half of the replica's time.
func (r *replica) until(ctx context.Context, loads int, want func(holds) bool) (time.Time, error) {
	end := time.After(patience)
	for range loads {
		select {
		case <-r.loaded:
		case <-end:
			return time.Time{}, fmt.Errorf("the replica has not begun to follow %d shards more within %s", loads, patience)
		case <-ctx.Done():
			return time.Time{}, context.Cause(ctx)
		}
	}
	for begun, at := time.Now(), time.Now(); ; at = time.Now() {
		h, err := r.look(ctx)
		if err != nil {
			return time.Time{}, err
		}
		if want(h) {
			return at, nil
		}
		if at.Sub(begun) > patience {
			return time.Time{}, fmt.Errorf("the replica holds %+v after %s", h, patience)
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return time.Time{}, err
		}
	}
}

// forget lets until count the shards from now on.
func (r *replica) forget() {
	for len(r.loaded) > 0 {
		<-r.loaded
	}
}

// peak is the most memory that the process has had in use, in MiB, as the
// kernel tells it; what the processor's account of a child says would count
// the program that has started it.
func (r *replica) peak() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.cmd.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("read the peak of a worker's memory, which needs /proc: %w", err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kib, err := strconv.ParseFloat(strings.Fields(rest + " ?")[0], 64)
	if err != nil {
		return 0, fmt.Errorf("read the peak of a worker's memory: %w", err)
	}
	return kib / 1024, nil
}
