package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// parentVariable holds the directory in which a process of the tests is to
// start another one, and to wait for its own end.
const parentVariable = "IMSWORKER_TEST_PARENT"

// parentIfAsked starts a process that never ends by itself, says its number
// and stays until it is killed or whoever started it has ended.
func parentIfAsked() {
	dir := os.Getenv(parentVariable)
	if dir == "" {
		return
	}
	p := &process{name: "child", path: "sleep", args: []string{"1000"}, log: filepath.Join(dir, "log")}
	if err := p.start(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(p.cmd.Process.Pid)
	_, _ = os.Stdin.Read(make([]byte, 1))
	p.kill()
	os.Exit(0)
}

// TestProcessesEndWithUs kills a program like this one without warning: what
// it has started does not outlive it.
func TestProcessesEndWithUs(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends them")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parent := exec.CommandContext(t.Context(), self)
	parent.Env = append(os.Environ(), parentVariable+"="+t.TempDir())
	stdin, err := parent.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdin.Close() }()
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	said, err := bufio.NewReader(out).ReadBytes('\n')
	child := filepath.Join("/proc", string(bytes.TrimSpace(said)), "stat")
	if err != nil || !runs(child) {
		t.Fatalf("it has started nothing: %q, %v", said, err)
	}
	_ = parent.Process.Kill()
	_ = parent.Wait() // it was killed: that is its error
	for end := time.Now().Add(time.Minute); runs(child); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("process %s still runs", bytes.TrimSpace(said))
		}
	}
}

// runs says whether the process of that stat file has not ended; one that
// nobody has asked for its end yet is a zombie.
func runs(stat string) bool {
	text, err := os.ReadFile(stat)
	_, state, found := bytes.Cut(text, []byte(") "))
	return err == nil && found && state[0] != 'Z'
}
