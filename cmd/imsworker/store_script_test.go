package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// shop is a directory with a store, and with programs that stand before the
// system's own for the script of the store.
type shop struct {
	t   *testing.T
	dir string
}

// newShop has a service that systemd is about to start again: it runs, though
// is-active says that it does not.
func newShop(t *testing.T) shop {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the script and the unit are for Linux")
	}
	s := shop{t, t.TempDir()}
	s.write("disk/store/message", "kept")
	s.program("systemctl", `case $1 in is-active) echo activating; exit 3 ;; *) echo "$1" >>"$SHOP/asked" ;; esac`)
	return s
}

func (s shop) path(name string) string { return filepath.Join(s.dir, name) }

func (s shop) write(name, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.path(name), []byte(text), 0o700); err != nil { //nolint:gosec // programs are to be run
		s.t.Fatal(err)
	}
}

func (s shop) program(name, text string) {
	s.t.Helper()
	s.write("bin/"+name, "#!/usr/bin/env bash\n"+text+"\n")
}

func (s shop) read(name string) string {
	text, err := os.ReadFile(s.path(name))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// run runs the script over a store of that name.
func (s shop) run(ctx context.Context, store, verb string) (string, error) {
	cmd := exec.CommandContext(ctx, "../../deployments/systemd/imsworker-store", verb, s.path("file.tar.gz")) //nolint:gosec // ours
	cmd.Env = append(os.Environ(), "STORE="+s.path(store), "SHOP="+s.dir, "REAL="+os.Getenv("PATH"), "PATH="+s.path("bin")+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// tidy says what must be so however the script has ended: the service was
// stopped and started again over a store, and nothing half done is left.
func (s shop) tidy(message string) {
	s.t.Helper()
	if got := s.read("disk/store/message"); got != message {
		s.t.Errorf("the store has %q, want %q", got, message)
	}
	if asked := strings.Fields(s.read("asked")); len(asked) == 0 || len(asked)%2 != 0 || asked[0] != "stop" || asked[len(asked)-1] != "start" {
		s.t.Errorf("asked of systemd: %v", asked)
	}
	for _, pattern := range []string{".imsworker-*", "disk/.imsworker-*", "*.part"} {
		if left, err := filepath.Glob(s.path(pattern)); err != nil || len(left) > 0 {
			s.t.Errorf("left: %v, %v", left, err)
		}
	}
}

// A store on another disk, behind a link, is backed up itself and not its link.
func TestStoreBehindALink(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	if err := os.Symlink("disk/store", s.path("link")); err != nil {
		t.Fatal(err)
	}
	if out, err := s.run(t.Context(), "link", "backup"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.write("disk/store/message", "later")
	if out, err := s.run(t.Context(), "link", "restore"); err != nil || !strings.Contains(out, s.path("disk/store.before-")) {
		t.Fatalf("%v: %s", err, out)
	}
	s.tidy("kept")
	if to, err := os.Readlink(s.path("link")); err != nil || to != "disk/store" {
		t.Errorf("the link leads to %q, %v", to, err)
	}
}

// Whatever the script is cut off in, the service is started again, and over
// the store that it had.
func TestStoreScriptCutOff(t *testing.T) {
	t.Parallel()
	for verb, cuts := range map[string]map[string]string{
		"backup": {
			"cp":   `kill -TERM $PPID`,
			"tar":  `PATH=$REAL tar "$@"; kill -TERM $PPID`,
			"sync": `exit 1`,
		},
		"restore": {
			"tar": `[ "$1" = -tzf ] || kill -TERM $PPID; PATH=$REAL exec tar "$@"`,
			"mv":  `case $1 in */.imsworker-restore.*) exit 1 ;; *) PATH=$REAL exec mv "$@" ;; esac`,
		},
	} {
		for name, text := range cuts {
			t.Run(verb+"_"+name, func(t *testing.T) {
				t.Parallel()
				s := newShop(t)
				if verb == "restore" {
					if out, err := s.run(t.Context(), "disk/store", "backup"); err != nil {
						t.Fatalf("%v: %s", err, out)
					}
				}
				s.write("disk/store/message", "later")
				s.program(name, text)
				if out, err := s.run(t.Context(), "disk/store", verb); err == nil {
					t.Errorf("nothing is said: %s", out)
				}
				s.tidy("later")
			})
		}
	}
}
