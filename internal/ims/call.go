package ims

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Limits of what is read of an answer, in bytes.
const (
	maxAnswer = 1 << 20
	maxList   = 16 << 20
)

// service is one of the cloud's services; it has an endpoint.
type service int

const (
	imageService service = iota
	cbrService
	volumeService
	identityService
)

// call is one call of the API on its way through the chain. Links pass it by
// value and change their own copy.
type call struct {
	name    string // the client's method
	service service
	method  string
	path    string // template, "{project_id}" in it is filled in
	id      string // the object's id, one segment behind path
	tail    string // what follows the id
	query   url.Values
	body    []byte
	limit   int64 // bytes of answer, 0 means maxAnswer
	secret  bool  // bodies are never logged
	quick   bool  // changes something, but in no more time than reading takes

	sign func(*call) // of calls without an authorizer, may be nil

	url    *url.URL    // from addressing on
	header http.Header // from addressing on
	used   *stamp      // filled in when the call is authorised
}

// stamp tells what a call was authorised with.
type stamp struct {
	token string
	at    time.Time
}

// reads reports whether the call changes nothing and can be repeated.
func (k call) reads() bool { return k.method == http.MethodGet }

// bounded reports whether the call has a time limit of its own. Those that
// create something have none but their context: only who sent one knows how
// long to wait before the answer counts as lost.
func (k call) bounded() bool { return k.reads() || k.quick || k.service == identityService }

func (k call) needsID() bool { return strings.HasSuffix(k.path, "/") }

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
	at     time.Time // when it was there
}

func (r *reply) requestID() string {
	if r == nil {
		return ""
	}
	return strings.TrimSpace(r.header.Get("X-Request-Id"))
}

// link is the chain from some point on. It returns a reply with a status of
// 200 to 299, or an error; below decoding any status and both at once.
type link func(ctx context.Context, k call) (*reply, error)

// encode writes JSON as the vendor's SDK does, without escaping for HTML, but
// without the newline at the end.
func encode(body any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		return nil, fmt.Errorf("encode body: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// checkSegment refuses what would not stay one segment of a path.
func checkSegment(s string) error {
	if s == "" {
		return errors.New("an id is empty")
	}
	if len(s) > 255 || strings.Trim(s, ".") == "" || strings.ContainsFunc(s, notInSegment) {
		return errors.New("an id holds characters that ids do not have")
	}
	return nil
}

func notInSegment(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return false
	}
	return !strings.ContainsRune("-_.:", r)
}

// shape tells what is wrong with an answer without quoting any of it.
func shape(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("the answer has a %s at %q where another type belongs", kind(wrong.Value), wrong.Field)
	}
	return errors.New("the answer is not the JSON that was expected")
}

// kind cuts the value from the words of encoding/json, such as "number 12".
func kind(value string) string {
	k, _, _ := strings.Cut(value, " ")
	return k
}
