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
// connection is lost.
func (c *Conn) request(ctx context.Context, limit time.Duration, msg *nats.Msg) (*nats.Msg, error) {
	try, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	link := c.link.now()
	defer context.AfterFunc(link, cancel)()
	reply, err := c.nc.RequestMsgWithContext(try, msg)
	switch {
	case err == nil || ctx.Err() != nil:
		return reply, err
	case c.nc.IsClosed():
		return nil, nats.ErrConnectionClosed
	case link.Err() != nil, errors.Is(err, nats.ErrConnectionClosed): // so the client calls what was asked before it changed servers
		return nil, errAway
	}
	return nil, inWords(err)
}
