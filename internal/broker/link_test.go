package broker

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestAwayInWords: what is asked while the connection is down says so.
func TestAwayInWords(t *testing.T) {
	t.Parallel()
	i := startInside(t)
	c := dial(t, Options{URL: i.URL()})
	stream := testStream(t, c, "away", nil)
	i.Stop()
	eventually(t, "the loss to be noticed", func() bool { return !c.Connected() })
	for what, ask := range map[string]func(context.Context) error{
		"put": func(ctx context.Context) error {
			_, err := c.Put(ctx, stream, Message{Subject: "test.away.a"})
			return err
		},
		"read": func(ctx context.Context) error { _, err := c.Last(ctx, stream, "test.away.a"); return err },
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if err := ask(ctx); !errors.Is(err, errAway) || !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "buffer") {
			t.Errorf("%s: got %v", what, err)
		}
		cancel()
	}
}

// TestTryEndsWithTheConnection: an answer that cannot come any more is not
// waited for.
func TestTryEndsWithTheConnection(t *testing.T) {
	t.Parallel()
	i := startInside(t)
	c := dial(t, Options{URL: i.URL()})
	if _, err := c.nc.SubscribeSync("test.silent"); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := c.request(t.Context(), time.Hour, nats.NewMsg("test.silent"))
		failed <- err
	}()
	eventually(t, "the question to be there", func() bool { return c.nc.Stats().InMsgs > 0 })
	i.Stop()
	select {
	case err := <-failed:
		if !errors.Is(err, errAway) {
			t.Errorf("got %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("still waited for")
	}
}
