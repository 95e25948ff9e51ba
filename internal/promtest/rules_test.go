package promtest_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/imsworker/imsworker/internal/promtest"
)

// alerts are those that are shipped.
func alerts(t *testing.T) []promtest.Rule {
	t.Helper()
	var all []promtest.Rule
	for _, r := range promtest.Rules(t, promtest.RulesFile(t, 2)) {
		if r.Alert != "" {
			all = append(all, r)
		}
	}
	if len(all) == 0 {
		t.Fatal("there are no alerts")
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// cases are the tests of promtool.
type cases struct {
	Tests []struct {
		Name string `yaml:"name"`
		Expr []struct {
			Expr    string                    `yaml:"expr"`
			Samples []struct{ Labels string } `yaml:"exp_samples"`
		} `yaml:"promql_expr_test"`
		Alert []struct {
			Name  string `yaml:"alertname"`
			Fired []any  `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
	}
}

// TestEveryAlertIsTried: in promtool's tests each alert fires in a case of its
// own, and is looked at and silent in another.
func TestEveryAlertIsTried(t *testing.T) {
	t.Parallel()
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, file := range []string{"imsworker.rules.test.yml", "imsworker.slow.test.yml"} {
		var tests cases
		if err := yaml.Unmarshal([]byte(read(t, filepath.Join("../../deployments/prometheus", file))), &tests); err != nil {
			t.Fatal(err)
		}
		for _, c := range tests.Tests {
			name, how, _ := strings.Cut(c.Name, " ")
			fired, looked := false, false
			for _, e := range c.Expr {
				if strings.Contains(e.Expr, `"`+name+`"`) && strings.HasPrefix(e.Expr, "ALERTS{") {
					looked = true
					for _, s := range e.Samples {
						fired = fired || strings.Contains(s.Labels, `alertstate="firing"`)
					}
				}
			}
			for _, a := range c.Alert {
				fired = fired || a.Name == name && len(a.Fired) > 0
			}
			switch {
			case strings.HasPrefix(how, "fires") && fired:
				fires[name] = true
			case strings.HasPrefix(how, "is silent") && looked && !fired:
				silent[name] = true
			case strings.HasPrefix(how, "fires"), strings.HasPrefix(how, "is silent"):
				t.Errorf("%s: %q does not show what it says", file, c.Name)
			}
		}
	}
	for _, r := range alerts(t) {
		if !fires[r.Alert] || !silent[r.Alert] {
			t.Errorf("%s: a case in which it fires: %v; one beside it in which it is silent: %v; it needs both", r.Alert, fires[r.Alert], silent[r.Alert])
		}
	}
}

// TestEveryAlertIsProduced: there is a story in which the real worker makes it
// fire, in virtual time or with a broker of its own.
func TestEveryAlertIsProduced(t *testing.T) {
	t.Parallel()
	told := map[string]bool{}
	for _, m := range regexp.MustCompile(`fires\("(\w+)"`).FindAllStringSubmatch(read(t, "../simulate/alerts_test.go")+read(t, "../notify/alerts_test.go"), -1) {
		told[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`\.tell\((.*)\)`).FindAllStringSubmatch(read(t, "../app/alerts_test.go"), -1) {
		for name := range strings.SplitSeq(m[1], ", ") {
			told[strings.Trim(name, `"`)] = true
		}
	}
	for _, r := range alerts(t) {
		if !told[r.Alert] {
			t.Errorf("%s: none of the alerts_test.go of internal/simulate, internal/notify and internal/app has a worker that makes it fire", r.Alert)
		}
	}
}

// TestEveryAlertTellsAPerson: how bad it is, what, where and what to run, and
// the section of the runbook, which has all its parts.
func TestEveryAlertTellsAPerson(t *testing.T) {
	t.Parallel()
	runbook := read(t, "../../docs/runbook.md")
	for _, r := range alerts(t) {
		if s := r.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s: severity %q", r.Alert, s)
		}
		if r.Annotations["summary"] == "" || len(r.Annotations["description"]) < 100 || !regexp.MustCompile(`imsworker [a-z]|curl|log`).MatchString(r.Annotations["description"]) {
			t.Errorf("%s: its description names no command", r.Alert)
		}
		want := "https://github.com/imsworker/imsworker/blob/main/docs/runbook.md#" + strings.ToLower(r.Alert)
		if r.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url is %q, want %q", r.Alert, r.Annotations["runbook_url"], want)
		}
		_, section, found := strings.Cut(runbook, "\n## "+r.Alert+"\n")
		if section, _, _ = strings.Cut(section, "\n## "); !found {
			t.Errorf("%s: docs/runbook.md has no section", r.Alert)
			continue
		}
		for _, part := range []string{"**Means.**", "**Look", "**Ends.**"} {
			if !strings.Contains(section, part) {
				t.Errorf("%s: its section in docs/runbook.md lacks %s", r.Alert, part)
			}
		}
	}
}

// TestInhibitionsNameAlerts: a name with a typing mistake would silence nothing.
func TestInhibitionsNameAlerts(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, r := range alerts(t) {
		known[r.Alert] = true
	}
	var config struct {
		Rules []struct {
			Source []string `yaml:"source_matchers"`
			Target []string `yaml:"target_matchers"`
		} `yaml:"inhibit_rules"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "../../deployments/prometheus/alertmanager.yml")), &config); err != nil {
		t.Fatal(err)
	}
	if len(config.Rules) == 0 {
		t.Error("nothing is silenced by its cause")
	}
	for _, r := range config.Rules {
		for _, m := range append(r.Source, r.Target...) {
			_, names, _ := strings.Cut(strings.Trim(m, `'`), `"`)
			names = strings.NewReplacer("Imsworker(", "", ")", "", `"`, "").Replace(names)
			for name := range strings.SplitSeq(names, "|") {
				if !known["Imsworker"+strings.TrimPrefix(name, "Imsworker")] {
					t.Errorf("inhibit rule %s: there is no alert %q", m, name)
				}
			}
		}
	}
}
