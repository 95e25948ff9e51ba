package client

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
)

// denials passes on what the broker refuses for lack of rights. It says so apart from any answer: who asked only waits.
type denials struct {
	mu      sync.Mutex
	waiting map[*context.CancelCauseFunc]bool
}

// hear has all refusals on a connection passed on, beside what is done with them already.
func (d *denials) hear(nc *nats.Conn) {
	before := nc.ErrorHandler()
	nc.SetErrorHandler(func(nc *nats.Conn, s *nats.Subscription, err error) {
		if before != nil {
			before(nc, s, err)
		}
		if errors.Is(err, nats.ErrPermissionViolation) && !strings.Contains(err.Error(), queries) {
			d.pass(fmt.Errorf("%w: %s; ask its administrator for that right", broker.ErrDenied, whatIsDenied(err)))
		}
	})
}

// queries is what a refusal has of a live question, which hears of it by itself: all else goes on without the answer.
const queries = `"ims.query.`

// whatIsDenied is the action and the subject in the server's words.
func whatIsDenied(err error) string {
	_, what, found := strings.Cut(err.Error(), "Permissions Violation for ")
	if !found {
		return err.Error()
	}
	return strings.ToLower(what[:1]) + what[1:]
}

func (d *denials) pass(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for cancel := range d.waiting {
		(*cancel)(err)
	}
}

// permitted makes ctx end when the broker refuses something for lack of rights. The returned function ends that, and puts the
// refusal in place of an error that it caused.
func (c *Client) permitted(ctx *context.Context, err *error) (done func()) {
	watched, cancel := context.WithCancelCause(*ctx)
	*ctx = watched
	c.denied.mu.Lock()
	defer c.denied.mu.Unlock()
	c.denied.waiting[&cancel] = true
	return func() {
		c.denied.mu.Lock()
		delete(c.denied.waiting, &cancel)
		c.denied.mu.Unlock()
		if cause := context.Cause(watched); *err != nil && errors.Is(cause, broker.ErrDenied) && !errors.Is(*err, broker.ErrDenied) {
			*err = cause
		}
		cancel(nil)
	}
}

// refused is a connection that failed because of its credentials. It stays a connection that failed.
type refused struct{ err error }

// Error says what can be done.
func (r refused) Error() string {
	return fmt.Sprintf("the broker is there and refuses the credentials (%v): check IMSWORKER_NATS_CREDS, _NKEY, or _USER and _PASSWORD, and what IMSWORKER_NATS_URL says before an @",
		r.err)
}

// Unwrap gives broker.ErrNotConnected and what the broker said.
func (r refused) Unwrap() []error { return []error{broker.ErrNotConnected, r.err} }

// Explain puts words that tell what to do in place of a connection's error that was about credentials; other errors stay.
func Explain(err error) error {
	for _, auth := range []error{nats.ErrAuthorization, nats.ErrAuthExpired, nats.ErrAuthRevoked, nats.ErrAccountAuthExpired} {
		if errors.Is(err, broker.ErrNotConnected) && errors.Is(err, auth) {
			return refused{auth}
		}
	}
	return err
}
