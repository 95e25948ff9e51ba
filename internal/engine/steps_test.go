package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// asked are the requests that an engine has asked for.
type asked struct {
	mu       sync.Mutex
	requests []messages.Request
	refuse   int // how many are refused first
	then     func(messages.Request)
}

func (a *asked) ask(_ context.Context, r messages.Request) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refuse > 0 {
		a.refuse--
		return errors.New("the queue is full")
	}
	a.requests = append(a.requests, r)
	if a.then != nil {
		a.then(r)
	}
	return nil
}

const twoSteps = `{"image_id":"` + source + `","name":"copy","options":{"on_success":[
	{"operation":"copy-image","cloud":"side","name":"there","options":{"priority":"low"}},
	{"operation":"export-volume","volume_id":"16369c5d-384d-4e64-b37a-56d898769362","image_name":"after"}]}}`

// withSteps gives a record two follow-up steps.
func withSteps(r *ledger.Record) {
	r.Data = json.RawMessage(twoSteps)
	r.CorrelationID, r.TraceParent = "mine", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
}

// wantSteps checks what was asked for, in order.
func (w *world) wantSteps(key string, times int) {
	w.t.Helper()
	w.asked.mu.Lock()
	defer w.asked.mu.Unlock()
	if len(w.asked.requests) != 2*times {
		w.t.Fatalf("%d requests, want %d", len(w.asked.requests), 2*times)
	}
	for i, want := range []messages.Request{
		{Identity: messages.Identity{Source: "/imsworker/demo/" + key, ID: "1/0"}, Cloud: "side", Operation: "copy-image"},
		{Identity: messages.Identity{Source: "/imsworker/demo/" + key, ID: "1/1"}, Cloud: "demo", Operation: "export-volume"},
	} {
		got := w.asked.requests[i]
		if got.Identity != want.Identity || got.Cloud != want.Cloud || got.Operation != want.Operation || got.CorrelationID != "mine" || got.Trace.Parent == "" {
			w.t.Errorf("step %d is %+v", i, got)
		}
		if again := w.asked.requests[len(w.asked.requests)-2+i]; string(again.Data) != string(got.Data) || again.Identity != got.Identity {
			w.t.Errorf("step %d is another one the second time: %+v", i, again)
		}
	}
	if data := string(w.asked.requests[0].Data); data != `{"image_id":"`+copied+`","name":"there","options":{"priority":"low"}}` {
		w.t.Errorf("the image is not filled in: %s", data)
	}
}

func TestStepsFollow(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.asked.refuse = 3
		w.start()
		key := w.request("a", withSteps)
		w.expect(key, "accepted submitted succeeded")
		for r, _ := w.ledger.Get(w.t.Context(), key); !r.Buried; r, _ = w.ledger.Get(w.t.Context(), key) {
			time.Sleep(time.Second)
		}
		w.wantSteps(key, 1)
		next := w.events.last(w.t, key).Next
		if len(next) != 2 || next[0] != (messages.Relative{Key: messages.Key("side", "/imsworker/demo/"+key, "1/0"), Cloud: "side", Operation: "copy-image"}) {
			w.t.Errorf("next %+v", next)
		}
	})
}

// TestStepsAreToldAgain is a take-over after the steps were asked for and
// before the tombstone.
func TestStepsAreToldAgain(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.start()
		key := w.request("a", withSteps)
		w.expect(key, "accepted submitted succeeded")
		synctest.Wait()
		w.end()
		w.ledger.mu.Lock()
		r := w.ledger.records[key]
		r.Buried, r.Data, r.Images = false, json.RawMessage(twoSteps), []messages.Image{{ID: copied, Name: "copy", Cloud: "demo"}}
		w.ledger.mu.Unlock()
		w.start()
		synctest.Wait()
		w.wantSteps(key, 2)
		w.expect(key, "accepted submitted succeeded")
	})
}

// TestNothingFollowsAFailure begins no step of what has not succeeded.
func TestNothingFollowsAFailure(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.job = func(int) reply { return jobIs("FAIL", `{}`) }
		w.start()
		key := w.request("a", withSteps)
		w.expect(key, "accepted submitted failed")
		synctest.Wait()
		if len(w.asked.requests) > 0 || len(w.events.last(w.t, key).Next) > 0 {
			w.t.Errorf("asked for %+v", w.asked.requests)
		}
	})
}
