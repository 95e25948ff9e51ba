package engine_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/engine"
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

func TestPausedMetric(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	m := engine.NewMetrics(reg, []string{"demo"}, []string{"copy-image"})
	m.Hold("demo", "copy-image", true)
	m.Hold("demo", "", true)
	m.Hold("demo", "", false)
	want := "# HELP imsworker_paused 1 while nothing new is submitted to the cloud; goes to 1 when somebody pauses the cloud (operation all) or one operation there, or (all) when the cloud refuses the credentials.\n" +
		"# TYPE imsworker_paused gauge\nimsworker_paused{cloud=\"demo\",operation=\"all\"} 0\nimsworker_paused{cloud=\"demo\",operation=\"copy-image\"} 1\n"
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "imsworker_paused"); err != nil {
		t.Error(err)
	}
}
