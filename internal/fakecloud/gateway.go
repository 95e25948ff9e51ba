package fakecloud

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const maxBody = 12 << 20 // with a signature (API reference 1.4)

// request is one call on its way through gateway and business rules.
type request struct {
	http      *http.Request
	route     *route
	vars      map[string]string
	query     url.Values
	body      []byte
	id        string
	now       time.Time // virtual; the same in all that the request sees and makes
	signer    caller
	signerErr error
	caller    caller
}

// serve is the gateway: 404 for a path, 401 for the caller, 429 for the rate,
// then the service itself (API reference 8).
func (f *Fake) serve(w http.ResponseWriter, r *http.Request) {
	q := &request{http: r, id: requestID()}
	name, rest := splitPath(r.URL.Path)
	c := f.clouds[name]
	if c == nil {
		noSuchAPI().write(w, q.id, f.clock.now())
		return
	}
	q.route, q.vars = match(c, r.Method, rest)
	a, fault := c.process(q)
	if fault.Kind != "" {
		fault.wait(r)
		a = fault.spoil(c, a)
	}
	c.record(q, a, fault)
	if a == nil {
		panic(http.ErrAbortHandler) // closes the connection without a word
	}
	a.write(w, q.id, f.clock.now())
	if a.cut {
		panic(http.ErrAbortHandler) // in the middle of the answer
	}
}

func (c *cloud) process(q *request) (*answer, Fault) {
	q.now = c.fake.clock.now()
	if q.route == nil {
		return noSuchAPI(), Fault{}
	}
	if a := q.read(); a != nil {
		return a, Fault{}
	}
	if strings.HasPrefix(q.http.Header.Get("Authorization"), algorithm) {
		q.signer, q.signerErr = c.checkSignature(q.http, q.body, q.now)
	}
	if q.route.across {
		defer c.fake.lockAll()()
	} else {
		c.mu.Lock()
		defer c.mu.Unlock()
	}
	q.now = c.fake.clock.now() // after the lock, so that time never runs backward
	return c.admit(q)
}

// admit runs the gateway's checks and the service; the lock is held.
func (c *cloud) admit(q *request) (*answer, Fault) {
	c.forget(q.now)
	who, a := c.authenticate(q)
	q.caller = who
	if a == nil {
		a = c.throttle(q)
	}
	if a != nil {
		return a, Fault{}
	}
	fault := c.nextFault(q.route.call, who)
	if fault.before() {
		return nil, fault
	}
	return q.route.do(c, q), fault
}

// read takes query and body as they were sent.
func (q *request) read() *answer {
	body, err := io.ReadAll(io.LimitReader(q.http.Body, maxBody+1))
	if err != nil || len(body) > maxBody {
		return gateway(http.StatusRequestEntityTooLarge, "APIGW.0201", "The request body is too large or cannot be read.")
	}
	query, err := url.ParseQuery(q.http.URL.RawQuery)
	if err != nil {
		return gateway(http.StatusBadRequest, "APIGW.0201", "The request format is incorrect.")
	}
	q.body, q.query = body, query
	return nil
}

// record writes the call log.
func (c *cloud) record(q *request, a *answer, fault Fault) {
	call := Call{Time: q.now, Real: time.Now().UTC().Round(0), Method: q.http.Method, Path: q.http.URL.RequestURI(),
		Auth: q.caller.auth, Fault: fault.Kind, RequestID: q.id}
	if q.route != nil {
		call.Call = q.route.call
	}
	if a != nil {
		call.Status, call.Code = a.status, a.code()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls.add(call)
}

func noSuchAPI() *answer {
	return gateway(http.StatusNotFound, "APIGW.0101", "The API does not exist or has not been published in the environment")
}

// splitPath takes the first segment off.
func splitPath(path string) (first, rest string) {
	first, rest, _ = strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return first, rest
}

func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
