package broker_test

import (
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
)

// TestFill: an empty stream has no times; what was stored last is known also
// when it is gone.
func TestFill(t *testing.T) {
	t.Parallel()
	conn := brokertest.Connect(t, 1)
	fill := func() broker.Fill {
		t.Helper()
		f, err := conn.Fill(t.Context(), broker.StreamDead)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	if f := fill(); f != (broker.Fill{}) {
		t.Errorf("an empty stream: %+v", f)
	}
	before := time.Now().Add(-time.Second)
	for range 2 {
		if _, err := conn.Put(t.Context(), broker.StreamDead, broker.Message{Subject: "ims.dead.demo.x"}); err != nil {
			t.Fatal(err)
		}
	}
	f := fill()
	if f.Messages != 2 || f.Oldest.Before(before) || f.Newest.Before(f.Oldest) {
		t.Errorf("two messages since %v: %+v", before, f)
	}
	stream, err := conn.JetStream().Stream(t.Context(), broker.StreamDead)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if gone := fill(); gone.Messages != 0 || !gone.Oldest.IsZero() || !gone.Newest.Equal(f.Newest) {
		t.Errorf("emptied: %+v, had %+v", gone, f)
	}
	if _, err := conn.Fill(t.Context(), "IMS_NONE"); err == nil {
		t.Error("a stream that is not there is looked at")
	}
}

// TestFillOf: what people did with dead letters stands in their stream, and is
// none.
func TestFillOf(t *testing.T) {
	t.Parallel()
	conn := brokertest.Connect(t, 1)
	fill := func() broker.Fill {
		t.Helper()
		f, err := conn.FillOf(t.Context(), broker.StreamDead, broker.DeadFilter(""))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	put := func(subject string) uint64 {
		t.Helper()
		n, err := conn.Put(t.Context(), broker.StreamDead, broker.Message{Subject: subject})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if f := fill(); f != (broker.Fill{}) {
		t.Errorf("an empty stream: %+v", f)
	}
	put("ims.dead.demo.x")
	first := fill()
	second := put("ims.dead.demo.y")
	both := fill()
	put(broker.DeadLogSubject(second))
	if f := fill(); first.Messages != 1 || both.Messages != 2 || !both.Newest.After(first.Newest) || f != both {
		t.Errorf("one %+v, both %+v, with their log %+v", first, both, f)
	}
	if err := conn.Delete(t.Context(), broker.StreamDead, second); err != nil {
		t.Fatal(err)
	}
	if f := fill(); f != first {
		t.Errorf("without the second: %+v, had %+v", f, first)
	}
	if _, err := conn.FillOf(t.Context(), "IMS_NONE", "ims.none"); err == nil {
		t.Error("a stream that is not there is looked at")
	}
}
