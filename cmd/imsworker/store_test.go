package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// systemctl plays the service manager for one worker: what the script of the store asks of it.
const systemctl = `#!/usr/bin/env bash
pid=$(cat "$PID" 2>/dev/null)
alive() { [ -n "$pid" ] && [ -d /proc/$pid ] && ! grep -q ') Z ' /proc/$pid/stat; }
case $1 in
  is-active) if alive; then echo active; else echo inactive; exit 3; fi ;;
  stop) kill -TERM $pid; while alive; do sleep 0.05; done ;;
  start) setsid "$WORKER" serve >>"$PID.log" 2>&1 & echo $! >"$PID" ;;
esac
`

// service is a worker that systemctl starts and stops.
type service struct{ *plant }

func newService(t *testing.T) *service {
	t.Helper()
	p := newPlant(t, buildCrashing(t), true) // which others build too
	bin := filepath.Join(p.dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "systemctl"), []byte(systemctl), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	p.env = []string{"PATH=" + bin + ":" + os.Getenv("PATH"), "PID=" + filepath.Join(p.dir, "pid"), "WORKER=" + p.binary, "STORE=" + filepath.Join(p.dir, "data")}
	s := &service{p}
	t.Cleanup(func() { s.manage("stop") })
	return s
}

func (s *service) run(name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...) //nolint:gosec,noctx // ours; the clean-up runs when the test's context has ended
	cmd.Env = s.environ("")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s *service) manage(verb string) {
	s.t.Helper()
	if out, err := s.run(filepath.Join(s.dir, "bin", "systemctl"), verb); err != nil {
		s.t.Errorf("systemctl %s: %v: %s", verb, err, out)
	}
}

// store runs the script of the store, which leaves the service running.
func (s *service) store(args ...string) string {
	s.t.Helper()
	out, err := s.run("../../deployments/systemd/imsworker-store", args...)
	if err != nil {
		s.t.Fatalf("%v: %v: %s", args, err, out)
	}
	s.ready()
	s.connect()
	return out
}

// submit publishes copies number from to to, and returns their keys.
func (s *service) submit(from, to int) (keys []string) {
	s.t.Helper()
	for n := from; n <= to; n++ {
		id := fmt.Sprint(n)
		m := &nats.Msg{
			Subject: "ims.request.demo.copy-image", Header: nats.Header{"Nats-Msg-Id": {id}},
			Data: []byte(`{"image_id":"` + fakecloud.DemoImage + `","name":"copy-` + id + `"}`),
		}
		if _, err := s.conn.JetStream().PublishMsg(s.t.Context(), m); err != nil {
			s.t.Fatal(err)
		}
		keys = append(keys, messages.Key("demo", "nats", id))
	}
	return keys
}

func (s *service) ended(keys []string) bool {
	for _, key := range keys {
		if n, _ := s.finals(key); n == 0 {
			return false
		}
	}
	return true
}

// What had ended and what was under way when the store was copied is there again after the store is lost, and ends once. What
// was submitted after the backup is not submitted again, since the backup was made in a pause.
func TestStoreIsBackedUpAndRestored(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the script and the unit are for Linux")
	}
	s := newService(t)
	s.manage("start")
	s.ready()
	s.connect()
	done := s.submit(1, 2)
	s.await("the first requests to end", func() bool { return s.ended(done) })
	under := s.submit(3, 5)
	s.await("the others to be begun", func() bool { return s.begun(under) })
	s.command("pause", "demo")
	after := s.submit(6, 6)

	file := filepath.Join(s.dir, "store.tar.gz")
	s.store("backup", file)
	s.command("resume", "demo")
	s.await("what came after the backup to be begun", func() bool { return s.begun(after) })
	s.lose()
	if out := s.store("restore", file); !strings.Contains(out, "what was there is in ") {
		t.Errorf("got %s", out)
	}
	s.command("requests", "cancel", after[0]) // a person has found its image at the cloud
	s.await("all requests to end", func() bool { return s.ended(slices.Concat(done, under, after)) })
	s.await("the ledger to be settled", s.settled)
	s.ends(append(done, under...), messages.StateSucceeded)
	s.ends(after, messages.StateCancelled)
	if n := len(s.fake.Begun(fakecloud.DemoCloud)); n != 6 {
		t.Errorf("%d images for 6 requests", n)
	}
}

// command runs the command line.
func (s *service) command(args ...string) {
	s.t.Helper()
	if out, err := s.run(s.binary, args...); err != nil {
		s.t.Fatalf("%v: %v: %s", args, err, out)
	}
}

// lose starts the service with an empty store.
func (s *service) lose() {
	s.t.Helper()
	s.manage("stop")
	if err := os.RemoveAll(filepath.Join(s.dir, "data")); err != nil {
		s.t.Fatal(err)
	}
	s.manage("start")
	s.ready()
}

func (s *service) ends(keys []string, want messages.State) {
	s.t.Helper()
	for _, key := range keys {
		if n, state := s.finals(key); n != 1 || state != want {
			s.t.Errorf("%d final events, the last is %s, want one %s", n, state, want)
		}
	}
}

// begun reports whether the job of each request is in an event.
func (s *service) begun(keys []string) bool {
	s.t.Helper()
	for _, key := range keys {
		n := 0
		ctx, cancel := contextFor(s.t)
		_ = s.conn.Tail(ctx, broker.StreamEvents, "ims.event.demo.*.life.submitted."+key+".>", func(broker.Stored) { n++ }, cancel)
		cancel()
		if n == 0 {
			return false
		}
	}
	return true
}

func TestStoreScriptRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("no archive"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"backup FILE.tar.gz or restore FILE.tar.gz is wanted": {"backup"},
		"is there already":            {"backup", text},
		"is no backup of a store":     {"restore", text},
		"the directory of /nowhere/x": {"backup", "/nowhere/x"},
	} {
		cmd := exec.CommandContext(t.Context(), "../../deployments/systemd/imsworker-store", args...) //nolint:gosec // ours
		cmd.Env = append(os.Environ(), "STORE="+dir)
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), want) {
			t.Errorf("%v: got %v, %s", args, err, out)
		}
	}
}
