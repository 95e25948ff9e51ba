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
		"sweep_calls_per_job sweep_delay_ratio_p95 poller10s_calls_per_job poller10s_delay_ratio_p95 poller1s_calls_per_job poller1s_delay_ratio_p95": {
			name: "stress", run: stress{flight: 10, plain: map[time.Duration]int{10 * time.Second: 2, time.Second: 2}, factor: 300, watched: 5 * time.Minute}.run,
		},
		"real_calls_per_job real_delay_ratio_p95": {name: "real", run: usedUp{factor: 300, watched: 6 * time.Minute}.run},
		"few_calls_per_job few_delay_ratio_p95 nosweep_calls_per_job nosweep_delay_p95_of_duration": {
			name: "few", run: few{jobs: 3, accounts: 1, rounds: 1, factor: 300}.run,
		},
		"copies_429 copies_makespan_ratio copies_not_succeeded":       {name: "copies", run: copies{requests: 3, allowed: believed, factor: 300, prefix: "copies"}.run},
		"halved_429_ratio halved_makespan_ratio halved_not_succeeded": {name: "halved", run: copies{requests: 3, allowed: 2, factor: 300, prefix: "halved"}.run},
		"progress_429 progress_longest_unasked_seconds progress_delay_p95_to_median": {
			name: "show_progress", run: showProgress{flight: 10, factor: 3000, warm: time.Hour, watched: time.Hour}.run,
		},
		"bulk_peak_rss_mib bulk_legs_per_second bulk_amiss": {name: "bulk", run: bulk{images: 10, targets: 4, factor: 300}.run},
		"request_bytes_waiting record_bytes_under_way record_bytes_ended events_bytes_ended events_per_request dead_letter_bytes broker_heap_per_record broker_heap_per_event": {
			name: "sizing", run: sizing{requests: 10, jobs: 2 * time.Minute, subjects: 100, factor: 300, quiet: time.Millisecond}.run,
		},
		"fairness_slots_ahead": {name: "fairness", run: fairness{bulk: 10, rounds: 2, factor: 100}.run},
		"takeover_seconds lease_seconds takeover_queries_of_budget": {name: "takeover", run: takeover{
			pair: pair{clouds: 16, requests: 160, lease: 3 * time.Second}, watch: 100 * time.Millisecond,
		}.run},
		"list_100k_seconds list_100k_rss_mib get_milliseconds": {name: "list", run: list{pair: pair{clouds: 16, requests: 160}, lists: 1, gets: 2}.run},
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
			if text := out.String(); strings.Contains(text, "figure bulk_amiss ") && !strings.Contains(text, "figure bulk_amiss 0 ") {
				t.Errorf("a bulk went amiss:\n%s", text)
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
	if _, err := choose("nonsense"); err == nil || !strings.Contains(err.Error(), "lifecycles, memory, admission, stress") {
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

func TestIdeal(t *testing.T) {
	t.Parallel()
	begin := time.Unix(1000, 0)
	var ends []ending
	for n := range 5 {
		at := begin.Add(time.Duration(n) * time.Second)
		ends = append(ends, ending{begin: at, end: at.Add(time.Minute)})
	}
	if got := ideal(ends, 2); got != 2*copyWindow+time.Minute {
		t.Errorf("five jobs of a minute, two at a time: %s", got)
	}
}

func TestUnasked(t *testing.T) {
	t.Parallel()
	begin := time.Unix(1000, 0)
	ends := []ending{{job: "a", begin: begin, end: begin.Add(time.Hour)}}
	calls := []call{{job: "a", at: begin.Add(50 * time.Minute)}, {job: "a", at: begin.Add(20 * time.Minute)}, {job: "b", at: begin}}
	if got := unasked(ends, calls, begin); got != 30*time.Minute {
		t.Errorf("longest: %s", got)
	}
	if got := unasked(ends, calls, begin.Add(51*time.Minute)); got != 0 {
		t.Errorf("longest of what ended later: %s", got)
	}
}

func TestRatio(t *testing.T) {
	t.Parallel()
	end := time.Unix(1000, 0)
	for duration, bound := range map[time.Duration]time.Duration{10 * time.Second: 2 * time.Second, 200 * time.Second: 6 * time.Second, 2 * time.Hour: time.Minute} {
		if got := (ending{begin: end.Add(-duration), end: end, told: end.Add(bound)}).ratio(); got != 1 {
			t.Errorf("%s: a delay of %s is %v of the bound", duration, bound, got)
		}
	}
}
