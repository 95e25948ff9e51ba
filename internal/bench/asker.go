package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// askerProcess is the hidden first argument with which this program runs
// itself to run a command and measure it. The kernel's account of a process
// begins with the memory of the one that has started it, so that has to be
// small.
const askerProcess = "asker-process"

// effort is what a command took.
type effort struct {
	Wall, User, System time.Duration
	KiB                int64 // at its largest
	Bytes, Lines       int   // of its output
}

func (e effort) seconds() float64   { return e.Wall.Seconds() }
func (e effort) processor() float64 { return (e.User + e.System).Seconds() }
func (e effort) mebibytes() float64 { return float64(e.KiB) / 1024 }

// asker runs commands of a program.
type asker struct {
	program string
	env     []string
}

// ask runs one command whose output goes to a pipe.
func (a asker) ask(ctx context.Context, args ...string) (e effort, err error) {
	self, err := os.Executable()
	if err != nil {
		return e, fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, append([]string{askerProcess, a.program}, args...)...) //nolint:gosec // it runs itself
	cmd.Env = append(os.Environ(), a.env...)
	var told, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &told, &said
	if err := cmd.Run(); err != nil {
		return e, fmt.Errorf("run %v: %w: %s", args, err, said.Bytes())
	}
	if err := json.Unmarshal(told.Bytes(), &e); err != nil {
		return e, fmt.Errorf("read what %v took: %w", args, err)
	}
	return e, nil
}

// measureCommand is the process that runs a command, and prints what it took.
func measureCommand(args []string) int {
	var seen counter
	cmd := exec.CommandContext(context.Background(), args[0], args[1:]...) //nolint:gosec // what this program asks of itself
	cmd.Stdout, cmd.Stderr = &seen, os.Stderr
	begun := time.Now()
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	e := effort{Wall: time.Since(begun), User: cmd.ProcessState.UserTime(), System: cmd.ProcessState.SystemTime(), Bytes: seen.bytes, Lines: seen.lines}
	usage, known := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !known {
		fmt.Fprintln(os.Stderr, errors.New("this system does not tell what a process takes"))
		return 1
	}
	e.KiB = int64(usage.Maxrss) //nolint:unconvert // it is narrower on some systems
	text, err := json.Marshal(e)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_, _ = os.Stdout.Write(text)
	return 0
}

// counter takes an output and keeps nothing of it.
type counter struct{ bytes, lines int }

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	c.bytes += len(p)
	c.lines += bytes.Count(p, []byte{'\n'})
	return len(p), nil
}
