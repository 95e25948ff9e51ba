package nodes

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go"
)

// Configured says what nodes read that are not made up here.
type Configured struct {
	File    string        // nats.conf, which takes what differs from the environment: NATS_NAME and so on
	Secrets string        // folder of ca.crt, NAME.crt and NAME.key; the names hold localhost
	Names   []string      // of the nodes
	Connect []nats.Option // with which somebody may ask for the account
}

// StartConfigured starts nodes as StartCluster does, with a configuration that
// is given.
func StartConfigured(ctx context.Context, dir string, o Configured) (*Cluster, error) {
	c := &Cluster{pairs: map[[2]int]*Proxy{}, connect: o.Connect}
	if err := c.prepare(dir, len(o.Names)); err != nil {
		c.Stop()
		return nil, fmt.Errorf("prepare %d nodes: %w", len(o.Names), err)
	}
	for i, n := range c.Nodes {
		n.config.Name, n.config.File, n.config.Env = o.Names[i], o.File, o.environment(o.Names[i], n.config)
	}
	return c.start(ctx)
}

// environment is what differs between nodes, for one machine: other ports, and
// the proxies in place of the others' routes. Clients and nodes are told of an
// address where nobody answers, since all of them go through their proxies.
func (o Configured) environment(name string, c config) map[string]string {
	const nobody = "127.0.0.1:9"
	var routes []string
	for peer := range strings.SplitSeq(c.Peers, ",") {
		_, port, _ := net.SplitHostPort(strings.TrimPrefix(peer, "nats-route://"))
		routes = append(routes, fmt.Sprintf("%q", "nats-route://localhost:"+port)) // a name that stands in the certificates
	}
	return map[string]string{
		"NATS_NAME": name, "NATS_LISTEN": fmt.Sprintf("127.0.0.1:%d", c.Port), "NATS_ADVERTISE": nobody, "NATS_MONITOR": "127.0.0.1:-1",
		"NATS_STORE": fmt.Sprintf("%q", c.Dir), "NATS_CERT": o.secret(name + ".crt"), "NATS_KEY": o.secret(name + ".key"), "NATS_CA": o.secret("ca.crt"),
		"NATS_ROUTES_LISTEN": fmt.Sprintf("127.0.0.1:%d", c.Routes), "NATS_ROUTES_ADVERTISE": nobody, "NATS_ROUTES": "[" + strings.Join(routes, ",") + "]",
	}
}

func (o Configured) secret(name string) string {
	return fmt.Sprintf("%q", filepath.Join(o.Secrets, name))
}
