package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/fakecloud"
)

// asCommand in the environment makes the test binary the real one.
const asCommand = "TEST_AS_COMMAND"

// commandIn puts an imsworker that is this very program into a directory, so that shells find it there.
func commandIn(t *testing.T, dir string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "imsworker")
	script := fmt.Sprintf("#!/bin/sh\n%s=1 exec '%s' \"$@\"\n", asCommand, self)
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil { //nolint:gosec // it is to be run
		t.Fatal(err)
	}
	return path
}

// step is one command of a transcript, and what it is said to print.
type step struct{ command, want string }

// transcript reads the console blocks of a section.
func transcript(t *testing.T, file, section string) (steps []step) {
	t.Helper()
	text, err := os.ReadFile(file) //nolint:gosec // of the repository
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(text), "\n## "+section+"\n")
	if !found {
		t.Fatalf("%s has no section %q", file, section)
	}
	story, _, _ := strings.Cut(after, "\n## ")
	for _, block := range regexp.MustCompile("(?s)```console\n(.*?)```").FindAllStringSubmatch(story, -1) {
		for _, part := range strings.Split("\n"+block[1], "\n$ ")[1:] {
			command, want, _ := strings.Cut(part, "\n")
			steps = append(steps, step{command, want})
		}
	}
	return steps
}

// masks are what differs between two nights. Jobs of the fake take seconds, so what is told in between may be there or not.
var masks = []struct{ what, with string }{
	{`(?m)^.* progress .*\n`, ""},
	{`(?m)^.* attempt \d  (accepted|submitted)  .*\n`, ""}, // whoever watches may come after it
	{`\d{4}-\d\d-\d\d`, "DATE"},
	{`\d\d:\d\d:\d\dZ`, "TIME"},
	{`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`, "ID"},
	{`\b[0-9a-f]{32}\b`, "JOB"},
	{`\b(\d+(\.\d+)?(ms|[dhms]))+\b`, "AGE"},
	{`asked (once|\d+ times)`, "asked"},
	{`  +`, "  "},
}

func masked(text string) string {
	for _, m := range masks {
		text = regexp.MustCompile(m.what).ReplaceAllString(text, m.with)
	}
	return strings.TrimSpace(text)
}

// shell runs a line as a person would, and returns all that is printed.
func (p *plant) shell(line string) string {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), "sh", "-c", line)
	cmd.Env = append(os.Environ(), "PATH="+p.dir+":"+os.Getenv("PATH"), "IMSWORKER_NATS_URL=nats://"+p.nats, "IMSWORKER_SHARDS=2",
		"IMSWORKER_CLOUDS_FILE="+filepath.Join(p.dir, "clouds.yaml"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("$ %s\n%v\n%s", line, err, out)
	}
	return string(out)
}

// tell runs a step. What only looks is asked until it shows what it should: a person would not have come before.
func (p *plant) tell(s step) (got string, same bool) {
	p.t.Helper()
	looks := strings.HasPrefix(s.command, "imsworker requests ls") || strings.HasPrefix(s.command, "imsworker requests get")
	for deadline := time.Now().Add(crashPatience); ; time.Sleep(50 * time.Millisecond) {
		got = p.shell(s.command)
		if same = masked(got) == masked(s.want); same || !looks || time.Now().After(deadline) {
			return got, same
		}
	}
}

// TestNight runs the transcript in the runbook, command by command, in a shell.
func TestNight(t *testing.T) {
	t.Parallel()
	p := newPlant(t, "", false)
	p.binary = commandIn(t, p.dir)
	soon := fakecloud.Duration(20 * time.Second)
	err := p.fake.Decide(fakecloud.DemoCloud,
		fakecloud.Outcome{Call: "CreateWholeImage", Count: 1, Code: "IMG.0182", Reason: "The vault has no space left.", Run: soon},
		fakecloud.Outcome{Call: "CreateWholeImage", Count: 1, Run: soon})
	if err != nil {
		t.Fatal(err)
	}
	worker := p.start("")
	steps := transcript(t, "../../docs/runbook.md", "A night's story")
	if len(steps) < 7 {
		t.Fatalf("%d steps are no story", len(steps))
	}
	for _, s := range steps {
		if got, same := p.tell(s); !same {
			t.Fatalf("$ %s\ngot\n%s\nthe runbook says\n%s", s.command, masked(got), masked(s.want))
		}
	}
	p.end(worker)
}
