package promtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// Rule is one alert of a file of rules.
type Rule struct {
	Alert         string            `yaml:"alert"`
	Record        string            `yaml:"record"`
	Expr          string            `yaml:"expr"`
	For           Duration          `yaml:"for"`
	KeepFiringFor Duration          `yaml:"keep_firing_for"`
	Labels        map[string]string `yaml:"labels"`
	Annotations   map[string]string `yaml:"annotations"`
}

// Duration is one as Prometheus writes it, as far as Go writes it so too.
type Duration time.Duration

// UnmarshalYAML reads a duration.
func (d *Duration) UnmarshalYAML(node *yaml.Node) error {
	parsed, err := time.ParseDuration(node.Value)
	*d = Duration(parsed)
	return err
}

// RulesFile is the path of the rules that are shipped, seen from a package that
// many directories below the top of the repository.
func RulesFile(t testing.TB, below int) string {
	t.Helper()
	path := "deployments/prometheus/imsworker.rules.yml"
	for range below {
		path = filepath.Join("..", path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// Rules reads a file of rules, alerts and what is recorded.
func Rules(t testing.TB, path string) []Rule {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("read rules: %v", err)
	}
	var file struct {
		Groups []struct{ Rules []Rule }
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatalf("read rules: %v", err)
	}
	var all []Rule
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// Alert is the alert of that name.
func Alert(t testing.TB, rules []Rule, name string) Rule {
	t.Helper()
	for _, r := range rules {
		if r.Alert == name {
			return r
		}
	}
	t.Fatalf("there is no alert %s", name)
	return Rule{}
}

// Metrics are the worker's metrics that rules look at.
func Metrics(rules []Rule) (names []string) {
	for _, r := range rules {
		for _, name := range regexp.MustCompile(`(^|[^:\w])(imsworker_\w+)`).FindAllStringSubmatch(r.Expr, -1) {
			names = append(names, name[2])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Fires reports whether an alert would fire for a job at that time: whether its
// expression has held for as long as the rule wants.
func (s *Server) Fires(r Rule, job string, at time.Time, step time.Duration) bool {
	s.t.Helper()
	return s.Holds(r.Expr, job, at.Add(-time.Duration(r.For)), at, step)
}
