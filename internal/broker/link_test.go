package broker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
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

// TestAnswersFindTheirAskers: many requests at once get each its own answer,
// nobody's answer comes at once as such, and nothing of them is kept.
func TestAnswersFindTheirAskers(t *testing.T) {
	t.Parallel()
	c := connect(t)
	if _, err := c.nc.Subscribe("test.echo", func(m *nats.Msg) { _ = m.Respond(m.Data) }); err != nil {
		t.Fatal(err)
	}
	var asking sync.WaitGroup
	for i := range 50 {
		asking.Go(func() {
			want := fmt.Sprint(i)
			m, err := c.request(t.Context(), time.Minute, &nats.Msg{Subject: "test.echo", Data: []byte(want)})
			if err != nil || string(m.Data) != want {
				t.Errorf("asked %s, got %v, %v", want, m, err)
			}
		})
	}
	asking.Wait()
	if _, err := c.request(t.Context(), time.Minute, nats.NewMsg("test.nobody")); !errors.Is(err, nats.ErrNoResponders) {
		t.Errorf("asked nobody: %v", err)
	}
	if _, err := c.request(t.Context(), time.Millisecond, nats.NewMsg(c.answers.prefix+"silent")); !errors.Is(err, nats.ErrTimeout) {
		t.Errorf("asked in vain: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := c.request(ended, time.Minute, nats.NewMsg("test.echo")); !errors.Is(err, context.Canceled) {
		t.Errorf("asked after the end: %v", err)
	}
	if len(c.answers.waiting) != 0 {
		t.Errorf("%d requests are still waited for", len(c.answers.waiting))
	}
}
