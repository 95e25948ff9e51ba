package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// system is a worker with a fake cloud and things to look at: a request that succeeded, one that failed, one that is unresolved,
// one that waits until tomorrow, and dead letters.
type system struct {
	*plant
	worker                   *exec.Cmd
	good, bad, lost, waiting string
	backup, rules            string
}

const (
	wholeData = `{"instance_id": "` + fakecloud.DemoServer + `", "vault_id": "` + fakecloud.DemoVault + `", "name": "whole"}`
	firstData = `{"image_id": "` + fakecloud.DemoImage + `", "name": "first"}`
)

// laterData is a request that waits longer than the test lasts.
func laterData() string {
	from := time.Now().AddDate(0, 9, 0).UTC()
	return fmt.Sprintf(`{"image_id": %q, "name": "later", "options": {"not_before": %q, "deadline": %q}}`,
		fakecloud.DemoImage, from.Format(time.RFC3339), from.AddDate(0, 1, 0).Format(time.RFC3339))
}

func newSystem(t *testing.T) *system {
	t.Helper()
	s := &system{plant: newPlant(t, "", false)}
	s.binary = commandIn(t, s.dir)
	s.settings(", horizon: 10s")
	for name, value := range map[string]string{
		"NATS_URL": "nats://" + s.nats, "SHARDS": "2", "CLOUDS_FILE": filepath.Join(s.dir, "clouds.yaml"),
	} {
		t.Setenv("IMSWORKER_"+name, value)
	}
	s.worker = s.start("")
	s.connect()
	soon := fakecloud.Duration(10 * time.Second)
	err := errors.Join(
		s.fake.Decide(fakecloud.DemoCloud,
			fakecloud.Outcome{Call: "CopyImage", Count: 1, Run: soon},
			fakecloud.Outcome{Call: "CopyImage", Count: 1, Code: "IMG.0037", Reason: "no", Run: soon}),
		s.fake.Order(fakecloud.DemoCloud, fakecloud.Fault{Call: "CreateWholeImage", Kind: fakecloud.StatusBefore, Status: 500, Count: 1}))
	if err != nil {
		t.Fatal(err)
	}
	s.lost = s.submit("lost", "create-whole-image", wholeData)
	s.good = s.submit("good", "copy-image", firstData)
	s.await("the first copy", func() bool { _, state := s.finals(s.good); return state == messages.StateSucceeded })
	s.bad = s.submit("bad", "copy-image", strings.Replace(firstData, "first", "second", 1))
	s.waiting = s.submit("waiting", "copy-image", laterData())
	s.submit("dead", "copy-image", `{}`)
	s.submit("dead too", "copy-image", `{}`)
	s.await("the failed copy", func() bool { _, state := s.finals(s.bad); return state == messages.StateFailed })
	s.await("the lost answer to be given up", func() bool { _, state := s.finals(s.lost); return state == messages.StateUnresolved })
	s.backup, s.rules = filepath.Join(s.dir, "backup.json"), filepath.Join(s.dir, "rules.yaml")
	s.write(s.backup, savedBackup)
	s.write(s.rules, "rules:\n  - match: {}\n    image: { name: \"{{ .Backup.ID }}\" }\n")
	return s
}

func (s *system) write(path, text string) {
	s.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *system) submit(id, operation, data string) string {
	s.t.Helper()
	if code, out, errOut := call(s.t, data, "submit", operation, "--cloud", "demo", "--id", id, "--no-check"); code != exitDone {
		s.t.Fatalf("submit %s: %d, %s%s", id, code, out, errOut)
	}
	return messages.Key("demo", submitSource, id)
}

// TestEveryForm runs every command that has -o against a system, and reads what it prints for scripts. A new command has to be
// added here.
func TestEveryForm(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a worker")
	}
	s := newSystem(t)
	data := strings.Replace(firstData, "first", "third", 1)
	runs := []struct {
		path, rest string // of the command; twice: it may run in each form
		stdin      string
		twice      bool
	}{
		{"version", "", "", true}, {"schema", "", "", true}, {"check", "", "", true}, {"check", "--online", "", false}, {"streams", "", "", true}, {"explain", "IMG.0182", "", true},
		{"quota", "demo", "", true}, {"limits", "", "", true}, {"limits", "demo", "", true}, {"rebuild", "demo", "", true},
		{"backup-rules test", "--cloud demo --rules " + s.rules + " -f " + s.backup, "", true},
		{"submit", "copy-image --cloud demo --dry-run", data, true}, {"submit", "copy-image --cloud demo --id new", data, false},
		{"requests ls", "", "", true}, {"requests ls", "--history --state not-succeeded", "", true}, {"requests ls", "--cloud none", "", true},
		{"requests get", s.good, "", true}, {"requests get", s.lost, "", true}, {"requests get", s.waiting, "", true},
		{"requests watch", s.good, "", true}, {"requests cancel", s.waiting, "", false}, {"requests retry", s.bad, "", false},
		{"requests resolve", s.lost + " --as not-done", "", false}, {"pause", "demo", "", false}, {"resume", "demo", "", false},
		{"dead ls", "", "", true}, {"dead get", "1", "", true}, {"dead replay", "--all --dry-run", "", true}, {"dead replay", "1", "", false},
		{"dead drop", "1", "", false}, {"dead ls", "--status dropped", "", true}, {"dead ls", "--text nowhere", "", true}, {"dead get", "1", "", true},
	}
	tried := map[string]bool{}
	for _, r := range runs {
		tried["imsworker "+r.path] = true
		for form, read := range map[string]func(*testing.T, string) int{"json": jsonValues, "yaml": yamlValues} {
			if form == "yaml" && !r.twice {
				continue
			}
			args := append(strings.Fields(r.path+" "+r.rest), "-o", form)
			code, out, errOut := call(t, r.stdin, args...)
			if code != exitDone || read(t, out) == 0 {
				t.Errorf("%q: exit code %d, %q, %q", args, code, out, errOut)
			}
		}
	}
	s.end(s.worker)
	for _, leaf := range leaves(newRoot()) {
		if hasForms(leaf) != tried[leaf.CommandPath()] {
			t.Errorf("%s: has -o: %v, is tried: %v", leaf.CommandPath(), hasForms(leaf), tried[leaf.CommandPath()])
		}
		if !hasForms(leaf) && !plainCommands[leaf.CommandPath()] {
			t.Errorf("%s has no -o", leaf.CommandPath())
		}
	}
}

// plainCommands print no values: they run until they are stopped, or print a text that has a form of its own.
var plainCommands = map[string]bool{"imsworker serve": true, "imsworker dev": true, "imsworker fake": true, "imsworker completion": true}

func hasForms(cmd *cobra.Command) bool { return cmd.Flags().Lookup("output") != nil }

// jsonValues counts the values in a text.
func jsonValues(t *testing.T, text string) (n int) {
	t.Helper()
	for d := json.NewDecoder(strings.NewReader(text)); ; n++ {
		var value any
		err := d.Decode(&value)
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			t.Errorf("no JSON: %v", err)
			return 0
		}
	}
}

func yamlValues(t *testing.T, text string) (n int) {
	t.Helper()
	for d := yaml.NewDecoder(strings.NewReader(text)); ; n++ {
		var value any
		err := d.Decode(&value)
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			t.Errorf("no YAML: %v", err)
			return 0
		}
	}
}
