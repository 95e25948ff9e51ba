package nodes

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Node is one server in a process of its own. Its address and its store stay
// the same over restarts. Its methods may be called from any goroutine.
type Node struct {
	config config

	mu     sync.Mutex
	cmd    *exec.Cmd // nil while it does not run
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

// NewNode describes a single server with its store in dir; its log is the file
// beside it. Start starts it.
func NewNode(dir string) (*Node, error) {
	ports, err := freePorts(1)
	if err != nil {
		return nil, err
	}
	return &Node{config: config{Name: filepath.Base(dir), Dir: dir, Port: ports[0]}}, nil
}

// freePorts returns n different ports that nobody listens on.
func freePorts(n int) ([]int, error) {
	var ports []int
	for len(ports) < n {
		address, err := FreeAddress()
		if err != nil {
			return nil, err
		}
		_, text, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		port, err := strconv.Atoi(text)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
	}
	return ports, nil
}

// Name is the server's name.
func (n *Node) Name() string { return n.config.Name }

// Address is host and port of its clients' side.
func (n *Node) Address() string { return fmt.Sprintf("127.0.0.1:%d", n.config.Port) }

// URL is the address for clients, with no proxy in between.
func (n *Node) URL() string { return "nats://" + n.Address() }

// Routes is host and port of its side for other nodes, "" where it is alone.
func (n *Node) Routes() string {
	if n.config.Routes == 0 {
		return ""
	}
	return fmt.Sprintf("127.0.0.1:%d", n.config.Routes)
}

// Start starts the server by running this program once more, whose main must
// call ServeIfAsked, and waits until clients can connect. A node that runs is
// left alone.
func (n *Node) Start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil {
		return nil
	}
	if err := n.start(); err != nil {
		return fmt.Errorf("start node %s: %w", n.config.Name, err)
	}
	return nil
}

func (n *Node) start() error {
	text, err := json.Marshal(n.config)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self) //nolint:gosec,noctx // this program itself; Kill ends it
	// The race detector's word on the server's own code stands beside its log.
	cmd.Env = append(os.Environ(), serveVariable+"="+string(text), "GORACE=log_path="+n.config.Dir+".race")
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the one who started it
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	n.cmd, n.stdin, n.stdout = cmd, stdin, bufio.NewReader(stdout)
	if line, err := n.stdout.ReadString('\n'); err != nil || !strings.Contains(line, "://") {
		n.kill()
		return fmt.Errorf("it did not come up: %q, %w", line, err)
	}
	return nil
}

// Kill ends the process as kill -9 does, and waits until it is gone. One that
// does not run is left alone.
func (n *Node) Kill() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.kill()
}

func (n *Node) kill() {
	if n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Kill()
	_ = n.stdin.Close()
	_ = n.cmd.Wait() // it was killed: that is its error
	n.cmd = nil
}
