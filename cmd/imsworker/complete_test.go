package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestComplete asks as the shells do, without a broker, with a clouds.yaml and without.
func TestComplete(t *testing.T) {
	t.Setenv("IMSWORKER_NATS_URL", "nats://127.0.0.1:1")
	for name, tc := range map[string]struct {
		line string
		want []string // all of them, or the first ones where the last is …
		how  string
	}{
		"commands":          {"dea", []string{"dead"}, ":4"},
		"operations":        {"submit copy", []string{"copy-image", "copy-image-cross-region"}, ":4"},
		"one operation":     {"submit copy-image ", nil, ":4"},
		"clouds":            {"submit copy-image --cloud ", []string{"east", "west"}, ":4"},
		"second of a list":  {"requests ls --cloud east,w", []string{"east,west"}, ":4"},
		"pause":             {"pause e", []string{"east"}, ":4"},
		"states":            {"requests ls --state rej", []string{"rejected"}, ":4"},
		"reasons":           {"requests ls --reason not", []string{"not_before", "not_found"}, ":4"},
		"dead reasons":      {"dead replay --reason unknown", []string{"unknown_cloud", "unknown_operation"}, ":4"},
		"dead status":       {"dead ls --status ", []string{"dropped", "open", "replayed"}, ":4"},
		"forms":             {"limits -o ", []string{"json", "table", "wide", "yaml"}, ":4"},
		"codes":             {"explain img.013", []string{"IMG.0130", "IMG.0131", "…"}, ":4"},
		"resolve":           {"requests resolve --as ", []string{"done", "not-done", "resubmit"}, ":4"},
		"files":             {"submit copy-image -f ", []string{"json"}, ":8"},
		"rules":             {"backup-rules test --rules ", []string{"yaml", "yml"}, ":8"},
		"state of the fake": {"fake --state ", []string{"json"}, ":8"},
		"its clouds":        {"fake --cloud ", nil, ":4"},
		"no files":          {"submit copy-image --id ", nil, ":4"},
		"no files for keys": {"requests get ", nil, ":4"},
		"shells":            {"completion z", []string{"zsh"}, ":4"},
	} {
		t.Run(name, func(t *testing.T) {
			cloudsFile(t, "clouds:\n"+entry("east")+entry("west"))
			if got, how := completed(t, tc.line); how != tc.how || !slices.Equal(got, tc.want) && !begins(got, tc.want) {
				t.Errorf("got %q %s, want %q %s", got, how, tc.want, tc.how)
			}
		})
	}
	t.Setenv("IMSWORKER_CLOUDS_FILE", filepath.Join(t.TempDir(), "none.yaml"))
	if got, how := completed(t, "pause "); len(got) != 0 || how != ":4" {
		t.Errorf("without clouds.yaml: got %q %s", got, how)
	}
}

func entry(name string) string {
	return "  " + name + ":\n    profile: otc\n    region_name: eu-de\n    auth: { auth_url: 'https://iam." + name + ".example/v3', project_id: 0123456789abcdef0123456789abcdef, ak: a, sk: s }\n    imsworker: {}\n"
}

func begins(got, want []string) bool {
	n := len(want) - 1
	return n >= 0 && want[n] == "…" && len(got) > n && slices.Equal(got[:n], want[:n])
}

// completed are the values that are offered at the end of a line, without their descriptions, and the word for what the shell does.
func completed(t *testing.T, line string) (values []string, how string) {
	t.Helper()
	code, out, errOut := call(t, "", append([]string{"__complete"}, strings.Split(line, " ")...)...)
	if code != exitDone {
		t.Fatalf("got %d, %q, %q", code, out, errOut)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for _, l := range lines[:len(lines)-1] {
		value, _, _ := strings.Cut(l, "\t")
		values = append(values, value)
	}
	return values, lines[len(lines)-1]
}

// TestCompletionScripts are of all shells, and there is none for others.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range sortedNames(shells) {
		if code, out, _ := call(t, "", "completion", shell); code != exitDone || !strings.Contains(out, "imsworker") || len(out) < 1000 {
			t.Errorf("%s: got %d, %d bytes", shell, code, len(out))
		}
	}
	if code, _, errOut := call(t, "", "completion", "cmd.exe"); code != exitUsage || !strings.Contains(errOut, "cmd.exe") {
		t.Errorf("got %d, %q", code, errOut)
	}
}
