package intake

import (
	"context"
	"sync"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/messages"
)

// mostOrigins is how many causes the intake remembers: one may have thousands
// of requests follow it.
const mostOrigins = 64

// origins remembers who asked for what others follow, by the source that these
// have. It is safe for concurrent use.
type origins struct {
	mu    sync.Mutex
	known map[string]string
}

func (o *origins) get(source string) (string, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	origin, known := o.known[source]
	return origin, known
}

func (o *origins) put(source, origin string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil || len(o.known) >= mostOrigins {
		o.known = map[string]string{}
	}
	o.known[source] = origin
}

// origin is the source of the request that everything began with which has led
// to one of that identity, empty where that is this one: among those who wait
// for a cloud, a publisher's requests and what they cause are of one source.
// Where the events of a cause are gone, what is still known of it counts.
func (in *Intake) origin(ctx context.Context, id messages.Identity) (string, error) {
	source := id.Source
	for range handlers.StepDepth + 1 {
		cloud, key, attempt, follows := messages.StepParent(id)
		if !follows {
			break
		}
		if origin, known := in.origins.get(source); known {
			return origin, nil
		}
		cause, told, err := in.told(ctx, cloud, key, max(1, attempt))
		if err != nil {
			return "", err
		}
		if !told {
			break
		}
		id = messages.Identity{Source: cause.Source, ID: cause.ID}
	}
	if id.Source == source {
		return "", nil
	}
	in.origins.put(source, id.Source)
	return id.Source, nil
}

// told is what an attempt's events say of its request.
func (in *Intake) told(ctx context.Context, cloud, key string, attempt int) (messages.RequestInfo, bool, error) {
	event, found, err := in.History.Accepted(ctx, cloud, key, attempt)
	if err == nil && !found {
		event, found, err = in.History.Final(ctx, cloud, key, attempt)
	}
	return event.Request, found, err
}
