package app_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

const ofServer = `{"instance_id":"` + fakecloud.DemoVaultServer + `","vault_id":"` + fakecloud.DemoVault + `","name":"n"}`

// lost makes a request for an image of a server whose answer is lost and
// whose image nobody can see, and waits until it is unresolved.
func (s *system) lost(id string) string {
	s.t.Helper()
	err := errors.Join(
		s.fake.Order(fakecloud.DemoCloud, fakecloud.Fault{Call: "CreateWholeImage", Kind: fakecloud.DropBefore}),
	)
	if err != nil {
		s.t.Fatal(err)
	}
	s.publish("ims.request.demo.create-whole-image", ofServer, nats.Header{"Nats-Msg-Id": {id}})
	key := messages.Key("demo", "nats", id)
	if final := s.final(key); final.State != messages.StateUnresolved || final.Error.Reason != messages.ReasonUnresolved {
		s.t.Fatalf("ended %s %+v", final.State, final.Error)
	}
	return key
}

// finalOf waits for the end of one attempt.
func (s *system) finalOf(key string, attempt int) messages.Event {
	s.t.Helper()
	var final messages.Event
	s.await(fmt.Sprintf("the end of attempt %d of %s", attempt, key), func() bool {
		m, err := s.conn.Last(s.t.Context(), broker.StreamEvents, messages.AnyFinalSubject("demo", "*", key, attempt))
		if err != nil {
			return false
		}
		_, final, err = messages.DecodeEvent(m.Header, m.Data)
		return err == nil
	})
	return final
}

// TestUnresolvedIsTakenUp answers an unresolved request in every way.
func TestUnresolvedIsTakenUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verb   string
		data   messages.Control
		state  messages.State
		reason messages.Reason
		made   int
	}{
		"done":       {messages.VerbResolve, messages.Control{As: messages.AsDone, ImageID: fakecloud.DemoWholeImage}, messages.StateSucceeded, "", 0},
		"done_wrong": {messages.VerbResolve, messages.Control{As: messages.AsDone, ImageID: "00000000-0000-0000-0000-000000000000"}, messages.StateFailed, messages.ReasonNotFound, 0},
		"not_done":   {messages.VerbResolve, messages.Control{As: messages.AsNotDone}, messages.StateFailed, messages.ReasonUnresolved, 0},
		"resubmit":   {messages.VerbResolve, messages.Control{As: messages.AsResubmit}, messages.StateSucceeded, "", 1},
		"retry":      {messages.VerbRetry, messages.Control{}, messages.StateSucceeded, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, ", horizon: 20s", nil).start()
			key := s.lost("a")
			cl := client.New(s.conn)
			c.data.Key = key
			for range 2 { // the second changes nothing
				if _, err := cl.Control(t.Context(), c.verb, messages.Control{Key: key, Attempt: 1, As: c.data.As, ImageID: c.data.ImageID}); err != nil {
					t.Fatal(err)
				}
			}
			final := s.finalOf(key, 2)
			if final.State != c.state || c.reason != "" && final.Error.Reason != c.reason {
				t.Errorf("ended %s %+v", final.State, final.Error)
			}
			if c.data.As == messages.AsDone && c.state == messages.StateSucceeded && final.Images[0].ID != c.data.ImageID {
				t.Errorf("images %+v", final.Images)
			}
			if n := s.made(); n != c.made {
				t.Errorf("%d images made, want %d", n, c.made)
			}
			if first := s.events(key)[len(s.events(key))-1]; first.meta.Attempt != 2 {
				t.Errorf("there is an attempt %d", first.meta.Attempt)
			}
		})
	}
}

// TestControlThatCannotBe is refused with the reason, and changes nothing.
func TestControlThatCannotBe(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil).start()
	cl := client.New(s.conn)
	s.publish("ims.request.demo.copy-image", copyBase, copyEvent("good"))
	good := messages.Key("demo", "/test", "good")
	s.final(good)
	s.publish("ims.request.demo.copy-image", putOff(copyBase), copyEvent("waits"))
	waits := messages.Key("demo", "/test", "waits")
	s.await("the request to be accepted", func() bool { return len(s.events(waits)) == 1 })
	s.publish("ims.request.demo.copy-image", `{"image_id":"`+fakecloud.DemoISOImage+`","name":"n"}`, copyEvent("refused"))
	refused := messages.Key("demo", "/test", "refused")
	s.final(refused)
	s.settled(waits)
	for name, c := range map[string]struct {
		verb  string
		data  messages.Control
		words string
	}{
		"succeeded":      {messages.VerbRetry, messages.Control{Key: good, Attempt: 1}, "has succeeded"},
		"not_ended":      {messages.VerbRetry, messages.Control{Key: waits, Attempt: 1}, "has not ended"},
		"no_attempt":     {messages.VerbRetry, messages.Control{Key: refused, Attempt: 5}, "the last one is 1"},
		"not_unresolved": {messages.VerbResolve, messages.Control{Key: refused, Attempt: 1, As: messages.AsNotDone}, "send a retry instead"},
	} {
		if _, err := cl.Control(t.Context(), c.verb, c.data); !errors.Is(err, client.ErrCannot) || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := cl.DeadLetters(t.Context(), client.DeadFilter{}, func(d client.DeadLetter) { t.Errorf("what cannot be done left %v", d) }); err != nil {
		t.Error(err)
	}
	if _, err := cl.Control(t.Context(), messages.VerbRetry, messages.Control{Key: refused}); err != nil {
		t.Fatal(err)
	}
	if final := s.finalOf(refused, 2); final.State != messages.StateRejected || final.Request.Attempt != 2 {
		t.Errorf("ended %+v", final)
	}
}

// TestRetryOfLongAgo repeats a request that only its events remember.
func TestRetryOfLongAgo(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil)
	s.deps.TombstoneTTL = time.Second
	s.start()
	if err := s.fake.Decide(fakecloud.DemoCloud, fakecloud.Outcome{Call: "*", Code: "IMG.0061", Reason: "no luck"}); err != nil {
		t.Fatal(err)
	}
	s.publish("ims.request.demo.copy-image", copyBase, copyEvent("a"))
	key := messages.Key("demo", "/test", "a")
	if final := s.final(key); final.State != messages.StateFailed {
		t.Fatalf("ended %s", final.State)
	}
	s.await("the tombstone to vanish", func() bool { return s.records() == 0 })
	for range 2 {
		if _, err := client.New(s.conn).Control(t.Context(), messages.VerbRetry, messages.Control{Key: key, Attempt: 1}); err != nil {
			t.Fatal(err)
		}
		if final := s.finalOf(key, 2); final.State != messages.StateSucceeded {
			t.Errorf("ended %s", final.State)
		}
		s.await("the tombstone to vanish", func() bool { return s.records() == 0 })
	}
	if n := s.made(); n != 2 { // the one that failed, and the one that did not
		t.Errorf("%d jobs", n)
	}
}
