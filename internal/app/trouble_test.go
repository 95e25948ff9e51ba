package app_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/broker/nodes"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/messages"
)

// troubled is a worker whose broker is elsewhere, with a proxy in between that
// the test and the cloud do not use.
type troubled struct {
	*system

	proxy *nodes.Proxy
	sent  int // requests published so far
}

// newTroubled starts the worker. The leases are short, so that trouble of some
// seconds costs them.
func newTroubled(t *testing.T, url string) *troubled {
	t.Helper()
	return startTroubled(t, url, 4*time.Second)
}

// startTroubled starts the worker with leases of that length.
func startTroubled(t *testing.T, url string, lease time.Duration) *troubled {
	t.Helper()
	s := &troubled{system: newSystem(t, ", limits: off, horizon: 60s", nil), proxy: brokertest.NewProxy(t, url)}
	s.allowImages(1000)
	s.cfg.NATS.URL, s.cfg.Lease = config.Secret(s.proxy.URL()), lease
	s.start()
	s.conn = brokertest.Dial(t, url)
	return s
}

// send publishes n further requests, past the proxy.
func (s *troubled) send(n int) {
	s.t.Helper()
	for range n {
		s.publish("ims.request.demo.copy-image", copyBase, copyEvent(fmt.Sprint(s.sent)))
		s.sent++
	}
}

func (s *troubled) ready(want int) {
	s.t.Helper()
	s.await(fmt.Sprintf("readyz to be %d", want), func() bool { status, _ := s.get("/readyz"); return status == want })
}

// midway fails the test unless something is begun and something unfinished: it
// would show nothing.
func (s *troubled) midway() {
	s.t.Helper()
	if made, done := s.made(), s.stored(broker.StreamEvents, "ims.event.*.*.final.>"); made == 0 || done >= s.sent {
		s.t.Fatalf("%d of %d begun, %d done: nothing is under way", made, s.sent, done)
	}
}

// stored counts the subjects of a stream that match.
func (s *troubled) stored(stream, filter string) int {
	s.t.Helper()
	found, err := s.conn.JetStream().Stream(s.t.Context(), stream)
	if err != nil {
		s.t.Fatal(err)
	}
	info, err := found.Info(s.t.Context(), jetstream.WithSubjectFilter(filter))
	if err != nil {
		s.t.Fatal(err)
	}
	return len(info.State.Subjects)
}

// lostAcks counts the writes to ledgers whose confirmation the proxy has kept.
func (s *troubled) lostAcks() int {
	return strings.Count(s.proxy.Swallowed(), `{"stream":"IMS_TRACK_`)
}

// audit waits for the end of everything that was sent: each request has one
// image of its own and one final event, and nothing is left over.
func (s *troubled) audit() {
	s.t.Helper()
	images := map[string]bool{}
	for i := range s.sent {
		key := messages.Key("demo", "/test", fmt.Sprint(i))
		final := s.final(key)
		if final.State != messages.StateSucceeded || len(final.Images) != 1 || len(final.Duplicates) != 0 {
			s.t.Errorf("request %d ended %s: %+v, %d images", i, final.State, final.Error, len(final.Images))
			continue
		}
		images[final.Images[0].ID] = true
		events := s.events(key)
		if told := states(events); strings.Count(told, "accepted") != 1 || countFinals(events) != 1 {
			s.t.Errorf("request %d: told %q", i, told)
		}
	}
	if made := s.made(); made != s.sent || len(images) != s.sent {
		s.t.Errorf("%d images made and %d told of, for %d requests", made, len(images), s.sent)
	}
	s.await("the queue to be empty", s.queueEmpty)
	s.settled()
	s.ready(200)
}

// said fails the test unless the log has each of the words.
func (s *troubled) said(words ...string) {
	s.t.Helper()
	for _, w := range words {
		if !strings.Contains(s.logs.String(), w) {
			s.t.Errorf("the log does not say %q", w)
		}
	}
}

// TestBrokerCutOff cuts the connections again and again under load, once for
// longer than a lease lasts.
func TestBrokerCutOff(t *testing.T) {
	t.Parallel()
	s := newTroubled(t, brokertest.Start(t).URL())
	for round := range 4 {
		s.send(10)
		begun := s.made()
		s.await("some of them to be begun", func() bool { return s.made() > begun })
		s.proxy.Cut()
		s.midway()
		s.ready(503)
		s.send(5)
		if round == 2 {
			s.await("a lease to be lost", func() bool { return strings.Contains(s.logs.String(), "shards lost") })
		}
		s.proxy.Heal()
		if round%2 == 0 {
			s.ready(200)
		}
	}
	s.audit()
	s.said("the broker is away; everything waits for it", "the broker is back")
}

// TestBrokerAnswersLost: what the worker writes is stored, and no answer comes
// back. It must find its own writes there.
func TestBrokerAnswersLost(t *testing.T) {
	t.Parallel()
	s := newTroubled(t, brokertest.Start(t).URL())
	lost := 0
	for range 2 {
		s.send(30)
		begun := s.made()
		s.await("some of them to be begun", func() bool { return s.made() > begun+3 })
		s.proxy.Mute()
		s.midway()
		muted := time.Now()
		s.await("confirmations of records to be lost", func() bool { return s.lostAcks() > lost && time.Since(muted) > time.Second })
		lost = s.lostAcks()
		s.proxy.Cut()
		s.proxy.Heal()
	}
	s.audit()
}

// TestQueueFull: a full queue refuses in the broker's words; what it took is
// done, and what it refused can be sent again.
func TestQueueFull(t *testing.T) {
	t.Parallel()
	s := newTroubled(t, brokertest.Start(t).URL())
	s.send(10)
	s.proxy.Cut()
	s.ready(503)
	s.limitQueue(16 << 10)
	msg := func() *nats.Msg {
		return &nats.Msg{Subject: "ims.request.demo.copy-image", Data: []byte(copyBase), Header: copyEvent(fmt.Sprint(s.sent))}
	}
	var err error
	for ; err == nil && s.sent < 1000; s.sent++ {
		_, err = s.conn.JetStream().PublishMsg(t.Context(), msg())
	}
	s.sent-- // the last one was refused
	if err == nil || !strings.Contains(err.Error(), "maximum bytes exceeded") {
		t.Fatalf("a full queue says %v", err)
	}
	refused := msg()
	_, err = s.conn.Put(t.Context(), broker.StreamRequests, broker.Message{Subject: refused.Subject, Header: refused.Header, Data: refused.Data})
	if !errors.Is(err, broker.ErrFull) || !strings.Contains(err.Error(), "maximum bytes exceeded") {
		t.Fatalf("a full queue says %v", err)
	}
	s.proxy.Heal()
	s.await("room in the queue", s.queueEmpty)
	s.send(1)
	s.audit()
}

// limitQueue leaves room for so many bytes.
func (s *troubled) limitQueue(bytes int64) {
	s.t.Helper()
	found, err := s.conn.JetStream().Stream(s.t.Context(), broker.StreamRequests)
	if err != nil {
		s.t.Fatal(err)
	}
	c := found.CachedInfo().Config
	c.MaxBytes = bytes
	if _, err := s.conn.JetStream().UpdateStream(s.t.Context(), c); err != nil {
		s.t.Fatal(err)
	}
}

// TestBrokerSlow: every answer of the broker takes its time. All is done, and
// no shard is lost.
func TestBrokerSlow(t *testing.T) {
	t.Parallel()
	s := newTroubled(t, brokertest.Start(t).URL())
	s.proxy.Delay(300 * time.Millisecond)
	s.send(60)
	s.audit()
	for _, bad := range []string{"shards lost", "lease not renewed", "the broker is away"} {
		if log := s.logs.String(); strings.Contains(log, bad) {
			t.Errorf("the log says %q:\n%s", bad, grep(log, bad))
		}
	}
}

// TestBrokerKilled kills the broker's process under load and starts it again on
// the same store.
func TestBrokerKilled(t *testing.T) {
	t.Parallel()
	server := brokertest.StartProcess(t)
	s := newTroubled(t, server.URL())
	for range 2 {
		s.send(30)
		begun := s.made()
		s.await("some of them to be begun", func() bool { return s.made() > begun+3 })
		s.midway()
		server.Kill()
		s.ready(503)
		server.Start()
		s.await("the broker to be there again", func() bool { return s.conn.Connected() })
	}
	s.audit()
	s.said("the broker is away; everything waits for it", "the broker is back")
}

// TestBrokerWithoutStore: the connection stands, and nobody responds, as with a
// stream without a leader, or a server that has switched JetStream off. The
// worker says so once and goes on when it can.
func TestBrokerWithoutStore(t *testing.T) {
	t.Parallel()
	server := brokertest.StartStoreless(t)
	s := newTroubled(t, server.URL())
	s.send(30)
	begun := s.made()
	s.await("some of them to be begun", func() bool { return s.made() > begun+3 })
	s.midway()
	server.Off()
	s.ready(503)
	s.await("a word about it", func() bool { return strings.Contains(s.logs.String(), "does not do its work") })
	server.On()
	s.audit()
	s.said("no responders", "the broker works again")
	if n := strings.Count(s.logs.String(), "does not do its work"); n != 1 {
		t.Errorf("said %d times:\n%s%s", n, grep(s.logs.String(), "does not do its work"), grep(s.logs.String(), "works again"))
	}
	if strings.Contains(s.logs.String(), "the broker is away") {
		t.Error("the connection was lost: this shows something else")
	}
}

// TestBrokerWithoutStoreIdle: the same with nothing to do. That the broker does
// its work again shows although nobody asks for anything.
func TestBrokerWithoutStoreIdle(t *testing.T) {
	t.Parallel()
	server := brokertest.StartStoreless(t)
	s := startTroubled(t, server.URL(), time.Minute)
	server.Off()
	s.ready(503)
	if _, page := s.get("/readyz"); !strings.Contains(page, "[-] broker works") {
		t.Errorf("readyz says\n%s", page)
	}
	server.On()
	s.ready(200)
	for _, words := range []string{"does not do its work", "the broker works again"} {
		if n := strings.Count(s.logs.String(), words); n != 1 {
			t.Errorf("said %q %d times:\n%s", words, n, grep(s.logs.String(), words))
		}
	}
}

// TestBrokerVerySlow: for a while confirmations come later than anybody waits
// for them, as from a disk that hangs. What was written meanwhile is found.
func TestBrokerVerySlow(t *testing.T) {
	t.Parallel()
	s := startTroubled(t, brokertest.Start(t).URL(), 30*time.Second)
	s.send(30)
	begun := s.made()
	s.await("some of them to be begun", func() bool { return s.made() > begun+3 })
	s.midway()
	s.proxy.Delay(5500 * time.Millisecond)
	s.ready(503)
	s.said("the broker is there but does not do its work")
	s.proxy.Delay(0)
	s.audit()
	s.said("the broker works again")
	for _, bad := range []string{"shards lost", "the broker is away"} {
		if log := s.logs.String(); strings.Contains(log, bad) {
			t.Errorf("the log says %q:\n%s", bad, grep(log, bad))
		}
	}
}
