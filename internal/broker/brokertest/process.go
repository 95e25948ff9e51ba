package brokertest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/internal/broker"
)

// The environment of a test binary that is to be a server and nothing else.
const (
	serveDir    = "BROKERTEST_SERVE_DIR"
	serveListen = "BROKERTEST_SERVE_LISTEN"
)

// ServeIfAsked makes this process a server, for ever, when Process started it.
// TestMain calls it before anything else.
func ServeIfAsked() {
	dir := os.Getenv(serveDir)
	if dir == "" {
		return
	}
	inside, err := broker.StartInside(broker.InsideOptions{Dir: dir, Listen: os.Getenv(serveListen)})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(inside.URL())
	_, _ = io.Copy(io.Discard, os.Stdin) // ends with the test, however that ends
	os.Exit(0)
}

// Process is a server in a process of its own, which can be killed.
type Process struct {
	t      testing.TB
	dir    string
	listen string
	cmd    *exec.Cmd
	stdin  io.Closer
	url    string
}

// StartProcess starts a server without streams by running the test's binary
// once more, whose TestMain must call ServeIfAsked. It ends with the test.
func StartProcess(t testing.TB) *Process {
	t.Helper()
	p := &Process{t: t, dir: t.TempDir(), listen: "127.0.0.1:0"}
	p.Start()
	t.Cleanup(p.Kill)
	return p
}

// URL is the address of the server; it stays the same over restarts.
func (p *Process) URL() string { return p.url }

// Kill ends the process as kill -9 does, and waits until it is gone.
func (p *Process) Kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.stdin.Close()
	_ = p.cmd.Wait() // it was killed: that is its error
	p.cmd = nil
}

// Start starts a killed server again, on the same store and address, and waits
// until it serves.
func (p *Process) Start() {
	p.t.Helper()
	cmd := exec.Command(os.Args[0]) //nolint:gosec,noctx // the test itself; Kill ends it
	cmd.Env = append(os.Environ(), serveDir+"="+p.dir, serveListen+"="+p.listen)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		p.t.Fatalf("start broker: %v", err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatalf("start broker: %v", err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatalf("start broker: %v", err)
	}
	p.cmd, p.stdin = cmd, stdin
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		p.Kill()
		p.t.Fatalf("the broker did not start: %v", err)
	}
	p.url = strings.TrimSpace(url)
	p.listen = strings.TrimPrefix(p.url, "nats://")
}
