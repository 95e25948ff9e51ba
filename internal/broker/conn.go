package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrNotConnected says that no broker could be reached.
var ErrNotConnected = errors.New("broker not reachable")

// ErrDenied says that the broker's permissions forbid what was tried.
var ErrDenied = errors.New("not permitted by the broker")

// ErrLost says that the broker ended the connection in a way after which the
// client does not come back.
var ErrLost = errors.New("the broker has ended the connection for good")

// Conn is one connection to the broker. It reconnects for ever, unless the
// broker says that something is wrong with the client itself: see Done. Its
// methods may be used by any number of goroutines.
type Conn struct {
	nc      *nats.Conn
	js      jetstream.JetStream
	api     string // prefix of API subjects: "$JS.API." or "$JS.<domain>.API."
	log     *slog.Logger
	denied  denials
	moves   moves
	answers answers
	link    link
	waiting waiting
	asking  sync.WaitGroup // that which asks for those who have given up

	mu      sync.Mutex
	onState []func(connected bool)
	closing bool          // Close was called
	err     error         // why the connection is finally down, nil after Close
	closed  chan struct{} // closed when the connection is finally down
	down    func()        // closes it, once
}

// Dial connects, and checks that the server is new enough and has JetStream.
// Without Options.Wait it gives up with ErrNotConnected when nobody answers,
// with it only when ctx ends. The caller closes the connection. No error and no
// log line holds a password.
func Dial(ctx context.Context, o Options, log *slog.Logger) (*Conn, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	c := &Conn{log: log, api: apiPrefix(o.JSDomain), closed: make(chan struct{})}
	living, end := context.WithCancel(context.WithoutCancel(ctx))
	c.down = sync.OnceFunc(func() { end(); close(c.closed) })
	c.denied.init()
	c.waiting.open.init()
	c.link.up()
	if err := c.connect(ctx, o); err != nil {
		end()
		return nil, err
	}
	c.asking.Go(func() { c.askOn(living) })
	if err := c.check(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func apiPrefix(domain string) string {
	if domain == "" {
		return "$JS.API."
	}
	return "$JS." + domain + ".API."
}

func (c *Conn) connect(ctx context.Context, o Options) error {
	opts := append(o.natsOptions(), c.handlers()...)
	if o.Nkey != "" {
		nkey, err := nats.NkeyOptionFromSeed(o.Nkey)
		if err != nil {
			return errors.New("broker: the nkey seed file cannot be read or holds no seed")
		}
		opts = append(opts, nkey)
	}
	pause := 100 * time.Millisecond
	for try := 1; ; try++ {
		nc, cause := nats.Connect(o.URL, opts...)
		if cause == nil {
			return c.use(nc, o.JSDomain)
		}
		err := fmt.Errorf("connect to %s: %w: %w", redactURLs(o.URL), ErrNotConnected, cause)
		if !o.Wait || !connectable(err) {
			return err
		}
		if worthAWord(try) {
			c.log.WarnContext(ctx, "waiting for the broker", "url", redactURLs(o.URL), "try", try, "error", cause)
		}
		if sleep(ctx, jitter(pause)) != nil {
			return err
		}
		pause = min(2*pause, 2*time.Second)
	}
}

// worthAWord picks the tries that are logged: the first ones, then fewer and
// fewer, down to one in some minutes.
func worthAWord(try int) bool {
	const seldom = 128
	return try&(try-1) == 0 || try%seldom == 0
}

// connectable tells errors that waiting can cure from mistakes in files and
// credentials.
func connectable(err error) bool {
	return errors.Is(err, nats.ErrNoServers) || errors.Is(err, nats.ErrTimeout) ||
		strings.Contains(err.Error(), "dial") || strings.Contains(err.Error(), "EOF")
}

func (c *Conn) use(nc *nats.Conn, domain string) error {
	js, err := newJetStream(nc, domain)
	if err != nil {
		nc.Close()
		return fmt.Errorf("use JetStream domain %q: %w", domain, err)
	}
	c.nc, c.js = nc, js
	return nil
}

func newJetStream(nc *nats.Conn, domain string) (jetstream.JetStream, error) {
	if domain == "" {
		return jetstream.New(nc)
	}
	return jetstream.NewWithDomain(nc, domain)
}

func (c *Conn) handlers() []nats.Option {
	return []nats.Option{
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				c.log.Warn("broker connection lost", "error", err)
			}
			c.link.gone()
			c.tell(false)
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			c.log.Info("broker connection is back", "url", nc.ConnectedUrlRedacted(), "version", nc.ConnectedServerVersion())
			c.link.up()
			c.tell(true)
		}),
		nats.ClosedHandler(c.end),
		nats.ErrorHandler(c.asyncError),
	}
}

// end notes that the connection is finally down, and why, unless we wanted it.
func (c *Conn) end(nc *nats.Conn) {
	c.mu.Lock()
	lost := !c.closing
	if lost {
		c.err = ErrLost
		if reason := nc.LastError(); reason != nil {
			c.err = fmt.Errorf("%w: %w", ErrLost, reason)
		}
	}
	err := c.err
	c.mu.Unlock()
	if lost {
		c.log.Error("broker connection ended for good", "error", err)
	}
	c.link.gone()
	c.down()
}

// asyncError logs what the server says outside of any answer. A publish that
// is not permitted shows nowhere else: its caller only sees a time-out.
func (c *Conn) asyncError(_ *nats.Conn, sub *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrPermissionViolation) {
		if expected := c.denied.add(err); !expected {
			c.log.Warn("not permitted by the broker", "error", err)
		}
		return
	}
	subject := ""
	if sub != nil {
		subject = sub.Subject
	}
	c.log.Warn("broker reports an error", "error", err, "subject", subject)
}

func (c *Conn) tell(connected bool) {
	c.mu.Lock()
	told := append([]func(bool){}, c.onState...)
	c.mu.Unlock()
	for _, f := range told {
		f(connected)
	}
}

// Connected says whether the connection stands at this moment.
func (c *Conn) Connected() bool { return c.nc.IsConnected() }

// Done is closed when the connection is down for good: after Close, or because
// the broker ended it for a reason that reconnecting does not cure. Whoever owns
// the connection has to stop then: nothing works on it any more.
func (c *Conn) Done() <-chan struct{} { return c.closed }

// Err says why the connection is down for good: ErrLost with the broker's
// reason. It is nil while the connection lives, even unconnected, and after
// Close.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// OnState has f called at each loss (false) and each return (true) of the
// connection, in order. f must not block.
func (c *Conn) OnState(f func(connected bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onState = append(c.onState, f)
}

// onceLost calls f when the connection is lost, unless stop was called before.
// A consumer that lived in the server's memory is then gone, and waiting for
// missing heartbeats would take much longer.
func (c *Conn) onceLost(f func()) (stop func()) {
	status := c.nc.StatusChanged(nats.RECONNECTING, nats.DISCONNECTED, nats.CLOSED)
	stopped := make(chan struct{})
	var wait sync.WaitGroup
	wait.Go(func() {
		select {
		case <-status:
			f()
		case <-stopped:
		}
	})
	return func() {
		close(stopped)
		c.nc.RemoveStatusListener(status)
		wait.Wait()
	}
}

// JetStream returns the client's JetStream interface of this connection.
func (c *Conn) JetStream() jetstream.JetStream { return c.js }

// NATS returns the connection itself, for plain requests and replies.
func (c *Conn) NATS() *nats.Conn { return c.nc }

// Close ends the connection and waits until its goroutines have ended, or are
// told so. It must not be called by what OnStuck calls.
// Nothing is flushed: every primitive has had its answer when it returns.
func (c *Conn) Close() {
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	c.nc.Close()
	<-c.closed
	c.asking.Wait()
}
