package nodes

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Cluster is one node, or several that keep copies of each other's streams.
// Every route goes through a proxy of its own, so that a node can be cut off.
type Cluster struct {
	Nodes   []*Node
	pairs   map[[2]int]*Proxy // from the first to the second
	connect []nats.Option
}

// StartCluster starts that many nodes with their stores and logs in dir, and
// waits until they take orders. The caller stops it.
func StartCluster(ctx context.Context, dir string, size int) (*Cluster, error) {
	c := &Cluster{pairs: map[[2]int]*Proxy{}}
	if err := c.prepare(dir, size); err != nil {
		c.Stop()
		return nil, fmt.Errorf("prepare %d nodes: %w", size, err)
	}
	return c.start(ctx)
}

func (c *Cluster) start(ctx context.Context) (*Cluster, error) {
	var starts []error
	started := make(chan error, len(c.Nodes))
	for _, n := range c.Nodes {
		go func() { started <- n.Start() }()
	}
	for range c.Nodes {
		starts = append(starts, <-started)
	}
	err := errors.Join(starts...)
	if err == nil {
		err = c.Ready(ctx)
	}
	if err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) prepare(dir string, size int) error {
	ports, err := freePorts(2 * size)
	if err != nil {
		return err
	}
	for i := range size {
		name := fmt.Sprintf("node-%d", i+1)
		n := &Node{config: config{Name: name, Dir: filepath.Join(dir, name), Port: ports[2*i]}}
		c.Nodes = append(c.Nodes, n)
		if size == 1 {
			return nil
		}
		n.config.Routes = ports[2*i+1]
		var peers []string
		for j := range size {
			if i == j {
				continue
			}
			p, err := NewProxy(fmt.Sprintf("127.0.0.1:%d", ports[2*j+1]))
			if err != nil {
				return err
			}
			c.pairs[[2]int{i, j}] = p
			peers = append(peers, "nats-route://"+p.Address())
		}
		n.config.Peers = strings.Join(peers, ",")
	}
	return nil
}

// Ready waits until the nodes take orders: a cluster has elected one that
// leads all.
func (c *Cluster) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		err := c.ask(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %d nodes: %w (last: %w)", len(c.Nodes), context.Cause(ctx), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (c *Cluster) ask(ctx context.Context) error {
	nc, err := nats.Connect(c.URL(), append([]nats.Option{nats.MaxReconnects(0)}, c.connect...)...)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return fmt.Errorf("use JetStream: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, err = js.AccountInfo(ctx)
	return err
}

// URL is the addresses of all nodes, with no proxy in between.
func (c *Cluster) URL() string {
	var urls []string
	for _, n := range c.Nodes {
		urls = append(urls, n.URL())
	}
	return strings.Join(urls, ",")
}

// Isolate cuts a node off from the others; its clients still reach it.
func (c *Cluster) Isolate(node int) { c.each(node, (*Proxy).Cut) }

// Rejoin ends what Isolate did.
func (c *Cluster) Rejoin(node int) { c.each(node, (*Proxy).Heal) }

func (c *Cluster) each(node int, do func(*Proxy)) {
	for pair, p := range c.pairs {
		if pair[0] == node || pair[1] == node {
			do(p)
		}
	}
}

// Stop kills all nodes and ends the proxies between them.
func (c *Cluster) Stop() {
	for _, n := range c.Nodes {
		n.Kill()
	}
	for _, p := range c.pairs {
		p.Stop()
	}
}
