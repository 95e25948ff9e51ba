package check

import (
	"os"
	"strings"
	"testing"
	"time"
)

// unit returns the assignments of a unit's file; later ones of a name stand behind earlier ones.
func unit(t *testing.T, file string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../systemd/" + file)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			settings[name] = append(settings[name], value)
		}
	}
	return settings
}

// The unit's settings are ones that the worker takes, alone and with the drop-in.
func TestUnitSettings(t *testing.T) {
	for _, files := range [][]string{{"imsworker.service"}, {"imsworker.service", "hooks.conf"}} {
		env := map[string]string{}
		for _, file := range files {
			for _, assignment := range unit(t, file)["Environment"] {
				name, value, _ := strings.Cut(assignment, "=")
				env[name] = strings.ReplaceAll(value, "%d", "/run/credentials/imsworker.service")
			}
		}
		c := load(t, env, func(string) string { return "content" })
		stop, err := time.ParseDuration(unit(t, "imsworker.service")["TimeoutStopSec"][0] + "s")
		if err != nil || stop <= c.Drain+stopRest {
			t.Errorf("it is killed after %s, stopping may take %s: %v", stop, c.Drain+stopRest, err)
		}
		if !c.IsInside() {
			t.Error("its broker is not inside")
		}
	}
}

// A secret is a credential or stands in a file that only the service reads, never in the unit.
func TestUnitCredential(t *testing.T) {
	drop := unit(t, "hooks.conf")
	name, _, _ := strings.Cut(drop["LoadCredential"][0], ":")
	for _, assignment := range drop["Environment"] {
		if variable, value, _ := strings.Cut(assignment, "="); strings.HasSuffix(variable, "_TOKEN_FILE") && value != "%d/"+name {
			t.Errorf("%s is no credential of the unit", value)
		}
	}
}
