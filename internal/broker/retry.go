package broker

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// tryTimeout limits one try of a request. An election takes 3 to 5 s; whoever
// asked during it asks again.
const tryTimeout = 5 * time.Second

// backoff is the wait before the next try: it doubles up to two seconds, and
// half of it is chance, so that a whole shard does not come back in one moment.
type backoff struct{ next time.Duration }

func (b *backoff) wait(ctx context.Context) error {
	if b.next == 0 {
		b.next = 25 * time.Millisecond
	}
	d := jitter(b.next)
	b.next = min(2*b.next, 2*time.Second)
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
	if api, ok := apiError(err); ok {
		return transientCode(api)
	}
	for _, e := range []error{
		nats.ErrTimeout, nats.ErrNoResponders, jetstream.ErrNoStreamResponse, context.DeadlineExceeded,
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
	case codeNotAvailable, codeNotLeader, codeWrongLastBusy, codeTooManyRequests, codeStoreFailed:
		return true
	case jetstream.JSErrCodeJetStreamNotEnabled, jetstream.JSErrCodeJetStreamNotEnabledForAccount:
		return false
	}
	return api.Code >= 500
}
