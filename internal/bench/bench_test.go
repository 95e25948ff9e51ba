package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if code, asked := serveIfAsked(); asked {
		os.Exit(code)
	}
	goleak.VerifyTestMain(m)
}

// TestScenarios runs each scenario in small and looks for its figures.
func TestScenarios(t *testing.T) {
	t.Parallel()
	small := map[string]scenario{
		"writes_per_lifecycle floor_same_writes_r1 floor_3_writes_r1 worker_r1 ratio_same_writes_r1 ratio_3_writes_r1 " +
			"writes_per_lifecycle_r1_sync floor_same_writes_r1_sync floor_3_writes_r1_sync worker_r1_sync ratio_same_writes_r1_sync ratio_3_writes_r1_sync": {
			name: "lifecycles", run: lifecycles{clouds: 2, flight: 8, rounds: 1, window: 50 * time.Millisecond}.run,
		},
		"bytes_per_request_in_flight":                          {name: "memory", run: memory{requests: 320}.run},
		"admit_cost_ratio_100k_to_1k bytes_per_waiting_record": {name: "admission", run: admission{few: 100, many: 1000, admitted: 100, rounds: 1}.run},
		"takeover_seconds lease_seconds takeover_queries_of_budget": {name: "takeover", run: takeover{
			pair: pair{clouds: 16, requests: 160, lease: 3 * time.Second}, watch: 100 * time.Millisecond,
		}.run},
		"handover_seconds":                      {name: "handover", run: handover{pair: pair{clouds: 16, requests: 160, lease: 3 * time.Second}}.run},
		"polls_per_second poll_lateness_p99_ms": {name: "polls", run: polls{requests: 160, wait: 50 * time.Millisecond, window: 200 * time.Millisecond}.run},
	}
	for figures, s := range small {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			if err := s.run(t.Context(), &bench{out: &out}); err != nil {
				t.Fatal(err)
			}
			for name := range strings.FieldsSeq(figures) {
				if !strings.Contains(out.String(), "\nfigure "+name+" ") {
					t.Errorf("no figure %s in\n%s", name, &out)
				}
			}
		})
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	if all, err := choose(""); err != nil || len(all) != len(scenarios) {
		t.Errorf("got %d scenarios, %v; want all", len(all), err)
	}
	if one, err := choose("polls"); err != nil || len(one) != 1 || one[0].name != "polls" {
		t.Errorf("got %v, %v; want polls", one, err)
	}
	if _, err := choose("nonsense"); err == nil || !strings.Contains(err.Error(), "lifecycles, memory, admission, polls") {
		t.Errorf("got %v, want the names that exist", err)
	}
}

func TestPlanOf(t *testing.T) {
	t.Parallel()
	for writes := 3; writes < 12; writes++ {
		p := planOf(writes)
		if p.writes() != writes || p.before[0] != create || p.after[len(p.after)-1] != tell || p.events() > 3 {
			t.Errorf("%d writes: %v", writes, p)
		}
	}
	if threeWrites.writes() != 3 {
		t.Errorf("the least has %d writes", threeWrites.writes())
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for value, want := range map[float64]string{0: "0", 0.7123: "0.712", 8: "8.00", 52.61: "52.6", 8660.4: "8660"} {
		if got := number(value); got != want {
			t.Errorf("%v: got %s, want %s", value, got, want)
		}
	}
}

func TestMiddle(t *testing.T) {
	t.Parallel()
	if got := median([]float64{3, 1, 2}); got != 2 {
		t.Errorf("median of three: %v", got)
	}
	if got := median([]float64{4, 1, 2, 3}); got != 2.5 {
		t.Errorf("median of four: %v", got)
	}
	if got := percentile([]int{1, 2, 3, 4}, 1); got != 4 {
		t.Errorf("the most: %v", got)
	}
	if got := median(nil) + percentile([]float64{}, 0.5); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestCloudNames(t *testing.T) {
	t.Parallel()
	names := cloudNames(2 * shards)
	if len(names) != 2*shards || names[0] == names[1] {
		t.Errorf("got %v", names)
	}
}
