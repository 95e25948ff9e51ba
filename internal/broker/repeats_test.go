package broker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

// TestNakWithoutDelayWaitsLonger: a handler that cannot succeed is called again
// after times that grow, without having chosen any.
func TestNakWithoutDelayWaitsLonger(t *testing.T) {
	t.Parallel()
	c := connect(t)
	stream := queue(t, c, "nak", time.Minute)
	told, err := c.nc.SubscribeSync("$JS.ACK." + stream + ".>")
	if err != nil {
		t.Fatal(err)
	}
	_, messages := subscribe(t, c, SubscriberOptions{Stream: stream, AckWait: time.Minute})
	mustPut(t, c, stream, Message{Subject: "test.nak.a"})
	for _, most := range []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond} {
		receive(t, messages).Nack()
		answer, err := told.NextMsg(5 * time.Second)
		if err != nil {
			t.Fatal(err)
		}
		var delay time.Duration
		if _, err := fmt.Sscanf(string(answer.Data), `-NAK {"delay": %d}`, &delay); err != nil || delay < most/2 || delay > most {
			t.Errorf("got %q, %v, want a delay of %s to %s", answer.Data, err, most/2, most)
		}
	}
}

func TestNakDelay(t *testing.T) {
	t.Parallel()
	for deliveries, want := range map[uint64]time.Duration{
		0: 100 * time.Millisecond, 1: 100 * time.Millisecond, 2: 200 * time.Millisecond, 7: 6400 * time.Millisecond,
		8: 10 * time.Second, 1 << 60: 10 * time.Second,
	} {
		if got := nakDelay(deliveries); got != want {
			t.Errorf("%d deliveries: %s, want %s", deliveries, got, want)
		}
	}
}

func TestWarnRepeats(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	fails := errors.New("the ledger is full")
	handle := WarnRepeats(slog.New(slog.NewTextHandler(&log, nil)), func(*message.Message) error { return fails })
	for n := range uint64(200) {
		h := &handed{Delivery: Delivery{Subject: "ims.inbox.0.request.demo.copy-image", StreamSequence: 7, Deliveries: n + 1}}
		if err := handle(h.message(t.Context(), nil)); !errors.Is(err, fails) {
			t.Fatalf("got %v", err)
		}
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	h := &handed{Delivery: Delivery{Deliveries: 5}}
	_ = handle(h.message(stopped, nil))
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines, want those of deliveries 5, 100 and 200:\n%s", len(lines), log.String())
	}
	for i, n := range []string{"deliveries=5 ", "deliveries=100 ", "deliveries=200 "} {
		for _, want := range []string{"level=WARN", n, "demo.copy-image", "the ledger is full"} {
			if !strings.Contains(lines[i], want) {
				t.Errorf("line %q does not say %q", lines[i], want)
			}
		}
	}
}
