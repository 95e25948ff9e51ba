package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// programs are the real binary as tests need it, by its build tags. Each is
// built once for all of them: linking takes seconds.
var programs = struct {
	sync.Mutex
	dir   string
	built map[string]func() (string, error)
}{built: map[string]func() (string, error){}}

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(run())
	}
	code := m.Run()
	if programs.dir != "" {
		_ = os.RemoveAll(programs.dir) // what is left is in a temporary directory
	}
	os.Exit(code)
}

// buildCrashing builds the real binary with its crash points.
func buildCrashing(t *testing.T) string {
	t.Helper()
	return build(t, "crashpoints")
}

// build builds the real binary with build tags.
func build(t *testing.T, tags string) string {
	t.Helper()
	programs.Lock()
	if programs.built[tags] == nil {
		programs.built[tags] = sync.OnceValues(func() (string, error) { return link(tags) })
	}
	built := programs.built[tags]
	programs.Unlock()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func link(tags string) (string, error) {
	programs.Lock()
	dir, err := programs.dir, error(nil)
	if dir == "" {
		dir, err = os.MkdirTemp("", "imsworker-test-")
		programs.dir = dir
	}
	programs.Unlock()
	if err != nil {
		return "", fmt.Errorf("make a directory for programs: %w", err)
	}
	path := filepath.Join(dir, "imsworker-"+tags)
	cmd := exec.Command("go", "build", "-tags", tags, "-o", path, ".") //nolint:gosec,noctx // tags of our own; it serves tests that outlive the first
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build: %w\n%s", err, out)
	}
	return path, nil
}
