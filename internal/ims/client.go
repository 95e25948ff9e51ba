package ims

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Client calls the services of one account. It is safe for concurrent use and
// keeps connections of its own; Close gives them back.
type Client struct {
	cfg     Config
	do      link // the whole chain
	wire    *wire
	veil    *veil
	auth    authorizer
	tokens  *tokens // nil where requests are signed
	clock   *clock
	queries *queries
	pauses  retry // between tries of calls that read
}

// New checks cfg and makes a client; it sends nothing.
func New(cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("client for cloud %s: %w", cfg.Cloud, err)
	}
	c := &Client{cfg: cfg, clock: &clock{factor: cfg.TimeFactor}, pauses: defaultRetry}
	c.queries = &queries{configured: c.cfg.JobQuery}
	c.wire = newWire(c.cfg)
	c.assemble()
	return c, nil
}

// assemble builds the chain. A call passes the links from the last line of
// this function to the first, its answer the other way.
func (c *Client) assemble() {
	c.veil = newVeil(c.cfg.Credentials)
	base := c.wire.do
	base = dating(base, c.clock)
	base = logging(base, c.cfg, c.veil)
	base = watching(base, c.veil)

	bare := addressing(base, c.cfg, nil)
	bare = decoding(bare, c.cfg, c.veil)
	bare = measuring(bare, c.cfg.Observe)
	bare = pacing(bare, c.cfg.Cloud)
	c.chooseAuth(bare)

	do := addressing(base, c.cfg, c.auth)
	do = decoding(do, c.cfg, c.veil)
	do = measuring(do, c.cfg.Observe)
	do = pacing(do, c.cfg.Cloud)
	do = retrying(do, c.pauses)
	do = renewing(do, c.auth)
	c.do = remembering(do)
}

// chooseAuth gives the client keys or tokens; what they have to ask goes
// through bare, which signs nothing.
func (c *Client) chooseAuth(bare link) {
	if c.cfg.Credentials.keys() {
		c.auth = newKeys(c.cfg, c.clock, bare)
		return
	}
	c.tokens = newTokens(c.cfg, bare, c.veil)
	c.auth = c.tokens
}

// Close gives back the client's idle connections; calls that are under way go
// on.
func (c *Client) Close() { c.wire.close() }

// CloudTime returns how far the cloud's clock is ahead of ours, by the latest
// answer's Date, and whether there was one. It is exact to about a second.
func (c *Client) CloudTime() (time.Duration, bool) { return c.clock.offset() }

// Region is the region that the client asks, as clouds.yaml names it.
func (c *Client) Region() string { return c.cfg.Region }

// Identity is the address of the account's identity service.
func (c *Client) Identity() string { return c.cfg.Endpoints.Identity }

// CredentialExpiry returns when the present token ends, by our clock; it is
// zero where there is none. A token is renewed well before.
func (c *Client) CredentialExpiry() time.Time {
	if c.tokens == nil {
		return time.Time{}
	}
	return c.tokens.expiry()
}

// Ping makes the cheapest call that needs credentials, for checks.
func (c *Client) Ping(ctx context.Context) error {
	f := ImageFilter{Limit: 1}
	_, err := c.images(ctx, call{name: "Ping", path: "/v2/cloudimages", query: f.query()})
	return err
}

// String names the client without anything secret.
func (c *Client) String() string { return "ims client for " + c.cfg.Cloud }

// Format keeps every verb, %+v included, from printing what the client holds.
func (c *Client) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, c.String()) }

// get makes a call that reads and decodes its answer.
func (c *Client) get(ctx context.Context, k call, answer any) error {
	return c.run(ctx, k, answer)
}

// send makes a call that changes something; a nil body sends none, a nil
// answer reads none.
func (c *Client) send(ctx context.Context, k call, body, answer any) error {
	if body != nil {
		b, err := encode(body)
		if err != nil {
			return c.refuse(k, err)
		}
		k.body = b
	}
	return c.run(ctx, k, answer)
}

func (c *Client) run(ctx context.Context, k call, answer any) error {
	if k.id != "" || k.needsID() {
		if err := checkSegment(k.id); err != nil {
			return c.refuse(k, err)
		}
	}
	r, err := c.do(ctx, k)
	if err != nil {
		return err
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(r.body, answer); err != nil {
		e := c.unreadable(k, shape(err))
		e.Status, e.RequestID = r.status, shown(r.requestID(), c.veil, maxID)
		return e
	}
	return nil
}

// unreadable is the error for an answer that came but makes no sense: whatever
// was asked for may have happened.
func (c *Client) unreadable(k call, err error) *Error {
	return &Error{Call: k.name, Cloud: c.cfg.Cloud, Status: http.StatusOK, Err: err}
}

// refuse is the error for a call that is not sent at all.
func (c *Client) refuse(k call, err error) *Error {
	return &Error{Call: k.name, Cloud: c.cfg.Cloud, NotSent: true, Err: err, local: true}
}
