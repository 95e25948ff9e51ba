package nodes

import "strings"

// Front is how one client reaches a cluster: a proxy before each node, for
// this client alone.
type Front struct {
	Proxies []*Proxy // in the order of the nodes
}

// Front makes a client's own way to the nodes. The caller stops it.
func (c *Cluster) Front() (*Front, error) {
	f := &Front{}
	for _, n := range c.Nodes {
		p, err := NewProxy(n.Address())
		if err != nil {
			f.Stop()
			return nil, err
		}
		f.Proxies = append(f.Proxies, p)
	}
	return f, nil
}

// URL is what the client uses instead of the cluster's.
func (f *Front) URL() string {
	var urls []string
	for _, p := range f.Proxies {
		urls = append(urls, p.URL())
	}
	return strings.Join(urls, ",")
}

// Cut cuts the client off from all nodes.
func (f *Front) Cut() {
	for _, p := range f.Proxies {
		p.Cut()
	}
}

// Heal ends what Cut did.
func (f *Front) Heal() {
	for _, p := range f.Proxies {
		p.Heal()
	}
}

// Stop ends the proxies.
func (f *Front) Stop() {
	for _, p := range f.Proxies {
		p.Stop()
	}
}
