package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is one program that is started, ended and started again, and killed
// when this one ends. Its methods may be called from any goroutine.
type process struct {
	name string
	path string
	args []string
	env  []string
	log  string // file of everything that it says, over all its lives

	mu    sync.Mutex
	cmd   *exec.Cmd // nil while it does not run
	ended chan struct{}
	fell  []string // ends that nobody wanted
}

// start starts it; one that runs is left alone.
func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		return nil
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	defer func() { _ = log.Close() }()     // the process has its own
	cmd := exec.Command(p.path, p.args...) //nolint:gosec,noctx // what was built here; kill ends it, or our own end
	cmd.Env, cmd.Stdout, cmd.Stderr = p.env, log, log
	cmd.SysProcAttr = apart()
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	p.cmd, p.ended = cmd, make(chan struct{})
	go p.watch(cmd, p.ended)
	return nil
}

// watch notes an end that nobody asked for.
func (p *process) watch(cmd *exec.Cmd, ended chan struct{}) {
	err := cmd.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	defer close(ended)
	if p.cmd == cmd {
		p.cmd = nil
		p.fell = append(p.fell, fmt.Sprintf("%s ended by itself: %v", p.name, err))
	}
}

// kill ends it as kill -9 does, and waits until it is gone.
func (p *process) kill() {
	if ended := p.end(syscall.SIGKILL); ended != nil {
		<-ended
	}
}

// stop ends it as a service manager does; one that does not obey is killed.
func (p *process) stop(patience time.Duration) error {
	p.mu.Lock()
	cmd := p.cmd
	p.mu.Unlock()
	ended := p.end(syscall.SIGTERM)
	if ended == nil {
		return nil
	}
	select {
	case <-ended:
	case <-time.After(patience):
		_ = cmd.Process.Kill()
		<-ended
		return fmt.Errorf("%s did not stop within %s", p.name, patience)
	}
	if code := cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("%s stopped with exit code %d", p.name, code)
	}
	return nil
}

// end sends the signal that is to end it; what it returns is closed then. Nil
// if it does not run.
func (p *process) end(signal syscall.Signal) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return nil
	}
	_ = p.cmd.Process.Signal(signal)
	p.cmd = nil
	return p.ended
}

// signal sends a signal if it runs.
func (p *process) signal(signal syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		_ = p.cmd.Process.Signal(signal)
	}
}

// fallen lists the ends that nobody wanted.
func (p *process) fallen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.fell...)
}

// environment is ours without the worker's variables, and with those given.
func environment(more ...string) []string {
	var env []string
	for _, each := range os.Environ() {
		if !strings.HasPrefix(each, "IMSWORKER_") && !strings.HasPrefix(each, "OS_") {
			env = append(env, each)
		}
	}
	return append(env, more...)
}
