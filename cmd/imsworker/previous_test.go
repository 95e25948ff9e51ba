package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// buildPrevious builds the version before this one: that of the newest tag
// before this commit, or of the previous commit where there is none. In a tree
// without history there is nothing to build.
func buildPrevious(t *testing.T) string {
	t.Helper()
	commit := previousCommit(t)
	if commit == "" {
		return ""
	}
	dir := t.TempDir()
	tree, path := filepath.Join(dir, "tree"), filepath.Join(dir, "imsworker")
	if err := os.Mkdir(tree, 0o700); err != nil {
		t.Fatal(err)
	}
	top := said(t, "", nil, "git", "rev-parse", "--show-toplevel")
	said(t, top, []string{"GIT_INDEX_FILE=" + filepath.Join(dir, "index")}, "git", "--work-tree="+tree, "checkout", "--quiet", commit, "--", ".")
	said(t, tree, nil, "go", "build", "-buildvcs=false", "-o", path, "./cmd/imsworker")
	return path
}

// previousCommit is empty in a clone without history.
func previousCommit(t *testing.T) string {
	t.Helper()
	for _, args := range [][]string{{"describe", "--tags", "--abbrev=0", "HEAD^"}, {"rev-parse", "--verify", "HEAD^"}} {
		if out, err := exec.CommandContext(t.Context(), "git", args...).Output(); err == nil { //nolint:gosec // words of our own
			return strings.TrimSpace(string(out))
		}
	}
	return ""
}

// said is what a program printed.
func said(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return strings.TrimSpace(string(out))
}
