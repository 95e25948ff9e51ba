package ims

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// authorizer makes a call one of the account's.
type authorizer interface {
	// project returns the project's id, asking for it if need be.
	project(ctx context.Context) (string, error)
	// authorize adds headers to the call; they cover everything it sends.
	authorize(ctx context.Context, k *call) error
	// renew is told of a 401 and reports whether another try is worth it.
	renew(used stamp) bool
}

// addressing is the link that gives a call its address and headers, and
// authorises it; a nil auth leaves it without credentials.
func addressing(next link, cfg Config, auth authorizer) link {
	return func(ctx context.Context, k call) (*reply, error) {
		if err := address(ctx, &k, cfg, auth); err != nil {
			return nil, err
		}
		switch {
		case k.sign != nil:
			k.sign(&k)
		case auth != nil:
			if err := auth.authorize(ctx, &k); err != nil {
				return nil, err
			}
		}
		return next(ctx, k)
	}
}

func address(ctx context.Context, k *call, cfg Config, auth authorizer) error {
	base := cfg.Endpoints.of(k.service)
	if base == "" {
		return &wireError{err: errors.New("no endpoint is configured for this service")}
	}
	path, err := k.fill(ctx, auth)
	if err != nil {
		return err
	}
	u, err := url.Parse(strings.TrimRight(base, "/") + path)
	if err != nil {
		return &wireError{err: errors.New("the endpoint is not an address")}
	}
	u.RawQuery = canonicalQuery(k.query)
	k.url, k.header = u, headers(*k, cfg)
	return nil
}

// fill puts project and id into the path.
func (k *call) fill(ctx context.Context, auth authorizer) (string, error) {
	path := k.path + url.PathEscape(k.id) + k.tail
	if !strings.Contains(path, "{project_id}") || auth == nil {
		return path, nil
	}
	project, err := auth.project(ctx)
	if err != nil {
		return "", err
	}
	return strings.Replace(path, "{project_id}", url.PathEscape(project), 1), nil
}

func headers(k call, cfg Config) http.Header {
	h := http.Header{}
	h.Set("Accept", "application/json")
	h.Set("User-Agent", cfg.UserAgent)
	h.Set("Content-Type", "application/json")
	if len(k.body) > 0 {
		h.Set("Content-Type", "application/json;charset=UTF-8")
	}
	return h
}

func (e Endpoints) of(s service) string {
	switch s {
	case cbrService:
		return e.CBR
	case volumeService:
		return e.BlockStorage
	case identityService:
		return e.Identity
	default:
		return e.Image
	}
}
