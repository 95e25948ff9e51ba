package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// brokerProcess is the hidden first argument with which this program runs
// itself as a broker: a server in a process of its own is what a worker meets.
const brokerProcess = "broker-process"

// brokerStart is how long the broker may take to start.
const brokerStart = 20 * time.Second

// child is a broker in a process of its own, with an empty store.
type child struct {
	url   string
	cmd   *exec.Cmd
	stdin io.Closer
	dir   string
}

// startBroker starts a broker; its store is removed at stop. A profile of its
// whole life is written to the file of that name, unless it is empty.
func startBroker(ctx context.Context, sync bool, profile string) (*child, error) {
	dir, err := os.MkdirTemp("", "imsworker-bench-")
	if err != nil {
		return nil, fmt.Errorf("make the broker's store: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	// Whoever stops this program stops the broker last: it ends with its input.
	c := &child{dir: dir, cmd: exec.CommandContext(context.WithoutCancel(ctx), self, brokerProcess, dir, fmt.Sprint(sync), profile)} //nolint:gosec // it runs itself
	c.cmd.Stderr, c.cmd.SysProcAttr = os.Stderr, &syscall.SysProcAttr{Setpgid: true}
	if err := c.start(); err != nil {
		_ = os.RemoveAll(dir)
		return nil, fmt.Errorf("start a broker: %w", err)
	}
	return c, nil
}

// start waits for the address that the process prints when it is ready.
func (c *child) start() error {
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	c.stdin = in
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("read its address: %w", err)
	}
	c.url = strings.TrimSpace(line)
	return nil
}

// stop ends the broker and returns the processor time that it has used.
func (c *child) stop() time.Duration {
	_ = c.stdin.Close()
	_ = c.cmd.Wait()
	_ = os.RemoveAll(c.dir)
	return c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime()
}

// serveBroker is the broker's process. It ends when its standard input does,
// so that it never outlives the one who started it.
func serveBroker(dir, sync, profile string) int {
	if profile != "" {
		finish, err := profileTo(profile)
		if err != nil {
			fmt.Fprintln(os.Stderr, "broker:", err)
			return 1
		}
		defer func() { _ = finish() }()
	}
	s, err := server.NewServer(&server.Options{
		ServerName: "bench", Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: filepath.Join(dir, "store"), SyncAlways: sync == "true",
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "broker:", err)
		return 1
	}
	s.Start()
	if !s.ReadyForConnections(brokerStart) || !s.JetStreamEnabled() {
		fmt.Fprintln(os.Stderr, "broker: not ready within", brokerStart)
		return 1
	}
	fmt.Println(s.ClientURL())
	_, _ = io.Copy(io.Discard, os.Stdin)
	s.Shutdown()
	s.WaitForShutdown()
	return 0
}
