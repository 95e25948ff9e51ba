package brokertest

import (
	"path/filepath"
	"testing"

	"github.com/imsworker/imsworker/internal/broker/nodes"
)

// ServeIfAsked makes this process a server, for ever, when a test started it
// as one. TestMain calls it before anything else.
func ServeIfAsked() { nodes.ServeIfAsked() }

// Process is a server in a process of its own, which can be killed.
type Process struct {
	*nodes.Node

	t testing.TB
}

// StartProcess starts a server without streams by running the test's binary
// once more, whose TestMain must call ServeIfAsked. It ends with the test.
func StartProcess(t testing.TB) *Process {
	t.Helper()
	n, err := nodes.NewNode(filepath.Join(t.TempDir(), "node"))
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{Node: n, t: t}
	t.Cleanup(p.Kill)
	p.Start()
	return p
}

// Start starts a killed server again, on the same store and address, and waits
// until it serves.
func (p *Process) Start() {
	p.t.Helper()
	if err := p.Node.Start(); err != nil {
		p.t.Fatal(err)
	}
}

// StartCluster starts three servers that keep copies, as StartProcess starts
// one.
func StartCluster(t testing.TB) *nodes.Cluster {
	t.Helper()
	c, err := nodes.StartCluster(t.Context(), t.TempDir(), 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
	return c
}
