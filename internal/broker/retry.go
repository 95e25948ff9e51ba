package broker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// tryTimeout limits the first try of a request. An election takes 3 to 5 s;
// whoever asked during it asks again. Each further try over the same connection
// has twice the time, up to longestTry: where every answer is late, one must be
// waited for.
const (
	tryTimeout = 5 * time.Second
	longestTry = 20 * time.Second
)

// repeat makes tries, each within the limit given to it, until one succeeds,
// one fails in a way that repeating does not cure, or ctx ends: then it returns
// the context's cause together with what went wrong last. question is what the
// connection may ask then, see questionAbout.
func (c *Conn) repeat(ctx context.Context, question string, try func(limit time.Duration) error) error {
	var pause backoff
	var last error
	patience := c.waiting.begin()
	var stopMove func() bool
	for limit, over := tryTimeout, c.link.now(); ; limit = min(2*limit, longestTry) {
		if now := c.link.now(); now != over {
			limit, over = tryTimeout, now
		}
		err := try(limit)
		if err == nil || ctx.Err() == nil && !transient(err) {
			patience.answered()
			return err
		}
		if last == nil || ctx.Err() == nil {
			last = err
		}
		patience.failed(err)
		if stopMove == nil {
			stopMove = c.moveUnless(patience.since)
			defer stopMove()
		}
		c.moveIfLong(patience.since)
		if cause := pause.wait(ctx); cause != nil {
			patience.givenUp(question)
			return fmt.Errorf("%w (last: %w)", cause, last)
		}
	}
}

// backoff is the wait before the next try: it doubles up to longestPause, and
// half of it is chance, so that a whole shard does not come back in one moment.
type backoff struct{ next time.Duration }

const longestPause = 2 * time.Second

func (b *backoff) wait(ctx context.Context) error {
	if b.next == 0 {
		b.next = 25 * time.Millisecond
	}
	d := jitter(b.next)
	b.next = min(2*b.next, longestPause)
	return sleep(ctx, d)
}

func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d/2+1)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Codes of the JetStream API, https://docs.nats.io; only those that the client
// library has no name for or that decide here.
const (
	codeNoPeers         = 10005 // too few servers are up for the copies of a stream
	codeNotAvailable    = 10008 // cluster without leader
	codeNotLeader       = 10009
	codeNoResources     = 10023
	codeNoMemory        = 10028
	codeMsgNotFound     = 10037
	codeNoStorage       = 10047
	codeMsgTooLarge     = 10054
	codeStreamNotFound  = 10059
	codeWrongLast       = 10071
	codeStoreFailed     = 10077
	codeHeaderTooLarge  = 10097
	codeWrongLastBusy   = 10164 // another write on that subject is under way
	codeTooManyRequests = 10167
)

func apiError(err error) (*jetstream.APIError, bool) {
	return errors.AsType[*jetstream.APIError](err)
}

// transient says whether the same request may succeed a moment later.
func transient(err error) bool {
	if errors.Is(err, ErrFull) || errors.Is(err, ErrDenied) {
		return false
	}
	if api, ok := apiError(err); ok {
		return transientCode(api)
	}
	for _, e := range []error{
		errAway, errUnled, nats.ErrTimeout, nats.ErrNoResponders, jetstream.ErrNoStreamResponse, context.DeadlineExceeded,
		nats.ErrDisconnected, nats.ErrConnectionReconnecting, nats.ErrReconnectBufExceeded, nats.ErrStaleConnection,
		jetstream.ErrNoHeartbeat, jetstream.ErrConsumerLeadershipChanged, jetstream.ErrServerShutdown,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func transientCode(api *jetstream.APIError) bool {
	switch api.ErrorCode {
	case codeNoPeers, codeNotAvailable, codeNotLeader, codeWrongLastBusy, codeTooManyRequests, codeStoreFailed:
		return true
	}
	return notEnabled(api) || api.Code >= 500
}

// notEnabled is what a server says that has no JetStream. To who has found one
// there it passes: a server in trouble with its disk turns JetStream off until
// somebody has mended it.
func notEnabled(api *jetstream.APIError) bool {
	return api.ErrorCode == jetstream.JSErrCodeJetStreamNotEnabled || api.ErrorCode == jetstream.JSErrCodeJetStreamNotEnabledForAccount
}
