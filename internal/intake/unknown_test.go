package intake

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/messages"
)

func unknownDelivery(sequence uint64, stored time.Time) broker.Delivery {
	return broker.Delivery{Subject: "ims.inbox.0.request.nowhere.copy-image", StreamSequence: sequence, Time: stored}
}

// TestWaiting walks through the life of what waits for a cloud.
func TestWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := waiting{since: map[uint64]time.Time{}}
		start := time.Now()
		wait := func(sequence uint64, want bool) {
			t.Helper()
			if got := w.wait(unknownDelivery(sequence, start), unknownLimit); got != want {
				t.Errorf("%s later, message %d: waits %t", time.Since(start), sequence, got)
			}
			if len(w.since) > unknownPlaces {
				t.Errorf("%d wait", len(w.since))
			}
		}
		for sequence := range uint64(unknownPlaces) {
			wait(sequence, true)
		}
		wait(100, false)
		wait(0, true)
		w.done(unknownDelivery(1, start))
		wait(101, true)
		wait(102, false)
		// All but two vanish; their places are free again.
		for range 4 {
			time.Sleep(unknownOverdue / 3)
			wait(0, true)
			wait(101, true)
		}
		for sequence := range uint64(unknownPlaces - 2) {
			wait(200+sequence, true)
		}
		wait(300, false)
		time.Sleep(unknownLimit)
		wait(0, false)
		wait(400, false)
		if w.wait(broker.Delivery{Subject: "ims.inbox.0.request.Nowhere.copy-image", Time: time.Now()}, unknownLimit) {
			t.Error("a cloud that cannot exist is waited for")
		}
	})
}

// smallBroker takes less than letters need.
type smallBroker struct {
	most   int
	stored []broker.Message
}

func (b *smallBroker) Put(_ context.Context, _ string, m broker.Message) (uint64, error) {
	if len(m.Data)+broker.HeaderBytes(m.Header) > b.most {
		return 0, broker.ErrTooLarge
	}
	b.stored = append(b.stored, m)
	return 1, nil
}

// TestLetterForSmallBroker: rather half a letter that says what it lacks than
// a message that comes for ever.
func TestLetterForSmallBroker(t *testing.T) {
	t.Parallel()
	small := &smallBroker{most: 16 << 10}
	var log bytes.Buffer
	d := NewDeadLetters(small, prometheus.NewRegistry(), slog.New(slog.NewTextHandler(&log, nil)))
	l := Letter{Cloud: "demo", Operation: "copy-image", Subject: "ims.request.demo.copy-image", Sequence: 7, Identity: messages.Identity{Source: "/a", ID: "b"}, Body: []byte(strings.Repeat("x", 16<<10))}
	if err := d.Store(t.Context(), l, Verdict{Reason: ReasonInvalid}); err != nil {
		t.Fatal(err)
	}
	m := small.stored[0]
	if got := m.Header.Get(headerOmitted); got != "the body from byte 8192 of 16384 on" || len(m.Data) != 8192 || m.MsgID != "dead-7" {
		t.Errorf("omitted %q, %d bytes, id %s", got, len(m.Data), m.MsgID)
	}
	if said := log.String(); !strings.Contains(said, "letter=1 subject=ims.request.demo.copy-image reason=invalid problems=0 key=34xtxk7ro2o2qzmo5o3kyx4rze") {
		t.Errorf("the log does not name the letter: %s", said)
	}
	small.most = 10
	if err := d.Store(t.Context(), l, Verdict{Reason: ReasonInvalid}); !errors.Is(err, broker.ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}
