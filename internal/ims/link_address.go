package ims

import (
	"context"
	"errors"
	"maps"
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
	bases, common := cfg.Endpoints.parsed(), commonHeaders(cfg)
	return func(ctx context.Context, k call) (*reply, error) {
		if err := address(ctx, &k, bases[k.service], common, auth); err != nil {
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

func address(ctx context.Context, k *call, base *url.URL, common http.Header, auth authorizer) error {
	if base == nil {
		return &wireError{err: errors.New("no endpoint is configured for this service")}
	}
	path, err := k.fill(ctx, auth)
	if err != nil {
		return err
	}
	u, err := under(base, path)
	if err != nil {
		return &wireError{err: errors.New("the address of the call is not usable")}
	}
	u.RawQuery = canonicalQuery(k.query)
	k.url, k.header = u, headers(*k, common)
	return nil
}

// under is the address of an escaped path below a base.
func under(base *url.URL, path string) (*url.URL, error) {
	u := *base
	escaped := base.EscapedPath() + path
	var err error
	if u.Path, err = url.PathUnescape(escaped); err != nil {
		return nil, err
	}
	if u.RawPath = ""; u.Path != escaped {
		u.RawPath = escaped
	}
	return &u, nil
}

// fill puts project and id into the path.
func (k *call) fill(ctx context.Context, auth authorizer) (string, error) {
	path := k.path + url.PathEscape(k.id) + k.tail
	before, after, some := strings.Cut(path, "{project_id}")
	if !some || auth == nil {
		return path, nil
	}
	project, err := auth.project(ctx)
	if err != nil {
		return "", err
	}
	return before + url.PathEscape(project) + after, nil
}

// mostHeaders is how many headers a signed call has.
const mostHeaders = 8

// commonHeaders are those that every call has. All calls share their values,
// which nothing may write to.
func commonHeaders(cfg Config) http.Header {
	return http.Header{"Accept": {"application/json"}, "User-Agent": {cfg.UserAgent}, "Content-Type": {"application/json"}}
}

func headers(k call, common http.Header) http.Header {
	h := make(http.Header, mostHeaders)
	maps.Copy(h, common)
	if len(k.body) > 0 {
		h.Set("Content-Type", "application/json;charset=UTF-8")
	}
	return h
}

// parsed are the endpoints by service; nil where none is configured. Config
// has been validated.
func (e Endpoints) parsed() map[service]*url.URL {
	bases := map[service]*url.URL{}
	for s, address := range map[service]string{imageService: e.Image, cbrService: e.CBR, volumeService: e.BlockStorage, identityService: e.Identity} {
		if u, err := url.Parse(strings.TrimRight(address, "/")); err == nil && address != "" {
			bases[s] = u
		}
	}
	return bases
}
