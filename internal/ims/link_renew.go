package ims

import (
	"context"
	"errors"
	"net/http"
)

// renewing is the link that sends a call once more with fresh credentials
// after the cloud did not know the old ones. That is safe for every call,
// since a request that nobody was recognised for does nothing.
func renewing(next link, auth authorizer) link {
	return func(ctx context.Context, k call) (*reply, error) {
		k.used = &stamp{}
		r, err := next(ctx, k)
		if !unrecognised(err) || ctx.Err() != nil || !auth.renew(*k.used) {
			return r, err
		}
		return next(ctx, k)
	}
}

// unrecognised reports whether the call itself was answered with 401, or with
// the code that the image service has for a bad token.
func unrecognised(err error) bool {
	var e *Error
	if !errors.As(err, &e) || e.auth {
		return false
	}
	return e.Status == http.StatusUnauthorized || e.Code == codeBadToken
}
