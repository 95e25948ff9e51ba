package broker

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestTooLarge: what the broker would refuse, or answer by ending the
// connection, is refused before it is sent, and the connection goes on.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nats.conf")
	write(t, file, "max_payload: 100000\n")
	c := dial(t, Options{URL: startIn(t, InsideOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", ConfigFile: file}).URL()})
	stream := testStream(t, c, "large", nil)
	long := "test.large." + strings.Repeat("x", 4010)
	for name, m := range map[string]Message{
		"subject":         {Subject: long},
		"expected":        {Subject: "test.large.a", Expect: &Expect{Subject: long}},
		"headers":         {Subject: "test.large.a", Header: nats.Header{"h": {strings.Repeat("x", MaxHeaderBytes)}}},
		"payload":         {Subject: "test.large.a", Data: make([]byte, 100001)},
		"payload_headers": {Subject: "test.large.a", Header: nats.Header{"h": {strings.Repeat("x", 50000)}}, Data: make([]byte, 50000)},
	} {
		if _, err := c.Put(within(t), stream, m); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: got %v, want ErrTooLarge", name, err)
		}
	}
	if _, err := c.Last(within(t), stream, long); !errors.Is(err, ErrTooLarge) {
		t.Errorf("read: got %v, want ErrTooLarge", err)
	}
	if err := c.Tail(within(t), stream, long, func(Stored) {}, func() {}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("tail: got %v, want ErrTooLarge", err)
	}
	mustPut(t, c, stream, Message{Subject: "test.large." + strings.Repeat("x", maxSubject-11)})
	h := nats.Header{"h": {""}}
	h.Set("h", strings.Repeat("x", MaxHeaderBytes-HeaderBytes(h)))
	mustPut(t, c, stream, Message{Subject: "test.large.a", Header: h})
	if err := c.Err(); err != nil {
		t.Error(err)
	}
}

// TestStreamTooSmall: the limit of a stream is known only to the server.
func TestStreamTooSmall(t *testing.T) {
	t.Parallel()
	c := connect(t)
	apply(t, c, usual(1))
	_, err := c.Put(within(t), StreamRequests, Message{Subject: "ims.request.demo.copy-image", Data: make([]byte, RequestMaxMsgBytes+1)})
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

// TestConnectionEndsForGood: the client library does not come back after a
// line that is too long; whoever owns the connection hears of it.
func TestConnectionEndsForGood(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := testStream(t, c, "gone", nil)
	if err := c.Err(); err != nil {
		t.Errorf("alive: %v", err)
	}
	if err := c.nc.Publish("test.gone."+strings.Repeat("x", 5000), nil); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.Done():
	case <-time.After(20 * time.Second):
		t.Fatal("nobody says that the connection is gone")
	}
	if err := c.Err(); !errors.Is(err, ErrLost) || !strings.Contains(strings.ToLower(err.Error()), "maximum control line") {
		t.Errorf("got %v", err)
	}
	if _, err := c.Put(within(t), stream, Message{Subject: "test.gone.a"}); !errors.Is(err, nats.ErrConnectionClosed) {
		t.Errorf("put: got %v", err)
	}
}

func TestCloseIsNoLoss(t *testing.T) {
	t.Parallel()
	c := connect(t)
	c.Close()
	<-c.Done()
	if err := c.Err(); err != nil {
		t.Errorf("got %v", err)
	}
}
