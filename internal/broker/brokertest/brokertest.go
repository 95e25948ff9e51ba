// Package brokertest gives tests a real broker: a JetStream server in the
// process, on a free port, with a store that ends with the test.
package brokertest

import (
	"log/slog"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
)

// Connect starts a server with the worker's streams for that many shards and
// returns a connection to it. Both end with the test.
func Connect(t testing.TB, shards int) *broker.Conn {
	t.Helper()
	conn := Dial(t, Start(t).URL())
	want := broker.Topology(broker.TopologyOptions{Shards: shards, Replicas: 1, EventsMaxAge: time.Hour})
	if _, err := conn.Apply(t.Context(), want); err != nil {
		t.Fatalf("make streams: %v", err)
	}
	return conn
}

// Start starts a server without streams.
func Start(t testing.TB) *broker.Inside {
	t.Helper()
	inside, err := broker.StartInside(broker.InsideOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatalf("start broker: %v", err)
	}
	t.Cleanup(inside.Stop)
	return inside
}

// Dial connects to a server; the connection ends with the test.
func Dial(t testing.TB, url string) *broker.Conn {
	t.Helper()
	return DialAs(t, broker.Options{URL: url, Name: t.Name()})
}

// DialAs connects as the options say; the connection ends with the test.
func DialAs(t testing.TB, o broker.Options) *broker.Conn {
	t.Helper()
	conn, err := broker.Dial(t.Context(), o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(conn.Close)
	return conn
}
