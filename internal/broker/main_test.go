package broker

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"github.com/imsworker/imsworker/internal/broker/nodes"
)

func TestMain(m *testing.M) {
	nodes.ServeIfAsked()
	goleak.VerifyTestMain(m)
}

// startInside starts a server with a store of its own that ends with the test.
func startInside(t *testing.T) *Inside {
	t.Helper()
	return startIn(t, InsideOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0"})
}

func startIn(t *testing.T, o InsideOptions) *Inside {
	t.Helper()
	i, err := StartInside(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Stop)
	return i
}

func dial(t *testing.T, o Options) *Conn {
	t.Helper()
	c, err := Dial(t.Context(), o, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// connect gives a connection to a fresh server.
func connect(t *testing.T) *Conn {
	t.Helper()
	return dial(t, Options{URL: startInside(t).URL()})
}

// testStream makes a stream that takes test.<name>.>.
func testStream(t *testing.T, c *Conn, name string, shape func(*jetstream.StreamConfig)) string {
	t.Helper()
	config := plain("TEST_"+name, "", "test."+name+".>")
	config.Replicas = 1
	if shape != nil {
		shape(&config)
	}
	if _, err := c.js.CreateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	return config.Name
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits for a condition; what says what it is.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if holds() {
			return
		}
	}
	t.Fatalf("waited in vain: %s", what)
}

func mustPut(t *testing.T, c *Conn, stream string, m Message) uint64 {
	t.Helper()
	seq, err := c.Put(within(t), stream, m)
	if err != nil {
		t.Fatal(err)
	}
	return seq
}
