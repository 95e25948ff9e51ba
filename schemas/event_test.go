package schemas_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/imsworker/imsworker/messages"
	"github.com/imsworker/imsworker/schemas"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// TestEvents holds the structs of package messages to the schema: each state,
// once with as little as possible and once with everything.
func TestEvents(t *testing.T) {
	t.Parallel()
	ofEvent, ofBatch := compile(t, "event", schemas.Event()), compile(t, "batch", schemas.Batch())
	for _, state := range messages.States() {
		schema := ofEvent
		if state.Batch() {
			schema = ofBatch
		}
		for name, event := range map[string]messages.Event{"least": least(state), "full": full(state)} {
			_, body, err := messages.EncodeEvent(messages.EventMeta{State: state, Time: time.Now()}, event)
			if err != nil {
				t.Fatal(err)
			}
			tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(tree); err != nil {
				t.Errorf("%s, %s: %v", state, name, err)
			}
		}
	}
}

func compile(t *testing.T, name string, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(schemas.Base+name+".v1.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(schemas.Base + name + ".v1.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func least(s messages.State) messages.Event {
	e := messages.Event{State: s, Request: messages.RequestInfo{
		ID: "7", Source: "nats", Key: messages.Key("demo", "nats", "7"), Cloud: "demo", Operation: "copy-image", Attempt: 1,
	}}
	if s.NotSucceeded() {
		e.Error = &messages.Failure{Reason: messages.ReasonInternal}
	}
	if s.Batch() {
		e.Batch = &messages.Batch{Counts: messages.Counts{Legs: 1, Failed: 1}, Legs: []messages.Leg{{ImageID: "a", State: messages.StateFailed}}}
	}
	if s == messages.StateAccepted {
		e.Request.Data = json.RawMessage(`{"name":"n"}`)
	}
	return e
}

func full(s messages.State) messages.Event {
	e := least(s)
	now, percent, object := time.Now(), 40.0, "bucket:key"
	image := messages.Image{ID: "a", Name: "n", Cloud: "demo"}
	relative := messages.Relative{Key: e.Request.Key, Cloud: "demo", Operation: "copy-image"}
	e.Job = &messages.Job{ID: "j", Type: "t", Status: "RUNNING", Percent: &percent, Task: "Copy:", Polls: 1}
	e.Images, e.Duplicates = []messages.Image{image}, []messages.Image{image}
	e.Result = messages.Result{Members: []messages.Member{{ImageID: "a", ProjectID: "p", Status: "success"}}, Object: &object}
	e.Parent, e.Next = &relative, []messages.Relative{relative}
	e.Warnings = []string{"w"}
	if e.Batch != nil {
		e.Batch.Legs[0].Request, e.Batch.Legs[0].Images = &messages.LegRequest{Relative: relative, Attempt: 1}, []messages.Image{image}
		e.Batch.Legs[0].Error = &messages.Failure{Reason: messages.ReasonQuota}
	}
	e.Estimate = messages.Estimate{Start: &now, End: &now, Percent: &percent}
	e.Times = messages.Times{Accepted: &now, Submitted: &now, Finished: &now, RemoteBegin: &now, RemoteEnd: &now}
	if e.Error != nil {
		e.Error.HTTPStatus = 400
		e.Error.Problems = []messages.Problem{{Field: "name", Message: "m"}}
	}
	return e
}
