//go:build rules

package promtest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/promtest"
)

// begin is a virtual time: long ago, for nothing of the storage may depend on
// ours.
var begin = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// TestAlertStorage puts two replicas' scrapes at virtual times and asks for
// what they show, for what is recorded of them, and for how long it held.
func TestAlertStorage(t *testing.T) {
	t.Parallel()
	s := promtest.New(t)
	one, two := promtest.Target{Job: "imsworker", Instance: "a:1"}, promtest.Target{Job: "imsworker", Instance: "b:1"}
	for minute := range 31 {
		at := begin.Add(time.Duration(minute) * time.Minute)
		s.Scraped(at, one, fmt.Sprintf("# TYPE imsworker_x counter\nimsworker_x_total{cloud=\"demo\"} %d\nimsworker_plain 4\ngo_threads 1\n", minute))
		if minute < 20 {
			s.Scraped(at, two, "imsworker_plain 3\n")
		} else {
			s.Missed(at, two)
		}
	}
	rules := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(rules, []byte("groups: [{name: g, rules: [{record: job:plain:sum, expr: sum by (job) (imsworker_plain)}]}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := s.Open(rules, time.Minute)
	for expr, want := range map[string]string{
		`imsworker_x_total`:                `[{__name__="imsworker_x_total",cloud="demo",instance="a:1",job="imsworker"} 10]`,
		`sum by (job) (imsworker_plain)`:   `[{job="imsworker"} 7]`,
		`job:plain:sum`:                    `[{__name__="job:plain:sum",job="imsworker"} 7]`,
		`increase(imsworker_x_total[10m])`: `[{cloud="demo",instance="a:1",job="imsworker"} 10]`,
		`go_threads`:                       `[]`,
		`count(up == 1)`:                   `[{} 2]`,
		`absent(up{job="imsworker"} == 5)`: `[{} 1]`,
		`vector(time()) > bool 1000000000`: `[{} 0]`,
	} {
		if got := fmt.Sprint(p.Query(expr, begin.Add(10*time.Minute))); got != want {
			t.Errorf("%s is %s, want %s", expr, got, want)
		}
	}
	if at := begin.Add(25 * time.Minute); !p.Holds("up == 0", "imsworker", at.Add(-4*time.Minute), at, time.Minute) || p.Holds("up == 0", "imsworker", at.Add(-8*time.Minute), at, time.Minute) {
		t.Error("it is not seen for how long a target was away")
	}
}
