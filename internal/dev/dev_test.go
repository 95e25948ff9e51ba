package dev_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/dev"
	"github.com/imsworker/imsworker/internal/ops"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func options(t *testing.T, dir string, out *bytes.Buffer) dev.Options {
	t.Helper()
	return dev.Options{
		Config: config.Config{
			NATS: config.NATS{Listen: "127.0.0.1:0"}, Shards: 2, Lease: 15 * time.Second, SubmitTimeout: 5 * time.Second,
			EventsMaxAge: time.Hour, HTTPListen: "127.0.0.1:0", Hook: config.Hook{Listen: "127.0.0.1:0"}, Drain: 5 * time.Second, Instance: "dev",
			Detect: config.Detect{Ratio: 0.03, Min: 2 * time.Second, Max: time.Minute},
		},
		Dir: dir, Once: true, Out: out, Log: slog.New(slog.DiscardHandler), Build: ops.Build{Version: "test"},
	}
}

// TestOnceTwice runs all samples in one directory two times: the second finds
// what the first left, and works as it did.
func TestOnceTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		var out bytes.Buffer
		if err := dev.Run(t.Context(), options(t, dir, &out)); err != nil {
			t.Fatalf("%v\n%s", err, &out)
		}
		ended := strings.Count(out.String(), " succeeded ") + strings.Count(out.String(), " batch-completed ")
		if got, want := ended, len(dev.Samples("", ""))+1; got != want { // and a backup that is announced
			t.Errorf("%d samples succeeded, want %d:\n%s", got, want, &out)
		}
	}
}

// TestSecondInOneDirectory leaves all as the first has it.
func TestSecondInOneDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	first := options(t, dir, &bytes.Buffer{})
	first.Once = false
	spoke := make(said, 1)
	first.Out = spoke
	ended := make(chan error, 1)
	go func() { ended <- dev.Run(ctx, first) }()
	<-spoke
	before := content(t, dir)
	if err := dev.Run(t.Context(), options(t, dir, &bytes.Buffer{})); err == nil || !strings.Contains(err.Error(), "another dev runs in "+dir) {
		t.Errorf("the second ended with %v", err)
	}
	if after := content(t, dir); after != before {
		t.Errorf("the first one's clouds.yaml is now\n%s", after)
	}
	cancel()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("the first ended with %v", err)
	}
}

// said tells that something was said.
type said chan struct{}

func (s said) Write(p []byte) (int, error) {
	select {
	case s <- struct{}{}:
	default:
	}
	return len(p), nil
}

func content(t *testing.T, dir string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "clouds.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestBrokerWithUsers: the samples enter the broker as the worker does.
func TestBrokerWithUsers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "nats.conf")
	if err := os.WriteFile(file, []byte("authorization { user: me, password: t0ps3cret }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	o := options(t, dir, &out)
	o.Config.NATS.Config, o.Config.NATS.User, o.Config.NATS.Password = file, "me", "t0ps3cret"
	if err := dev.Run(t.Context(), o); err != nil || strings.Contains(out.String(), "t0ps3cret") {
		t.Errorf("%v\n%s", err, &out)
	}
}

// unshown are operations without a sample, and why.
var unshown = map[string]string{
	"adopt-job":               "it wants a job of somebody else",
	"share-image":             "it wants another account",
	"unshare-image":           "it wants another account",
	"answer-share":            "it wants another account",
	"copy-image-cross-region": "it wants another region",
	"export-image":            "it wants a file name that is new each time",
	"delete-image":            "it is not allowed unless somebody says so",
}

// TestSamplesShowEveryOperation, unless there is a reason.
func TestSamplesShowEveryOperation(t *testing.T) {
	t.Parallel()
	for _, name := range handlers.Names() {
		shown := slices.ContainsFunc(dev.Samples("", ""), func(s dev.Sample) bool { return s.Operation == name })
		if _, reason := unshown[name]; shown == reason {
			t.Errorf("%s: a sample %t, a reason for none %t", name, shown, reason)
		}
	}
}

// TestStoppedEarly ends a trial before its samples are final.
func TestStoppedEarly(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	if err := dev.Run(ctx, options(t, t.TempDir(), &out)); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
}
