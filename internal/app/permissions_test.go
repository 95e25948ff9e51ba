package app_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// oneAccount is an account of the broker in which one user works and another
// may ask for copies on one cloud, and for nothing else.
const oneAccount = `accounts { IMS { jetstream: enabled, users: [
	{ user: worker, password: pw }
	{ user: tenant, password: pw, permissions: { publish: [ "ims.request.demo.copy-image" ], subscribe: [ "_INBOX.>" ] } }
] } }`

// TestRightToCopyIsNoOther: whoever may publish one operation on one cloud can
// cause nothing else, whatever the message says.
func TestRightToCopyIsNoOther(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil)
	file := filepath.Join(s.dir, "nats.conf")
	if err := os.WriteFile(file, []byte(oneAccount), 0o600); err != nil {
		t.Fatal(err)
	}
	s.cfg.NATS.Config, s.cfg.NATS.User, s.cfg.NATS.Password = file, "worker", config.Secret("pw")
	s.login = "worker:pw@"
	s.start()

	var refused atomic.Int64
	tenant, err := nats.Connect(s.at.Broker, nats.UserInfo("tenant", "pw"), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) { refused.Add(1) }))
	if err != nil {
		t.Fatal(err)
	}
	defer tenant.Close()
	denied := []string{
		"ims.request.demo.delete-image", "ims.request.demo.export-volume", "ims.request.other.copy-image",
		"ims.control.demo.cancel", "ims.control.demo.pause", "ims.backup.demo.ready", "ims.inbox.0.request.demo.delete-image",
		"ims.track.00.x", "ims.event.demo.copy-image.final.succeeded.x.1", "ims.paused.demo._", "$JS.API.STREAM.PURGE.IMS_REQUESTS",
	}
	for _, subject := range denied {
		if err := tenant.Publish(subject, []byte(`{"image_id":"`+fakecloud.DemoImage+`"}`)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tenant.Flush(); err != nil {
		t.Fatal(err)
	}
	s.await("all of them to be refused", func() bool { return refused.Load() == int64(len(denied)) })

	ask := func(id, body string, more nats.Header) string {
		t.Helper()
		m := &nats.Msg{Subject: "ims.request.demo.copy-image", Data: []byte(body), Header: copyEvent(id)}
		maps.Copy(m.Header, more)
		if _, err := tenant.RequestMsg(m, patience); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		return messages.Key("demo", "/test", id)
	}
	step := func(id, step string) messages.Event {
		t.Helper()
		return s.final(ask(id, strings.Replace(copyBase, "{", `{"options":{"on_success":[`+step+`]},`, 1), nil))
	}
	for id, e := range map[string]messages.Event{
		"deletes":   step("deletes", `{"operation":"delete-image"}`),
		"elsewhere": step("elsewhere", `{"operation":"copy-image","cloud":"other","name":"n"}`),
		"by_type":   s.final(ask("by_type", copyBase, nats.Header{"ce-type": {messages.RequestType("delete-image")}})),
	} {
		if e.State != messages.StateRejected {
			t.Errorf("%s ended as %s", id, e.State)
		}
	}
	good := s.final(ask("good", copyBase, nil))
	if good.State != messages.StateSucceeded {
		t.Errorf("ended %s %+v", good.State, good.Error)
	}
	// A step of its own making, of a request that has no steps.
	ask("forged", copyBase, nats.Header{"ce-source": {"/imsworker/demo/" + messages.Key("demo", "/test", "good")}, "ce-id": {"1/0"}})
	s.await("the forged step to be a dead letter", func() bool { return s.deadLetters() == 2 }) // and the one with another type
	if n := len(s.fake.Begun(fakecloud.DemoCloud)); n != 1 {
		t.Errorf("%d images were begun, want 1", n)
	}
	if !s.there(fakecloud.DemoImage) {
		t.Error("an image is gone")
	}
}

// deadLetters counts what is stored as dead.
func (s *system) deadLetters() uint64 {
	s.t.Helper()
	stream, err := s.conn.JetStream().Stream(s.t.Context(), "IMS_DEAD")
	if err != nil {
		s.t.Fatal(err)
	}
	return stream.CachedInfo().State.Msgs
}
