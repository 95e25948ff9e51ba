package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReadmeFromLaptopToCluster does what the README says, word for word, in a
// copy of the tree, up to where an engine for containers would be needed.
func TestReadmeFromLaptopToCluster(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the binary and runs many processes")
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(readme), "\n## From laptop to cluster\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(section, -1)
	if len(blocks) != 2 {
		t.Fatalf("the section has %d blocks of commands, want 2", len(blocks))
	}
	script, wanted := "set -euo pipefail\n"+blocks[0][1]+blocks[1][1], []string{"on-one-host", "on-a-cluster"}
	if os.Getenv("LONG") != "" { // two more starts of the cluster take minutes on a machine that does other things too
		script += restoreOfCluster
		wanted = append(wanted, "held back by the restored pause", "images of the request: 1\n", "cancelled")
	}
	out := literally(t, copyOfTree(t), script)
	for _, want := range wanted {
		if !strings.Contains(out, want) {
			t.Errorf("no word of %s in\n%s", want, out)
		}
	}
	if n := strings.Count(out, "succeeded"); n < 3 { // two submissions, and the list of the second
		t.Errorf("%d times succeeded in\n%s", n, out)
	}
}

// restoreOfCluster goes on with the cluster of the README as docs/operations.md says: a backup of one node in a pause, then all
// three stores are lost and get that backup. A request that was worked between the two has its image and waits again.
const restoreOfCluster = `
set -- $(jobs -p)     # the fake cloud, three nodes, two workers
end() { for shell; do kill $(cat /proc/$shell/task/$shell/children); wait $shell || true; done; }
seen() { as operator bin/imsworker requests ls > data/list && grep -q "$1.*in-between" data/list; }
as operator bin/imsworker pause demo
echo '{"image_id": "465076de-dc36-4aec-80f5-ef9d8009428f", "name": "in-between"}' | as operator bin/imsworker submit copy-image --cloud demo --id in-between
kill $3; wait $3 || true
cp -a data/nats-2 data/backup
node 2 >> data/nats-2.log 2>&1 & second=$!
as operator bin/imsworker resume demo
until seen succeeded; do sleep 1; done
end $5 $6
kill -KILL $2 $second $4
rm -rf data/nats-[123]
for n in 1 2 3; do cp -a data/backup data/nats-$n; node $n >> data/nats-$n.log 2>&1 & done
until seen 'accepted, paused'; do sleep 1; done
for n in 1 2; do IMSWORKER_INSTANCE=worker-$n IMSWORKER_HTTP_LISTEN=127.0.0.1:809$n as worker bin/imsworker serve & done
until curl -fsS http://127.0.0.1:8091/readyz http://127.0.0.1:8092/readyz; do sleep 1; done
seen 'accepted, paused' && echo held back by the restored pause
echo images of the request: $(bin/imsworker rebuild demo | grep -c in-between)
as operator bin/imsworker requests cancel --cloud demo --id in-between --wait
as operator bin/imsworker resume demo
`

// copyOfTree copies what belongs to the repository, as it is now.
func copyOfTree(t *testing.T) string {
	t.Helper()
	top, dir := said(t, "", nil, "git", "rev-parse", "--show-toplevel"), t.TempDir()
	for name := range strings.SplitSeq(said(t, top, nil, "git", "ls-files", "--cached", "--others", "--exclude-standard"), "\n") {
		text, err := os.ReadFile(filepath.Join(top, name)) //nolint:gosec // files of our own
		if os.IsNotExist(err) {
			continue // removed and not yet committed
		}
		if err == nil {
			err = os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o700) //nolint:gosec // scripts among them
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// literally runs a script and returns what it printed, and ends all that it has
// started.
func literally(t *testing.T, dir, script string) string {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script) //nolint:gosec // out of our README
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second // those in the background hold the output open
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var err error
	select {
	case err = <-ended:
	case <-time.After(7 * time.Minute):
		t.Error("the commands did not end")
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if err != nil && !strings.Contains(err.Error(), "WaitDelay") {
		t.Errorf("ended with %v:\n%s", err, out.String())
	}
	return out.String()
}
