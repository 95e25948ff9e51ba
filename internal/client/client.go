// Package client is what the command line asks of a running system: it submits requests and waits for them, reads records,
// events and dead letters, and shows the streams. It reads what others wrote and publishes what any publisher could; it never
// starts a server and never writes a record.
package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/config"
)

// connectTime is how long a command tries to reach the broker.
const connectTime = 10 * time.Second

// trackPrefix begins the names of all ledger streams.
var trackPrefix = strings.TrimSuffix(broker.TrackStream(0), "00")

// errCaughtUp ends a read that wants what is there, not what comes.
var errCaughtUp = errors.New("caught up")

// Client is a connection of the command line. It may be used by many goroutines.
type Client struct {
	conn   *broker.Conn
	denied denials
	// patience is how long somebody who has begun something with a dead letter is given to finish it.
	patience time.Duration
}

// BrokerOptions are the options of a connection to url with the credentials of the configuration.
func BrokerOptions(c config.Config, url string) broker.Options {
	return broker.Options{
		URL: url, Name: "imsworker client", Creds: string(c.NATS.Creds), Nkey: c.NATS.NKey,
		User: c.NATS.User, Password: string(c.NATS.Password), CA: c.NATS.CA, Cert: c.NATS.Cert, Key: c.NATS.Key,
		JSDomain: c.NATS.JSDomain, InboxPrefix: c.NATS.InboxPrefix,
	}
}

// Dial connects to the broker that the configuration names. The error wraps broker.ErrNotConnected when nobody answers. The
// caller closes the client.
func Dial(ctx context.Context, c config.Config) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	options := BrokerOptions(c, string(c.ClientURL()))
	conn, err := broker.Dial(ctx, options, slog.New(slog.DiscardHandler))
	if err == nil {
		return New(conn), nil
	}
	if explained := Explain(err); !errors.Is(err, broker.ErrNotConnected) || errors.As(explained, &refused{}) {
		return nil, explained
	}
	return nil, fmt.Errorf("%w: is it running? Set IMSWORKER_NATS_URL to its address, or IMSWORKER_NATS_LISTEN where it runs inside a worker", err)
}

// New returns a client over a connection, which Close closes.
func New(conn *broker.Conn) *Client {
	c := &Client{conn: conn, patience: actTime, denied: denials{waiting: map[*context.CancelCauseFunc]bool{}}}
	c.denied.hear(conn.NATS())
	return c
}

// Close ends the connection.
func (c *Client) Close() { c.conn.Close() }

// need says in words that a stream is missing, since the broker would only not answer.
func (c *Client) need(ctx context.Context, stream string) error {
	_, err := c.conn.JetStream().Stream(ctx, stream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return fmt.Errorf("the broker has no stream %s: start a worker once, which makes it", stream)
	}
	if err != nil {
		return fmt.Errorf("look at stream %s: %w", stream, err)
	}
	return nil
}

// trackStreams returns the names of all ledger streams.
func (c *Client) trackStreams(ctx context.Context) ([]string, error) {
	lister := c.conn.JetStream().StreamNames(ctx)
	var names []string
	for name := range lister.Name() {
		if strings.HasPrefix(name, trackPrefix) {
			names = append(names, name)
		}
	}
	if err := lister.Err(); err != nil {
		return nil, fmt.Errorf("list streams: %w", err)
	}
	if len(names) == 0 {
		return nil, errors.New("the broker has no ledger: start a worker once, which makes it")
	}
	return names, nil
}

// trackFilter is the filter of all records of a ledger stream.
func trackFilter(stream string) string {
	return "ims.track." + strings.TrimPrefix(stream, trackPrefix) + ".*"
}

// read hands over all messages that a stream holds under filter, then returns.
func (c *Client) read(ctx context.Context, stream, filter string, each func(broker.Stored)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := c.conn.Tail(ctx, stream, filter, each, func() { cancel(errCaughtUp) })
	if errors.Is(context.Cause(ctx), errCaughtUp) {
		return nil
	}
	return err
}
