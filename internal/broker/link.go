package broker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// errAway says that the connection does not stand at this moment.
var errAway = errors.New("the broker is not connected")

// inWords says plainly what the client library calls the overflow of a buffer
// that we do not let it have.
func inWords(err error) error {
	if errors.Is(err, nats.ErrReconnectBufExceeded) {
		return errAway
	}
	return err
}

// link is the connection while it stands: what was asked over it is not
// answered any more once it is gone. Its context belongs to no caller, so it
// is kept here.
type link struct {
	mu   sync.Mutex
	ctx  context.Context //nolint:containedctx // ends with the connection, not with a call
	down context.CancelFunc
}

// up begins a new link.
func (l *link) up() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down != nil {
		l.down()
	}
	l.ctx, l.down = context.WithCancel(context.Background())
}

// gone ends the link, and with it every try over it.
func (l *link) gone() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down()
}

func (l *link) now() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ctx
}

// request makes one try of a request: it ends with its time, or as soon as the
// connection is lost. It sets the message's reply subject.
func (c *Conn) request(ctx context.Context, limit time.Duration, msg *nats.Msg) (*nats.Msg, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	link, w := c.link.now(), c.answers.waiter()
	defer c.answers.release(msg, w)
	if err := c.answers.expect(c.nc, msg, w.answer); err != nil {
		return nil, c.unsent(err)
	}
	if err := c.nc.PublishMsg(msg); err != nil {
		return nil, c.unsent(err)
	}
	w.timer.Reset(limit)
	select {
	case m := <-w.answer:
		return m, nobody(m)
	case <-w.timer.C:
		return nil, nats.ErrTimeout
	case <-link.Done():
		return nil, c.unsent(errAway)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// unsent tells a connection that is away from one that will not come back.
func (c *Conn) unsent(err error) error {
	switch {
	case c.nc.IsClosed():
		return nats.ErrConnectionClosed
	case errors.Is(err, nats.ErrConnectionClosed): // so the client calls what is asked while it changes servers
		return errAway
	}
	return inWords(err)
}

// nobody knows the server's own answer where no one listens.
func nobody(m *nats.Msg) error {
	const noResponders = "503"
	if len(m.Data) == 0 && m.Header.Get("Status") == noResponders {
		return nats.ErrNoResponders
	}
	return nil
}
