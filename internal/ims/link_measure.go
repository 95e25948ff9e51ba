package ims

import (
	"context"
	"errors"
	"strconv"
	"time"
)

// otherCode stands for every outcome that is neither a status nor in the table.
const otherCode = "other"

// measuring is the link that tells the observer of each try.
func measuring(next link, observe Observer) link {
	return func(ctx context.Context, k call) (*reply, error) {
		start := time.Now()
		r, err := next(ctx, k)
		if attempted(err) {
			observe.Called(k.name, label(r, err), time.Since(start), traceOf(ctx))
		}
		return r, err
	}
}

type traceKey struct{}

// InTrace returns a context whose calls are counted as part of a trace.
func InTrace(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, traceKey{}, id)
}

func traceOf(ctx context.Context) string {
	id, _ := ctx.Value(traceKey{}).(string)
	return id
}

// attempted is false where a token or the project could not be had, which is
// counted as a call of its own.
func attempted(err error) bool {
	if err == nil {
		return true
	}
	var e *Error
	return !errors.As(err, &e) || !e.auth
}

func label(r *reply, err error) string {
	if err == nil {
		return strconv.Itoa(r.status)
	}
	var e *Error
	if !errors.As(err, &e) {
		return otherCode
	}
	if _, ok := Explain(e.Code); ok {
		return e.Code
	}
	if e.Status >= 100 && e.Status <= 599 {
		return strconv.Itoa(e.Status)
	}
	return otherCode
}
