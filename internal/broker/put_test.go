package broker

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func TestPutConditions(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := testStream(t, c, "put", func(s *jetstream.StreamConfig) { s.AllowRollup, s.AllowMsgTTL = true, true })
	first := mustPut(t, c, stream, Message{Subject: "test.put.a", Token: "one", Expect: &Expect{}, Data: []byte("1")})

	_, err := c.Put(t.Context(), stream, Message{Subject: "test.put.a", Token: "two", Expect: &Expect{}, Data: []byte("1")})
	if !errors.Is(err, ErrConflict) {
		t.Fatalf("foreign write: got %v, want ErrConflict", err)
	}
	again := mustPut(t, c, stream, Message{Subject: "test.put.a", Token: "one", Expect: &Expect{}, Data: []byte("1")})
	if again != first {
		t.Fatalf("own write repeated: got sequence %d, want %d", again, first)
	}
	_, err = c.Put(t.Context(), stream, Message{Subject: "test.put.a", Expect: &Expect{}})
	if !errors.Is(err, ErrConflict) {
		t.Fatalf("without a token: got %v, want ErrConflict", err)
	}
	mustPut(t, c, stream, Message{Subject: "test.put.a", Token: "three", Rollup: true, Expect: &Expect{Sequence: first}, Data: []byte("2")})
	last, err := c.Last(t.Context(), stream, "test.put.a")
	if err != nil || string(last.Data) != "2" || last.Header.Get(TokenHeader) != "three" {
		t.Fatalf("got %+v, %v", last, err)
	}
	if info, err := c.streamInfo(t.Context(), stream); err != nil || info.State.Msgs != 1 {
		t.Fatalf("after a rollup: %d messages, %v", info.State.Msgs, err)
	}
}

// TestPutWildcardCondition is what makes an event exist once: the condition
// covers subjects that the message itself does not have.
func TestPutWildcardCondition(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := testStream(t, c, "wild", nil)
	none := &Expect{Subject: "test.wild.*.key"}
	mustPut(t, c, stream, Message{Subject: "test.wild.failed.key", Token: "a", Expect: none})
	_, err := c.Put(t.Context(), stream, Message{Subject: "test.wild.succeeded.key", Token: "b", Expect: none})
	if !errors.Is(err, ErrConflict) {
		t.Fatalf("got %v, want ErrConflict", err)
	}
	if _, err := c.Put(t.Context(), stream, Message{Subject: "test.wild.succeeded.other", Expect: &Expect{Subject: "test.wild.*.other"}}); err != nil {
		t.Fatal(err)
	}
}

func TestPutFullStream(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := testStream(t, c, "full", func(s *jetstream.StreamConfig) { s.MaxBytes, s.Discard = 2000, jetstream.DiscardNew })
	mustPut(t, c, stream, Message{Subject: "test.full.a", Data: make([]byte, 1500)})
	_, err := c.Put(t.Context(), stream, Message{Subject: "test.full.a", Data: make([]byte, 1500)})
	if !errors.Is(err, ErrFull) {
		t.Fatalf("got %v, want ErrFull", err)
	}
}

func TestPutRefusesWhatNeverWorks(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := testStream(t, c, "never", func(s *jetstream.StreamConfig) { s.MaxMsgSize = 100 })
	testStream(t, c, "other", nil)
	for name, m := range map[string]Message{
		"too large":        {Subject: "test.never.a", Data: make([]byte, 1000)},
		"another stream":   {Subject: "test.other.a"},
		"time to live off": {Subject: "test.never.a", TTL: time.Minute},
		"short-lived":      {Subject: "test.never.a", TTL: time.Millisecond},
	} {
		if seq, err := c.Put(within(t), stream, m); err == nil {
			t.Errorf("%s: stored as %d", name, seq)
		}
	}
}

func TestPutMessageExpires(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := testStream(t, c, "ttl", func(s *jetstream.StreamConfig) { s.AllowMsgTTL = true })
	mustPut(t, c, stream, Message{Subject: "test.ttl.a", TTL: time.Second})
	eventually(t, "the message is gone", func() bool {
		_, err := c.Last(t.Context(), stream, "test.ttl.a")
		return errors.Is(err, ErrNone)
	})
}

// TestPutWaitsForTheBroker cuts the connection before the write and brings the
// server back while Put repeats.
func TestPutWaitsForTheBroker(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inside := startIn(t, InsideOptions{Dir: dir, Listen: "127.0.0.1:0"})
	c := dial(t, Options{URL: inside.URL()})
	stream := testStream(t, c, "wait", nil)
	address := strings.TrimPrefix(inside.URL(), "nats://")
	inside.Stop()
	eventually(t, "the loss is seen", func() bool { return !c.Connected() })

	short, cancel := context.WithTimeoutCause(t.Context(), 300*time.Millisecond, errors.New("patience is over"))
	defer cancel()
	if _, err := c.Put(short, stream, Message{Subject: "test.wait.a"}); err == nil || !strings.Contains(err.Error(), "patience is over") {
		t.Fatalf("got %v, want the context's cause", err)
	}
	stored := make(chan error, 1)
	go func() {
		_, err := c.Put(t.Context(), stream, Message{Subject: "test.wait.b", Expect: &Expect{}, Token: "x"})
		stored <- err
	}()
	startIn(t, InsideOptions{Dir: dir, Listen: address})
	if err := <-stored; err != nil {
		t.Fatal(err)
	}
	if _, err := c.Last(t.Context(), stream, "test.wait.a"); !errors.Is(err, ErrNone) {
		t.Fatalf("a write that was given up was sent later: %v", err)
	}
}

func TestPutKeepsHeaders(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := testStream(t, c, "head", nil)
	header := nats.Header{"ce-id": {"a", "b"}, "CE-ID": {"c"}}
	mustPut(t, c, stream, Message{Subject: "test.head.a", Header: header, MsgID: "m1", Token: "t"})
	last, err := c.Last(t.Context(), stream, "test.head.*")
	if err != nil {
		t.Fatal(err)
	}
	if got := last.Header["ce-id"]; len(got) != 2 || got[0] != "a" || got[1] != "b" || last.Header["CE-ID"][0] != "c" {
		t.Errorf("got %v", last.Header)
	}
	if len(header) != 2 {
		t.Errorf("the caller's header was changed: %v", header)
	}
	if last.Time.IsZero() || last.Header.Get(jetstream.MsgIDHeader) != "m1" {
		t.Errorf("got %+v", last)
	}
}

// TestPlainAck: what is not quite a plain acknowledgement of the stream that
// was meant is left to the careful way.
func TestPlainAck(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]uint64{
		`{"stream":"S", "seq":17}`:                               17,
		`{"stream":"S","seq":18446744073709551615}`:              18446744073709551615,
		`{"stream":"S2", "seq":17}`:                              0,
		`{"stream":"S", "seq":17,"duplicate":true}`:              0,
		`{"stream":"S", "domain":"hub", "seq":17}`:               0,
		`{"error":{"code":503},"stream":"S","seq":0}`:            0,
		`{"stream":"S", "seq":}`:                                 0,
		`{"stream":"S", "seq":17`:                                0,
		`{"stream":"S", "seq":-1}`:                               0,
		`{"type":"io.nats.jetstream.api.v1.pub_ack","stream":1}`: 0,
		"": 0,
	} {
		if got, plain := plainAck([]byte(data), "S"); plain != (want > 0) || plain && got != want {
			t.Errorf("%s: got %d, %t", data, got, plain)
		}
	}
}
