package ledger

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
)

// TestEchoes: a copy is handed over for the very write that it was made for,
// once, and nothing is held where nobody listens.
func TestEchoes(t *testing.T) {
	t.Parallel()
	message := func(token string) broker.Stored {
		return broker.Stored{Subject: broker.TrackSubject(3, "k"), Header: nats.Header{broker.TokenHeader: {token}}}
	}
	var e echoes
	r := &Record{Key: "k", State: Accepted}
	if e.expect("t", r); e.take(message("t")) != nil {
		t.Error("held without a listener")
	}
	stop := e.listen()
	e.expect("t", r)
	if e.take(message("other")) != nil {
		t.Error("another write's message was taken for ours")
	}
	if got := e.take(message("t")); got == nil || got == r || got.State != Accepted {
		t.Errorf("got %+v, want a copy", got)
	}
	if e.take(message("t")) != nil {
		t.Error("handed over twice")
	}
	e.expect("first", r)
	e.expect("second", r)
	if e.take(message("first")) != nil || len(e.byKey) != 1 {
		t.Error("more than the newest version of a key is held")
	}
	if e.forget("second", "k"); len(e.byKey) != 0 {
		t.Error("a write that failed is held")
	}
	e.expect("third", r)
	if stop(); e.byKey != nil {
		t.Error("held after the last listener")
	}
}
