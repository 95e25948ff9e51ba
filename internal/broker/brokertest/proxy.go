package brokertest

import (
	"strings"
	"testing"

	"github.com/imsworker/imsworker/internal/broker/nodes"
)

// NewProxy starts a proxy in front of the server with that URL. It ends with
// the test.
func NewProxy(t testing.TB, target string) *nodes.Proxy {
	t.Helper()
	p, err := nodes.NewProxy(strings.TrimPrefix(target, "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return p
}

// NewFront makes a client's own way to a cluster. It ends with the test.
func NewFront(t testing.TB, c *nodes.Cluster) *nodes.Front {
	t.Helper()
	f, err := c.Front()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Stop)
	return f
}
