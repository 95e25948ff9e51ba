package learned_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/learned"
	"github.com/imsworker/imsworker/internal/pace"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// follow learns what is stored, as a process that starts does.
func follow(t *testing.T, d *learned.Durations) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_ = d.Follow(ctx, cancel)
}

// taught is a Model that has seen some jobs of that duration.
func taught(d time.Duration) *pace.Model {
	m := &pace.Model{}
	for range 10 {
		m.Learn(d)
	}
	return m
}

func TestDurationsAreStored(t *testing.T) {
	t.Parallel()
	conn := brokertest.Connect(t, 1)
	d := learned.New(conn, slog.New(slog.DiscardHandler))
	if _, known := d.Recall("demo", "copy-image"); known {
		t.Error("knows something of nothing")
	}
	first, model := taught(time.Hour), taught(3*time.Minute)
	d.Keep("demo", "copy-image", first)
	d.Keep("demo", "copy-image", model)
	model.Learn(time.Hour) // is not seen by Keep any more
	d.Keep("demo", "export-image", taught(time.Minute))
	if err := d.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := learned.New(conn, slog.New(slog.DiscardHandler))
	follow(t, next)
	got, known := next.Recall("demo", "copy-image")
	if !known || !got.Knows() || got.Quantile(0.99) > 4*time.Minute || got.Quantile(0.01) < 2*time.Minute {
		t.Errorf("%v: %s", known, got.Quantile(0.5))
	}
	if _, known := next.Recall("other", "copy-image"); known {
		t.Error("knows another cloud")
	}
	if m, err := conn.Last(t.Context(), broker.StreamState, "ims.pace.demo.copy-image"); err != nil || len(m.Data) > 4096 {
		t.Errorf("%d bytes, %v", len(m.Data), err)
	}
}

// TestBadDurationsAreIgnored: what makes no sense is learned anew, what a later
// version has stored is left where it is.
func TestBadDurationsAreIgnored(t *testing.T) {
	t.Parallel()
	conn := brokertest.Connect(t, 1)
	put := func(operation, data string) {
		t.Helper()
		if _, err := conn.Put(t.Context(), broker.StreamState, broker.Message{Subject: broker.PacePrefix + "demo." + operation, Data: []byte(data)}); err != nil {
			t.Fatal(err)
		}
	}
	const later = `{"v":2,"shape":"weibull","weights":[1,2]}`
	put("copy-image", later)
	put("export-image", `{"v":1,"weights":{"9999":1}}`)
	var log bytes.Buffer
	d := learned.New(conn, slog.New(slog.NewTextHandler(&log, nil)))
	follow(t, d)
	for _, operation := range []string{"copy-image", "export-image"} {
		if _, known := d.Recall("demo", operation); known || !strings.Contains(log.String(), "ims.pace.demo."+operation) {
			t.Errorf("%s: %v, log %s", operation, known, log.String())
		}
		d.Keep("demo", operation, taught(time.Minute))
	}
	if err := d.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if m, err := conn.Last(t.Context(), broker.StreamState, "ims.pace.demo.copy-image"); err != nil || string(m.Data) != later {
		t.Errorf("%s, %v", m.Data, err)
	}
	if m, err := conn.Last(t.Context(), broker.StreamState, "ims.pace.demo.export-image"); err != nil || json.Unmarshal(m.Data, &pace.Model{}) != nil {
		t.Errorf("%s, %v", m.Data, err)
	}
}

// refusing is a store whose writes fail, after they were done or before.
type refusing struct {
	*broker.Conn
	lost, after bool
}

var errLost = errors.New("no answer")

func (r *refusing) Put(ctx context.Context, stream string, m broker.Message) (uint64, error) {
	if !r.lost {
		return r.Conn.Put(ctx, stream, m)
	}
	if r.after {
		if _, err := r.Conn.Put(ctx, stream, m); err != nil {
			return 0, err
		}
	}
	return 0, errLost
}

// TestWriteThatFails is done again with the next, in both halves of failing.
func TestWriteThatFails(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]bool{"nothing_happened": false, "answer_lost": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := &refusing{Conn: brokertest.Connect(t, 1), lost: true, after: after}
			d := learned.New(conn, slog.New(slog.DiscardHandler))
			d.Keep("demo", "copy-image", taught(time.Minute))
			if err := d.Flush(t.Context()); !errors.Is(err, errLost) {
				t.Errorf("%v", err)
			}
			conn.lost = false
			if err := d.Flush(t.Context()); err != nil {
				t.Error(err)
			}
			next := learned.New(conn, slog.New(slog.DiscardHandler))
			follow(t, next)
			if m, known := next.Recall("demo", "copy-image"); !known || !m.Knows() {
				t.Error("not stored")
			}
		})
	}
}

// TestWrite stores what it is given until it is stopped.
func TestWrite(t *testing.T) {
	t.Parallel()
	conn := brokertest.Connect(t, 1)
	d := learned.New(conn, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); d.Write(ctx) }()
	d.Keep("demo", "copy-image", taught(time.Minute))
	reader := learned.New(conn, slog.New(slog.DiscardHandler))
	go func() { _ = reader.Follow(ctx, func() {}) }()
	for {
		if _, known := reader.Recall("demo", "copy-image"); known {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	<-done
}
