// Command imsworker turns requests on JetStream into images of a cloud, and tells by events what became of them.
//
// This package is flags, signals, printing and exit codes; the work is done by internal/app and internal/client.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version is set by the linker; empty means what Go knows of the build.
var version string

func main() { os.Exit(run()) }

// run returns the exit code. A second signal ends the process at once, as it would without us.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	root := newRoot()
	root.SetArgs(os.Args[1:])
	return exitCode(root, root.ExecuteContext(ctx))
}
