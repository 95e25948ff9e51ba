package ims

import (
	"context"
	"errors"
	"time"
)

// Exchange is one request and its answer, without anything that they carried.
type Exchange struct {
	Call, Method, Host, Path string // Path is a template, without ids
	Begun, Ended             time.Time
	Status                   int    // 0 where no answer came
	RequestID                string // the cloud's, as far as it tells one
	Failed                   string // why there is no whole answer: "timeout", "cancelled" or "connection"
}

type watchKey struct{}

// Watched returns a context under which see is told of each request that is
// sent, repetitions and those for tokens included. Several may come at once.
func Watched(ctx context.Context, see func(Exchange)) context.Context {
	return context.WithValue(ctx, watchKey{}, see)
}

// watching is the link that tells who watches.
func watching(next link, v *veil) link {
	return func(ctx context.Context, k call) (*reply, error) {
		see, watched := ctx.Value(watchKey{}).(func(Exchange))
		if !watched {
			return next(ctx, k)
		}
		x := Exchange{Call: k.name, Method: k.method, Host: k.url.Hostname(), Path: k.template(), Begun: time.Now()}
		r, err := next(ctx, k)
		x.Ended, x.Failed = time.Now(), brokenBy(err)
		if r != nil {
			x.Status, x.RequestID = r.status, shown(r.requestID(), v, maxID)
		}
		see(x)
		return r, err
	}
}

// template is the path without what tells one object from another.
func (k call) template() string {
	if k.id == "" {
		return k.path + k.tail
	}
	return k.path + "{id}" + k.tail
}

// brokenBy is in a word why no answer came.
func brokenBy(err error) string {
	switch {
	case err == nil:
		return ""
	case timedOut(err):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "cancelled"
	}
	return "connection"
}
