package brokertest

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Storeless is a server whose JetStream can be switched off and on again while
// the connections of its clients stand. Without it nobody responds.
type Storeless struct {
	t      testing.TB
	server *server.Server
	config *server.JetStreamConfig
}

// StartStoreless starts a server without streams, JetStream switched on. It
// ends with the test.
func StartStoreless(t testing.TB) *Storeless {
	t.Helper()
	s, err := server.NewServer(&server.Options{
		ServerName: "storeless", Host: "127.0.0.1", Port: server.RANDOM_PORT, NoLog: true, NoSigs: true,
		JetStream: true, StoreDir: t.TempDir(), JetStreamMaxMemory: 256 << 20, JetStreamMaxStore: 8 << 30,
	})
	if err != nil {
		t.Fatalf("make broker: %v", err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the broker does not start")
	}
	config := *s.JetStreamConfig()
	config.StoreDir = filepath.Dir(config.StoreDir) // the server adds its own folder
	return &Storeless{t: t, server: s, config: &config}
}

// URL is the address that clients use.
func (s *Storeless) URL() string { return s.server.ClientURL() }

// Off switches JetStream off, as a server does by itself when its disk fails.
func (s *Storeless) Off() {
	s.t.Helper()
	if err := s.server.ShutdownJetStream(); err != nil {
		s.t.Fatalf("switch JetStream off: %v", err)
	}
}

// On switches JetStream on again, with all that was stored.
func (s *Storeless) On() {
	s.t.Helper()
	config := *s.config
	if err := s.server.EnableJetStream(&config); err != nil {
		s.t.Fatalf("switch JetStream on: %v", err)
	}
}
