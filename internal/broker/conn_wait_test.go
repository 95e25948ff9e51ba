package broker

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDialWaits: nobody is there for seconds. The log says so at growing
// intervals, each time with the cause, once.
func TestDialWaits(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a test's own
	if err != nil {
		t.Fatal(err)
	}
	url := "nats://" + l.Addr().String()
	_ = l.Close()
	var log bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	_, err = Dial(ctx, Options{URL: url, Wait: true}, slog.New(slog.NewTextHandler(&log, nil)))
	if !errors.Is(err, ErrNotConnected) {
		t.Fatalf("got %v, want ErrNotConnected", err)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) < 3 || len(lines) > 4 {
		t.Errorf("%d lines, want those of tries 1, 2, 4 and perhaps 8:\n%s", len(lines), log.String())
	}
	for _, line := range lines {
		if strings.Count(line, "no servers available") != 1 || strings.Count(line, l.Addr().String()) != 1 || !strings.Contains(line, "level=WARN") {
			t.Errorf("line %q", line)
		}
	}
}

func TestWorthAWord(t *testing.T) {
	t.Parallel()
	var said []int
	for try := range 400 {
		if try > 0 && worthAWord(try) {
			said = append(said, try)
		}
	}
	want := []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 384}
	if !slices.Equal(said, want) {
		t.Errorf("said at %v, want %v", said, want)
	}
}
