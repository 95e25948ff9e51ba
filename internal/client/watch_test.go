package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// says is news in a word.
func says(n News) string {
	text := n.Summary.ID + " " + n.Summary.State
	if n.Bulk != "" {
		text = fmt.Sprintf("leg %d %s", n.Leg, n.Summary.State)
	}
	if n.Summary.Attempt > 1 {
		text += fmt.Sprintf(" (%d)", n.Summary.Attempt)
	}
	return text
}

// TestWatch: what is there is told first, then what comes, each once; it ends
// when the newest attempts of all have ended.
func TestWatch(t *testing.T) {
	t.Parallel()
	c := streams(t)
	put := func(id string, state ledger.State) {
		r := record(request(id))
		r.State = state
		if err := ledger.New(c.conn, broker.ShardOf("demo", 2)).Create(t.Context(), r); err != nil {
			t.Error(err)
		}
	}
	put("a", ledger.Parked)
	put("c", ledger.Accepted)
	tell(t, c, request("b"), 1, messages.StateAccepted)
	tell(t, c, request("b"), 1, messages.StateFailed)
	tell(t, c, request("c"), 1, messages.StateAccepted)
	news := map[string]func(){
		"c accepted": func() { // the last that is told at the start
			tell(t, c, request("stranger"), 1, messages.StateAccepted)
			tell(t, c, request("a"), 1, messages.StateSubmitted)
			tell(t, c, request("a"), 1, messages.StateProgress)
			tell(t, c, request("c"), 1, messages.StateFailed)
			tell(t, c, request("c"), 2, messages.StateAccepted)
			tell(t, c, request("a"), 1, messages.StateSucceeded)
		},
		"a succeeded": func() { tell(t, c, request("c"), 2, messages.StateCancelled) },
	}
	var told []string
	keyOf := func(id string) string { return messages.Key("demo", "/test", id) }
	err := c.Watch(t.Context(), Watching{Keys: []string{keyOf("a"), keyOf("b")}, Filter: &Filter{States: []string{"accepted"}}, Legs: true}, func(n News) {
		told = append(told, says(n))
		if next := news[says(n)]; next != nil {
			next()
		}
	})
	want := "a parked, b failed, c accepted, a submitted, a progress, c failed, c accepted (2), a succeeded, c cancelled (2)"
	if got := strings.Join(told, ", "); err != nil || got != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

func TestWatchLegs(t *testing.T) {
	t.Parallel()
	c := streams(t)
	bulk := messages.Request{Identity: messages.Identity{Source: "/test", ID: "bulk"}, Cloud: "demo", Operation: messages.OperationBulkCopy}
	key := messages.Key("demo", "/test", "bulk")
	leg := func(cloud string, index int) messages.Request {
		return messages.Request{Identity: messages.LegIdentity("demo", key, 1, index, messages.StageCopy), Cloud: cloud, Operation: "copy-image"}
	}
	for _, r := range []messages.Request{bulk, leg("demo", 0)} {
		r := record(r)
		r.State = ledger.Submitted
		if err := ledger.New(c.conn, 0).Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	var told []string
	err := c.Watch(t.Context(), Watching{Keys: []string{key}, Legs: true}, func(n News) {
		if told = append(told, says(n)); len(told) == 2 {
			tell(t, c, leg("other", 1), 1, messages.StateAccepted)
			tell(t, c, leg("demo", 0), 1, messages.StateSucceeded)
			tell(t, c, bulk, 1, messages.StateBatchCompleted)
		}
	})
	want := "bulk submitted, leg 0 submitted, leg 1 accepted, leg 0 succeeded, bulk batch-completed"
	if got := strings.Join(told, ", "); err != nil || got != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

// TestWatchOverRestart goes on where it was when the broker has been away.
func TestWatchOverRestart(t *testing.T) {
	t.Parallel()
	options := broker.InsideOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)}
	inside, err := broker.StartInside(options)
	if err != nil {
		t.Fatal(err)
	}
	options.Listen = strings.TrimPrefix(inside.URL(), "nats://")
	cfg := testConfig
	cfg.NATS.URL = config.Secret(inside.URL())
	dial := func() *Client {
		c, err := Dial(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	watching := dial()
	if _, err := watching.conn.Apply(t.Context(), Expected(testConfig, Others{}).Streams); err != nil {
		t.Fatal(err)
	}
	tell(t, watching, request("a"), 1, messages.StateAccepted)
	began, done := make(chan struct{}, 9), make(chan error, 1)
	var told []string
	go func() {
		done <- watching.Watch(t.Context(), Watching{Keys: []string{messages.Key("demo", "/test", "a")}}, func(n News) {
			told = append(told, says(n))
			began <- struct{}{}
		})
	}()
	<-began
	inside.Stop()
	if inside, err = broker.StartInside(options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(inside.Stop)
	tell(t, dial(), request("a"), 1, messages.StateSucceeded)
	if err := <-done; err != nil || strings.Join(told, ", ") != "a accepted, a succeeded" {
		t.Errorf("told %v, %v", told, err)
	}
}

func TestWatchEnds(t *testing.T) {
	t.Parallel()
	c := streams(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := c.Watch(ctx, Watching{Keys: []string{"never"}}, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := c.Watch(t.Context(), Watching{Filter: &Filter{}}, nil); err != nil {
		t.Errorf("nothing to watch: %v", err)
	}
	w := &watch{known: map[string]*watched{"k": {}}}
	stop := make(chan error, 1)
	w.unheardOf(func(err error) { stop <- err })
	if err := <-stop; !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "key k") {
		t.Errorf("got %v", err)
	}
}
