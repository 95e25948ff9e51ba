package app_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// notices is a receiver of what did not succeed, by the ids of the events.
type notices struct {
	mu    sync.Mutex
	away  bool
	tried int
	got   map[string]string // id to body
}

// ServeHTTP implements http.Handler.
func (n *notices) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tried++
	if n.away {
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, r.URL.String()+r.Header.Get("Authorization"))
		return
	}
	n.got[r.Header.Get("Ce-Id")] = string(body)
}

func (n *notices) ids() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Sorted(maps.Keys(n.got))
}

const secretNotify = "notify-nobody-may-read-0006"

// TestNotify: what a real worker does not succeed in is posted, also what ended
// while the receiver was away and the worker itself down, and nothing else. The
// address's secrets are told to nobody but the receiver.
func TestNotify(t *testing.T) {
	t.Parallel()
	n := &notices{away: true, got: map[string]string{}}
	server := httptest.NewServer(n)
	t.Cleanup(server.Close)
	s := newSystem(t, "", nil)
	s.cfg.NotifyURL = config.Secret(strings.Replace(server.URL, "://", "://me:"+secretNotify+"@", 1) + "/" + secretNotify + "?token=" + secretNotify)
	s.start()
	if err := s.fake.Decide(fakecloud.DemoCloud, fakecloud.Outcome{Call: "CopyImage", Code: "IMG.0057"}); err != nil {
		t.Fatal(err)
	}
	ask := func(id, body string) messages.State {
		s.publish("ims.request.demo.copy-image", body, copyEvent(id))
		return s.final(messages.Key("demo", "/test", id)).State
	}
	failed, succeeded := ask("fails", copyBase), ask("succeeds", copyBase)
	rejected := ask("rejected", `{"image_id":"`+strings.Repeat("0", 8)+fakecloud.DemoImage[8:]+`","name":"copy"}`)
	if failed != messages.StateFailed || succeeded != messages.StateSucceeded || rejected != messages.StateRejected {
		t.Fatalf("ended %s, %s, %s", failed, succeeded, rejected)
	}
	s.await("the receiver to be tried", func() bool { n.mu.Lock(); defer n.mu.Unlock(); return n.tried > 0 })
	s.await("the log to say so", func() bool { return strings.Contains(s.logs.String(), "cannot be posted") })
	_, metrics := s.get("/metrics")
	if !strings.Contains(metrics, "imsworker_notifications_failing 1") {
		t.Error("the metrics do not show that the receiver ails")
	}
	s.stop()
	s.start()
	n.mu.Lock()
	n.away = false
	n.mu.Unlock()
	want := []string{messages.Key("demo", "/test", "fails") + "/1/failed", messages.Key("demo", "/test", "rejected") + "/1/rejected"}
	slices.Sort(want)
	s.await("both notices", func() bool { return slices.Equal(n.ids(), want) })
	for id, body := range n.got {
		key, _, _ := strings.Cut(id, "/")
		if events := s.events(key); string(events[len(events)-1].body) != body {
			t.Errorf("%s: the data is not the event's: %s", id, body)
		}
	}
	if err := s.conn.JetStream().DeleteConsumer(t.Context(), broker.StreamEvents, broker.NotifyConsumer); err != nil {
		t.Fatal(err)
	}
	s.await("the worker to make its consumer anew", func() bool {
		_, err := s.conn.JetStream().Consumer(t.Context(), broker.StreamEvents, broker.NotifyConsumer)
		return err == nil && strings.Contains(s.logs.String(), "nobody is told of what does not succeed")
	})
	ask("later", strings.Replace(copyBase, `"name"`, `"nmae"`, 1))
	s.await("the third notice", func() bool { return len(n.ids()) == 3 })
	_, metrics = s.get("/metrics")
	_, page := s.get("/")
	for where, what := range map[string]string{"logs": s.logs.String(), "metrics": metrics, "start page": page, "events": s.everything(broker.StreamEvents, "ims.event.>")} {
		if strings.Contains(what, secretNotify) {
			t.Errorf("%s give away the secret:\n%s", where, grep(what, secretNotify))
		}
	}
}

// TestNotifyIsOff: without an address there is nothing of it, not even the
// consumer.
func TestNotifyIsOff(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil).start()
	if _, err := s.conn.JetStream().Consumer(t.Context(), broker.StreamEvents, broker.NotifyConsumer); err == nil {
		t.Error("there is a consumer")
	}
	if _, metrics := s.get("/metrics"); strings.Contains(metrics, "notification") {
		t.Error("there are metrics")
	}
}
