package engine_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/engine"
	"github.com/imsworker/imsworker/internal/ims"
)

// TestHeldBack submits nothing of what is paused, also of what was in a queue
// already, follows what runs, and goes on.
func TestHeldBack(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.limits = map[string]budget.Limit{"copy": {Count: 1, Window: time.Minute}}
		var ended atomic.Bool
		w.cloud.job = func(n int) reply {
			if ended.Load() {
				return succeeded(n)
			}
			return running(n)
		}
		w.start()
		runs := w.request("runs", nil)
		w.expect(runs, "accepted submitted")
		queued := w.request("queued", nil) // for a slot
		synctest.Wait()
		w.held.Store("copy-image", true)
		w.engine.Hold()
		late := w.request("late", nil)
		ended.Store(true)
		w.expect(runs, "accepted submitted succeeded")
		time.Sleep(30 * time.Minute)
		w.end()
		w.start() // another owner knows it too
		time.Sleep(10 * time.Minute)
		w.wantPosts(1)
		for _, key := range []string{queued, late} {
			if got := w.events.states(key); got != "accepted" {
				t.Errorf("told %q while paused", got)
			}
		}
		w.held.Delete("copy-image")
		w.engine.Hold()
		w.expect(queued, "accepted submitted succeeded")
		w.expect(late, "accepted submitted succeeded")
		w.wantPosts(3)
	})
}

// TestHeldBackIsLate tells that a deadline passes during a pause.
func TestHeldBackIsLate(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.held.Store("copy-image", true)
		w.start()
		key := w.request("a", nil)
		w.expect(key, "accepted late")
		w.held.Delete("copy-image")
		w.engine.Hold()
		w.expect(key, "accepted late submitted succeeded")
	})
}

// TestTakenAccount: a cloud that turns out to be the account of another one when
// something is to be submitted gets nothing, and no slot of the limit is used.
func TestTakenAccount(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		var taken atomic.Bool
		taken.Store(true)
		w.limits = map[string]budget.Limit{"copy": {Count: 1, Window: time.Hour}}
		w.taken = func(context.Context, *engine.Account) (bool, error) {
			if taken.Load() {
				w.held.Store("copy-image", true)
				w.engine.Hold()
			}
			return taken.Load(), nil
		}
		w.start()
		key := w.request("a", nil)
		time.Sleep(10 * time.Minute)
		if n := len(w.cloud.creates); n != 0 {
			w.t.Errorf("%d copies", n)
		}
		taken.Store(false)
		w.held.Delete("copy-image")
		w.engine.Hold()
		time.Sleep(time.Minute)
		w.expect(key, "accepted submitted succeeded")
	})
}

// TestUnknownAccount: where the cloud does not say whose account it is, the
// submission is tried again as after any call that was not sent.
func TestUnknownAccount(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		asked := 0
		w.taken = func(context.Context, *engine.Account) (bool, error) {
			asked++
			if asked < 3 {
				return false, &ims.Error{Call: "Token", Cloud: "demo", Status: 503, NotSent: true}
			}
			return false, nil
		}
		w.start()
		w.expect(w.request("a", nil), "accepted submitted succeeded")
		if n := len(w.cloud.creates); n != 1 || asked != 3 {
			w.t.Errorf("%d copies, asked %d times", n, asked)
		}
	})
}

func TestPausedMetric(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	m := engine.NewMetrics(reg, []string{"demo"}, []string{"copy-image"})
	m.Hold("demo", "copy-image", true)
	m.Hold("demo", "", true)
	m.Hold("demo", "", false)
	want := "# HELP imsworker_paused 1 while nothing new is submitted to the cloud; goes to 1 when somebody pauses the cloud (operation all) or one operation there, or (all) when the cloud refuses the credentials or another one is the same account.\n" +
		"# TYPE imsworker_paused gauge\nimsworker_paused{cloud=\"demo\",operation=\"all\"} 0\nimsworker_paused{cloud=\"demo\",operation=\"copy-image\"} 1\n"
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "imsworker_paused"); err != nil {
		t.Error(err)
	}
}
