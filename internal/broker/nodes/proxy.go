package nodes

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Proxy stands between clients and a server and makes trouble on demand. It
// knows nothing of what passes. Its methods may be called from any goroutine.
type Proxy struct {
	target string
	listen net.Listener
	all    sync.WaitGroup

	mu    sync.Mutex
	links map[*link]struct{}
	cut   bool
	muted bool
	delay time.Duration
	lost  bytes.Buffer
}

// NewProxy starts a proxy in front of a server, host:port. The caller stops it.
func NewProxy(target string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // Stop closes it
	if err != nil {
		return nil, fmt.Errorf("start a proxy before %s: %w", target, err)
	}
	p := &Proxy{target: target, listen: l, links: map[*link]struct{}{}}
	p.all.Go(p.serve)
	return p, nil
}

// Address is host and port that are used instead of the server's.
func (p *Proxy) Address() string { return p.listen.Addr().String() }

// URL is the address that NATS clients use instead of the server's.
func (p *Proxy) URL() string { return "nats://" + p.Address() }

// Cut closes every connection, and every new one at once, until Heal.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for l := range p.links {
		l.close()
	}
}

// Heal lets new connections through again. Connections that were muted stay
// so: their clients have missed a part and cannot go on.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut, p.muted = false, false
}

// Mute swallows whatever the server answers from now on, while the clients'
// messages still reach it. Cut and Heal end it.
func (p *Proxy) Mute() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.muted = true
	for l := range p.links {
		l.muted = true
	}
}

// Swallowed is everything that Mute has kept from the clients so far.
func (p *Proxy) Swallowed() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost.String()
}

// Delay holds back whatever the server answers for that long; 0 ends it.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Links is how many connections stand through it.
func (p *Proxy) Links() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

// Stop closes everything and waits until it is closed.
func (p *Proxy) Stop() {
	_ = p.listen.Close()
	p.Cut()
	p.all.Wait()
}

func (p *Proxy) serve() {
	for {
		client, err := p.listen.Accept()
		if err != nil {
			return
		}
		p.all.Go(func() { p.join(client) })
	}
}

// join connects a client with the server until either goes.
func (p *Proxy) join(client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := net.Dial("tcp", p.target) //nolint:noctx // Stop closes it
	if err != nil {
		return
	}
	l := &link{proxy: p, client: client, server: server, done: make(chan struct{})}
	l.close = sync.OnceFunc(func() {
		close(l.done)
		_, _ = client.Close(), server.Close()
	})
	defer l.close()
	if !p.add(l) {
		return
	}
	defer p.remove(l)
	answers := make(chan answer, 1024)
	var both sync.WaitGroup
	both.Go(func() { l.ask() })
	both.Go(func() { l.hear(answers) })
	both.Go(func() { l.pass(answers) })
	both.Wait()
}

func (p *Proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut {
		return false
	}
	l.muted = p.muted
	p.links[l] = struct{}{}
	return true
}

func (p *Proxy) remove(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// due says when an answer that came now goes on, if it does.
func (p *Proxy) due(l *link, data []byte) (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.muted {
		p.lost.Write(data)
	}
	return time.Now().Add(p.delay), !l.muted
}

// link is one connection through the proxy.
type link struct {
	proxy          *Proxy
	client, server net.Conn
	done           chan struct{}
	close          func()
	muted          bool // guarded by the proxy
}

// answer is what the server said at once, and when the client gets it.
type answer struct {
	due  time.Time
	data []byte
}

// ask carries what the client says to the server.
func (l *link) ask() {
	defer l.close()
	_, _ = io.Copy(l.server, l.client)
}

// hear takes in what the server says.
func (l *link) hear(answers chan<- answer) {
	defer l.close()
	defer close(answers)
	for {
		data := make([]byte, 64<<10)
		n, err := l.server.Read(data)
		if err != nil {
			return
		}
		due, heard := l.proxy.due(l, data[:n])
		if !heard {
			continue
		}
		select {
		case answers <- answer{due, data[:n]}:
		case <-l.done:
			return
		}
	}
}

// pass gives the client what was heard, each part in its time.
func (l *link) pass(answers <-chan answer) {
	defer l.close()
	for a := range answers {
		select {
		case <-time.After(time.Until(a.due)):
		case <-l.done:
			return
		}
		if _, err := l.client.Write(a.data); err != nil {
			return
		}
	}
}
