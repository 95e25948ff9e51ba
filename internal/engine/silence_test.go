package engine_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/engine"
	"github.com/imsworker/imsworker/internal/ledger"
)

// look is what the collector shows of the engine at this moment, all series of a
// metric together.
func (w *world) look(name string) float64 {
	w.t.Helper()
	synctest.Wait()
	reg := prometheus.NewPedanticRegistry()
	reg.MustRegister(engine.NewCollector(engine.NewMetrics(prometheus.NewRegistry(), []string{"demo"}, handlers.Names()), func() []*engine.Engine { return []*engine.Engine{w.engine} }))
	return only{reg, name}.sum(w.t)
}

// only is one metric of a registry.
type only struct {
	prometheus.Gatherer

	name string
}

func (o only) sum(t *testing.T) (sum float64) {
	t.Helper()
	families, err := o.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == o.name {
				sum += m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func (w *world) wantShown(when, name string, want float64) {
	w.t.Helper()
	if got := w.look(name); got != want {
		w.t.Errorf("%s: %s is %v, want %v", when, name, got, want)
	}
}

// TestOvertimeIsShown: a request is late behind its deadline, and stuck once it
// has had twice its time, until it ends.
func TestOvertimeIsShown(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.job = running
		w.start()
		key := w.request("slow", func(r *ledger.Record) { r.Deadline = time.Now().Add(20 * time.Minute) })
		for _, at := range []struct {
			when        string
			wait        time.Duration
			late, stuck float64
		}{
			{"before the deadline", 19 * time.Minute, 0, 0}, {"behind the deadline", 2 * time.Minute, 1, 0},
			{"before twice its time", 18 * time.Minute, 1, 0}, {"behind twice its time", 2 * time.Minute, 1, 1},
		} {
			time.Sleep(at.wait)
			w.wantShown(at.when, "imsworker_requests_late", at.late)
			w.wantShown(at.when, "imsworker_requests_stuck", at.stuck)
		}
		w.cloud.mu.Lock()
		w.cloud.job = succeeded
		w.cloud.mu.Unlock()
		w.expect(key, "accepted submitted late succeeded")
		w.wantShown("at the end", "imsworker_requests_late", 0)
	})
}

// TestSilenceIsShown: a cloud that answers no question about a job is silent
// from the first one that was due, until it answers one or nothing is followed.
func TestSilenceIsShown(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.job = running
		w.start()
		w.request("first", nil)
		time.Sleep(10 * time.Minute)
		w.wantShown("while it answers", "imsworker_cloud_silent_seconds", 0)
		job := func(answer func(int) reply) {
			w.cloud.mu.Lock()
			defer w.cloud.mu.Unlock()
			w.cloud.job = answer
		}
		job(func(int) reply { return refusal(503, "") })
		time.Sleep(20 * time.Minute)
		if s := w.look("imsworker_cloud_silent_seconds"); s < 15*60 || s > 20*60 {
			t.Errorf("silent for %v s after 20 min", s)
		}
		job(running)
		time.Sleep(5 * time.Minute)
		w.wantShown("when it answers again", "imsworker_cloud_silent_seconds", 0)
		job(func(int) reply { return refusal(503, "") })
		time.Sleep(5 * time.Minute)
		job(succeeded)
		time.Sleep(10 * time.Minute)
		w.wantShown("when nothing is followed", "imsworker_cloud_silent_seconds", 0)
	})
}

// TestRefusedCredentialsAreShown as long as the cloud refuses them and the
// engine lives: the next owner finds out by itself.
func TestRefusedCredentialsAreShown(t *testing.T) {
	t.Parallel()
	run(t, func(w *world) {
		w.cloud.create = func(int) reply { return refusal(401, "") }
		w.registry = prometheus.NewRegistry()
		w.start()
		paused := only{w.registry, "imsworker_paused"}
		w.wantShown("at first", "imsworker_credentials_refused", 0)
		w.request("refused", nil)
		time.Sleep(time.Minute)
		w.wantShown("while they are refused", "imsworker_credentials_refused", 1)
		if n := paused.sum(t); n != 1 {
			t.Errorf("paused is %v while the credentials are refused", n)
		}
		w.end()
		if n := paused.sum(t); n != 0 {
			t.Errorf("paused is %v although nobody works the shard", n)
		}
		w.registry = prometheus.NewRegistry()
		w.start()
	})
}
