package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// Call is a call of a cloud as it would be made. What proves the account is
// masked.
type Call struct {
	Method string            `json:"method"`
	URL    string            `json:"url"`
	Header map[string]string `json:"header"`
	Body   json.RawMessage   `json:"body"`
}

// Rule is one constraint that a request has to keep.
type Rule struct {
	ID   string `json:"id"`
	Says string `json:"says"`
	// Asks is true for a rule that only the cloud can tell: the worker looks
	// right before the call.
	Asks bool `json:"asks_the_cloud"`
}

// Rules lists what a request of an operation is judged by; nothing for an
// operation that is not known.
func Rules(operation string) []Rule {
	op, _ := handlers.Lookup(operation)
	rules := make([]Rule, 0, len(op.Rules))
	for _, r := range op.Rules {
		rules = append(rules, Rule(r))
	}
	return rules
}

// LaterID stands in a rehearsed call for what only the call before it tells.
const LaterID = "IMAGE_ID"

// Rehearse returns the creating calls that a worker would make for a request
// that was judged sound: one, none, or several, of which those behind the first
// have LaterID in place of the image that it makes. Nothing is sent, and nothing
// of the configuration's credentials is used.
func Rehearse(ctx context.Context, r messages.Request, conf ims.Config) ([]Call, error) {
	op, known := handlers.Lookup(r.Operation)
	if !known {
		return nil, fmt.Errorf("there is no operation %q", r.Operation)
	}
	work, err := op.Reopen(r.Data)
	if err != nil {
		return nil, err
	}
	calls, err := rehearse(ctx, r, work, conf, "")
	if err != nil || op.BucketFor(r.Data, "") == op.BucketFor(r.Data, LaterID) { // one call, one bucket
		return calls, err
	}
	later, err := rehearse(ctx, r, work, conf, LaterID)
	return append(calls, later...), err
}

func rehearse(ctx context.Context, r messages.Request, work handlers.Work, conf ims.Config, imageID string) ([]Call, error) {
	stage := &stage{proof: proof(conf.Credentials)}
	conf.Credentials, conf.Transport, conf.TLS, conf.Logger, conf.Observe = ims.Credentials{AccessKey: "-", SecretKey: "-"}, stage, nil, nil, nil
	if conf.ProjectID == "" {
		conf.ProjectID = strings.Repeat("0", 32)
	}
	cloud, err := ims.New(conf)
	if err != nil {
		return nil, err
	}
	defer cloud.Close()
	if _, err = work.Submit(ctx, cloud, handlers.Call{Key: messages.Key(r.Cloud, r.Source, r.ID), ImageID: imageID}); err != nil && !errors.Is(err, errRehearsal) {
		return nil, err
	}
	if stage.call == nil {
		return nil, nil
	}
	return []Call{*stage.call}, nil
}

// proof is the header in which an account proves itself.
func proof(c ims.Credentials) string {
	if c.AccessKey == "" {
		return "X-Auth-Token"
	}
	return "Authorization"
}

// errRehearsal ends a call that is only shown.
var errRehearsal = errors.New("only a rehearsal")

// stage keeps the first call and lets none through.
type stage struct {
	proof string
	call  *Call
}

// RoundTrip implements http.RoundTripper.
func (s *stage) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.call != nil {
		return nil, errRehearsal
	}
	s.call = &Call{Method: r.Method, URL: r.URL.String(), Header: map[string]string{s.proof: "***"}}
	for _, name := range []string{"Content-Type", "X-Project-Id"} {
		if value := r.Header.Get(name); value != "" {
			s.call.Header[name] = value
		}
	}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if json.Valid(body) {
			s.call.Body = body
		}
	}
	return nil, errRehearsal
}
