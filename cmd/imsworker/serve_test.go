package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/dev"
	"github.com/imsworker/imsworker/internal/fakecloud"
)

// freeAddress is an address on which nothing listens at the moment.
// TestServe is the whole way through commands only: a fake cloud, a worker with its own broker, a request.
func TestServe(t *testing.T) {
	cloudsFile(t, faking(t, "--time-factor", "50"))
	for name, value := range map[string]string{
		"NATS_URL": "inside", "NATS_LISTEN": freePort(t), "HTTP_LISTEN": "127.0.0.1:0", "DATA_DIR": t.TempDir(), "SHARDS": "2",
	} {
		t.Setenv("IMSWORKER_"+name, value)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	root := newRoot()
	root.SetArgs([]string{"serve"})
	root.SetErr(&bytes.Buffer{})
	done := make(chan error, 1)
	go func() { done <- root.ExecuteContext(ctx) }()

	data := `{"image_id": "` + fakecloud.DemoImage + `", "name": "copy"}`
	submit := []string{"submit", "copy-image", "--cloud", "demo", "--id", "a", "--wait", "--timeout", "20s"}
	code, out, errOut := call(t, data, submit...)
	for deadline := time.Now().Add(20 * time.Second); code != exitDone && time.Now().Before(deadline); { // until the broker is up
		code, out, errOut = call(t, data, submit...)
	}
	if code != exitDone || !strings.Contains(out, "succeeded") {
		t.Errorf("got %d, %q, %q", code, out, errOut)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("serve: %v", err)
	}
}

func TestServeWithoutBroker(t *testing.T) {
	t.Setenv("IMSWORKER_NATS_URL", "")
	cloudsFile(t, "clouds: 7\n")
	code, _, errOut := call(t, "", "serve")
	for _, want := range []string{"IMSWORKER_NATS_URL is not set", "nats://broker:4222", "inside", "clouds.yaml: has no entries"} {
		if code != exitUsage || !strings.Contains(errOut, want) {
			t.Errorf("got %d, %q: %q is missing", code, errOut, want)
		}
	}
}

func TestDevOnce(t *testing.T) {
	t.Setenv("IMSWORKER_NATS_LISTEN", freePort(t))
	t.Setenv("IMSWORKER_HTTP_LISTEN", freePort(t))
	t.Setenv("TMPDIR", t.TempDir())
	code, out, errOut := call(t, "", "dev", "--once")
	ended := strings.Count(out, " succeeded ") + strings.Count(out, " batch-completed ")
	if code != exitDone || ended != len(dev.Samples("", ""))+1 { // and a backup that is announced
		t.Errorf("got %d, %q, %q", code, out, errOut)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("dev left %v, %v", left, err)
	}
}

func TestHangups(t *testing.T) {
	reload, stop := hangups()
	defer stop()
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	select {
	case <-reload:
	case <-time.After(time.Minute):
		t.Error("SIGHUP was not passed on")
	}
}
