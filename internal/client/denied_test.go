package client

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/messages"
)

const users = `
authorization { users: [
	{ user: admin, password: pw }
	{ user: blind, password: pw, permissions: { publish: [ "ims.event.>", "$JS.API.INFO" ], subscribe: [ "_INBOX.>" ] } }
	{ user: reader, password: pw, permissions: { publish: [ "$JS.API.STREAM.INFO.*", "$JS.API.STREAM.NAMES" ], subscribe: [ "_INBOX.>" ] } }
	{ user: publisher, password: pw, permissions: { publish: [ "ims.request.demo.copy-image" ], subscribe: [ "_INBOX.>" ] } }
] }`

// guarded starts a broker that asks who comes, with all streams, and returns who may come how.
func guarded(t *testing.T) func(user, password string) (*Client, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte(users), 0o600); err != nil {
		t.Fatal(err)
	}
	inside, err := broker.StartInside(broker.InsideOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", ConfigFile: file, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(inside.Stop)
	dial := func(user, password string) (*Client, error) {
		cfg := testConfig
		cfg.NATS.URL, cfg.NATS.User, cfg.NATS.Password = config.Secret(inside.URL()), user, config.Secret(password)
		c, err := Dial(t.Context(), cfg)
		if err == nil {
			t.Cleanup(c.Close)
		}
		return c, err
	}
	admin, err := dial("admin", "pw")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.conn.Apply(t.Context(), Expected(testConfig, Others{}).Streams); err != nil {
		t.Fatal(err)
	}
	return dial
}

// TestDenied: whoever lacks a right is told which, at once, whatever was asked.
func TestDenied(t *testing.T) {
	t.Parallel()
	dial := guarded(t)
	asks := map[string]struct {
		user, want string
		ask        func(context.Context, *Client) error
	}{
		"list":        {"blind", "STREAM.NAMES", func(ctx context.Context, c *Client) error { _, err := c.Requests(ctx, Filter{}); return err }},
		"list_reader": {"reader", "STREAM.MSG.GET", func(ctx context.Context, c *Client) error { _, err := c.Requests(ctx, Filter{}); return err }},
		"get": {"reader", "STREAM.MSG.GET", func(ctx context.Context, c *Client) error {
			_, err := c.Request(ctx, messages.Key("demo", "/s", "a"))
			return err
		}},
		"submit":        {"blind", "ims.request.demo.copy-image", func(ctx context.Context, c *Client) error { _, err := c.Submit(ctx, request("a")); return err }},
		"submit_reader": {"reader", "ims.request.demo.copy-image", func(ctx context.Context, c *Client) error { _, err := c.Submit(ctx, request("a")); return err }},
		"dead":          {"blind", "STREAM.INFO.IMS_DEAD", func(ctx context.Context, c *Client) error { return c.DeadLetters(ctx, DeadFilter{}, nil) }},
	}
	for name, a := range asks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := dial(a.user, "pw")
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second) // less than one request may take
			defer cancel()
			if err := a.ask(ctx, c); !errors.Is(err, broker.ErrDenied) || !strings.Contains(err.Error(), a.want) {
				t.Errorf("got %v", err)
			}
			if len(c.denied.waiting) > 0 {
				t.Error("somebody still waits for refusals")
			}
		})
	}
}

// TestSubmitWithOneRight: who may publish one operation, and may not even look at the queue, may submit it.
func TestSubmitWithOneRight(t *testing.T) {
	t.Parallel()
	c, err := guarded(t)("publisher", "pw")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := c.Submit(t.Context(), request("a")); err != nil || s.Sequence != 1 {
		t.Errorf("got %+v, %v", s, err)
	}
	other := request("b")
	other.Operation = "export-image"
	if _, err := c.Submit(t.Context(), other); !errors.Is(err, broker.ErrDenied) || !strings.Contains(err.Error(), "ims.request.demo.export-image") {
		t.Errorf("another operation: got %v", err)
	}
}

// TestRefused: a broker that refuses the credentials is not one that does not run.
func TestRefused(t *testing.T) {
	t.Parallel()
	_, err := guarded(t)("admin", "t0ps3cret")
	if !errors.Is(err, broker.ErrNotConnected) || !strings.Contains(err.Error(), "refuses the credentials") ||
		strings.Contains(err.Error(), "running") || strings.Contains(err.Error(), "t0ps3cret") {
		t.Errorf("got %v", err)
	}
}
