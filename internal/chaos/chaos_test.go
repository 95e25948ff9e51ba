package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/broker/nodes"
	"github.com/imsworker/imsworker/internal/ims"
)

func TestMain(m *testing.M) {
	nodes.ServeIfAsked()
	parentIfAsked()
	goleak.VerifyTestMain(m)
}

// given is an environment.
func given(env map[string]string) func(string) string {
	return func(name string) string { return env[name] }
}

func settingsOf(t *testing.T, env map[string]string) settings {
	t.Helper()
	s, err := readSettings(given(env))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSettings(t *testing.T) {
	t.Parallel()
	_, err := readSettings(given(map[string]string{"REQUESTS": "0", "BROKERS": "2", "LIMITS": "none", "LEASE": "1s", "FACTOR": "x", "NODES": "y", "CONFIG": "z"}))
	for _, want := range []string{`BROKERS is "2": want 3`, `REQUESTS is "0"`, `BROKERS is "2"`, `LIMITS is "none"`, `LEASE is "1s"`, `FACTOR is "x"`, `NODES is "y"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing: %v", want, err)
		}
	}
	if a, b := settingsOf(t, nil), settingsOf(t, nil); a.seed == 0 || a.requests != 1000 || b.brokers != 3 {
		t.Errorf("%+v", a)
	}
}

// TestSeed: the plan, the mix and the faults of a seed are always the same.
func TestSeed(t *testing.T) {
	t.Parallel()
	seven, eight := settingsOf(t, map[string]string{"SEED": "7"}), settingsOf(t, map[string]string{"SEED": "8"})
	if !reflect.DeepEqual(seven.plan(), seven.plan()) || reflect.DeepEqual(seven.plan(), eight.plan()) {
		t.Error("the plan does not follow the seed")
	}
	requests := func(s settings) (bodies []string) {
		sent, worlds, err := s.draw()
		if err != nil || len(worlds) != clouds {
			t.Fatalf("%d accounts, %v", len(worlds), err)
		}
		for _, r := range sent {
			bodies = append(bodies, r.key+string(r.body))
		}
		return bodies
	}
	if !reflect.DeepEqual(requests(seven), requests(seven)) || reflect.DeepEqual(requests(seven), requests(eight)) {
		t.Error("the requests do not follow the seed")
	}
	if !reflect.DeepEqual(faults(seven, 1), faults(seven, 1)) || reflect.DeepEqual(faults(seven, 1), faults(eight, 1)) {
		t.Error("the faults do not follow the seed")
	}
}

// TestMix: what the rows say is what the worker does, and the requests are
// sound.
func TestMix(t *testing.T) {
	t.Parallel()
	random := settingsOf(t, nil).random(chanceMix)
	for _, o := range mix {
		data, err := json.Marshal(o.data("chaos-000001", uuid(random)))
		if err != nil {
			t.Fatal(err)
		}
		op, known := handlers.Lookup(o.name)
		if !known {
			t.Errorf("there is no operation %s", o.name)
			continue
		}
		work, problems := op.Decode(data, ims.ProfileOTC)
		switch {
		case len(problems) > 0:
			t.Errorf("%s: %v", o.name, problems)
		case work.Policy().Resubmit == o.unresolved:
			t.Errorf("%s: %+v, and the row says unresolved %t", o.name, work.Policy(), o.unresolved)
		}
	}
}

// TestPlanHasEverything: every kind of deed comes, on each target, and no two
// nodes are ever away at the same time.
func TestPlanHasEverything(t *testing.T) {
	t.Parallel()
	seen := map[string]map[int]bool{}
	s := settingsOf(t, map[string]string{"WORKERS": "2"})
	var node deed
	for _, d := range s.plan() {
		if seen[d.kind] == nil {
			seen[d.kind] = map[int]bool{}
		}
		seen[d.kind][d.target] = true
		if d.kind == killNode || d.kind == isolateNode {
			if d.at < node.at+node.lasts {
				t.Errorf("%v at %s while %v at %s", d, d.at, node, node.at)
			}
			node = d
		}
	}
	for kind, targets := range map[string]int{killWorker: 2, pauseWorker: 2, cutBroker: 2, cutCloud: 2, killNode: 3, isolateNode: 3} {
		if len(seen[kind]) != targets {
			t.Errorf("%s meets %d of %d", kind, len(seen[kind]), targets)
		}
	}
}

// TestChaos runs everything once, small: real processes, one broker.
func TestChaos(t *testing.T) {
	t.Parallel()
	if os.Getenv("LONG") == "" {
		t.Skip("builds the worker and runs many processes: LONG=1 runs it; make check runs a larger one")
	}
	var out strings.Builder
	s := settingsOf(t, map[string]string{"REQUESTS": "120", "BROKERS": "1", "LEASE": "5s", "FACTOR": "50", "NODES": "20s", "FLIGHT": "15", "SEED": "3"})
	if err := run(t.Context(), s, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"figure requests 120 requests", "figure lost_requests 0 requests", killWorker, killNode, "every promise was kept"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing:\n%s", want, out.String())
		}
	}
}

// TestStopped: an end in the middle leaves nothing behind and is no broken
// promise.
func TestStopped(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out strings.Builder
	if err := run(ctx, settingsOf(t, nil), &out); err == nil || errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}
