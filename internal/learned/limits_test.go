package learned_test

import (
	"encoding/json"
	"log/slog"
	"maps"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/learned"
	"github.com/imsworker/imsworker/internal/pace"
)

// TestLimitsAreStored beside the durations, for the next owner; a version that
// knows none reads durations of nothing.
func TestLimitsAreStored(t *testing.T) {
	t.Parallel()
	conn := brokertest.Connect(t, 1)
	d := learned.New(conn, slog.New(slog.DiscardHandler))
	if d.RecallLimits("demo") != nil {
		t.Error("knows something of nothing")
	}
	want := map[string]budget.Memory{"creates/copy": {Count: 15, Window: 5 * time.Minute, Takes: 7, Patience: 4, Since: time.Now().Round(0).UTC()}}
	d.KeepLimits("demo", want)
	d.Keep("demo", "copy-image", taught(time.Minute))
	if err := d.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := learned.New(conn, slog.New(slog.DiscardHandler))
	follow(t, next)
	if got := next.RecallLimits("demo"); !maps.Equal(got, want) || next.RecallLimits("other") != nil {
		t.Errorf("%+v, want %+v", got, want)
	}
	m, err := conn.Last(t.Context(), broker.StreamState, "ims.pace.demo.limits")
	if model := (&pace.Model{}); err != nil || json.Unmarshal(m.Data, model) != nil || model.Knows() {
		t.Errorf("%s, %v", m.Data, err)
	}
}

// TestLimitsOfALaterVersion are left where they are, what makes no sense is
// learned anew.
func TestLimitsOfALaterVersion(t *testing.T) {
	t.Parallel()
	conn := brokertest.Connect(t, 1)
	const later, broken = `{"v":2,"limits":[]}`, `{"v":1,"limits":"all"}`
	for cloud, data := range map[string]string{"later": later, "broken": broken} {
		if _, err := conn.Put(t.Context(), broker.StreamState, broker.Message{Subject: broker.PacePrefix + cloud + ".limits", Data: []byte(data)}); err != nil {
			t.Fatal(err)
		}
	}
	d := learned.New(conn, slog.New(slog.DiscardHandler))
	follow(t, d)
	for cloud, want := range map[string]string{"later": later, "broken": `{"v":1,"limits":{}}`} {
		if d.RecallLimits(cloud) != nil {
			t.Errorf("%s: knows something", cloud)
		}
		d.KeepLimits(cloud, map[string]budget.Memory{})
		if err := d.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if m, err := conn.Last(t.Context(), broker.StreamState, "ims.pace."+cloud+".limits"); err != nil || string(m.Data) != want {
			t.Errorf("%s: %s, %v", cloud, m.Data, err)
		}
	}
}
