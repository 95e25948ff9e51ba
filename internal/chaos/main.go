// Command chaos proves what the worker promises while everything goes wrong:
// real workers, broker nodes and a fake cloud, each a process of its own, are
// killed, paused and cut off from each other after a plan that a seed makes,
// the cloud loses answers and fails, and in the end an auditor compares what
// was asked for, what was told and what the cloud really did.
//
// The environment chooses: see settings. The result is a table, and each
// figure once more on a line of its own, `figure NAME VALUE UNIT`. The exit
// code is 1 if a promise was broken; what exactly is said then, and the logs
// of all processes are kept.
//
// How fast anything is is left to `make bench`.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/imsworker/imsworker/internal/broker/nodes"
)

func main() {
	nodes.ServeIfAsked()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	s, err := readSettings(os.Getenv)
	if err == nil {
		err = run(ctx, s, os.Stdout)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaos:", err)
		os.Exit(1)
	}
}

// errBroken says that a promise does not hold.
var errBroken = errors.New("a promise is broken")

// run does everything once. Whatever it started has ended when it returns.
func run(ctx context.Context, s settings, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "imsworker-chaos-")
	if err != nil {
		return fmt.Errorf("make a directory for logs and stores: %w", err)
	}
	defer func() {
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w; logs are in %s", err, dir)
			return
		}
		err = errors.Join(err, os.RemoveAll(dir))
	}()
	fmt.Fprintf(out, "chaos: %s\n", s)
	p, err := build(ctx, s, dir, out)
	if err != nil {
		return err
	}
	defer p.stop()
	report, err := p.endure(ctx)
	if err != nil {
		return err
	}
	return report.tell(out)
}
