package broker_test

import (
	"sync"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
)

// TestPutWhoseAnswerIsLost: the write is stored, its confirmation never comes.
// The repetition is refused by its own condition and recognises itself.
func TestPutWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	direct := brokertest.Connect(t, 1)
	proxy := brokertest.NewProxy(t, direct.NATS().ConnectedUrl())
	conn := brokertest.Dial(t, proxy.URL())
	stream, subject := broker.TrackStream(0), broker.TrackSubject(0, "k")
	proxy.Mute()
	type answer struct {
		sequence uint64
		err      error
	}
	answers := make(chan answer, 1)
	go func() {
		sequence, err := conn.Put(t.Context(), stream, broker.Message{Subject: subject, Token: "mine", Expect: &broker.Expect{}})
		answers <- answer{sequence, err}
	}()
	var stored broker.Stored
	for end := time.Now().Add(20 * time.Second); stored.Sequence == 0 && time.Now().Before(end); {
		stored, _ = direct.Last(t.Context(), stream, subject)
	}
	proxy.Cut()
	proxy.Heal()
	if got := <-answers; got.err != nil || got.sequence != stored.Sequence || got.sequence == 0 {
		t.Errorf("got %d, %v; stored as %d", got.sequence, got.err, stored.Sequence)
	}
	if s, err := direct.JetStream().Stream(t.Context(), stream); err != nil || s.CachedInfo().State.LastSeq != stored.Sequence {
		t.Errorf("written again: %v, %v", s, err)
	}
}

// TestSilenceIsNoticed: the connection stays open, and nothing is answered. The
// client gives it up well before a lease ends.
func TestSilenceIsNoticed(t *testing.T) {
	t.Parallel()
	proxy := brokertest.NewProxy(t, brokertest.Start(t).URL())
	conn := brokertest.Dial(t, proxy.URL())
	lost := make(chan struct{})
	gone := sync.OnceFunc(func() { close(lost) })
	conn.OnState(func(bool) { gone() })
	proxy.Mute()
	select {
	case <-lost:
	case <-time.After(15 * time.Second):
		t.Error("the connection counts as sound after 15 s of silence")
	}
}
