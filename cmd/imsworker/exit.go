package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/backup"
	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/cloud"
	"github.com/imsworker/imsworker/internal/config"
)

// The exit codes of every command.
const (
	exitDone         = 0
	exitNotSucceeded = 1
	exitUsage        = 2
	exitTimedOut     = 3
	exitNotConnected = 4
)

// usageError is a mistake in how a command was called.
type usageError struct {
	command *cobra.Command
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }

func (e *usageError) Unwrap() error { return e.err }

// usage makes a usageError of a sentence.
func usage(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{cmd, fmt.Errorf(format, args...)}
}

// ran marks an error as one of the work itself: what cobra finds wrong before it is a mistake in the call.
type ran struct{ error }

func (r ran) Unwrap() error { return r.error }

// work wraps the function of a command, so that its errors are told from cobra's.
func work(f func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := f(cmd, args)
		if err == nil {
			return nil
		}
		return ran{err}
	}
}

// timedOut says in words that the time a person gave is over.
type timedOut string

func (t timedOut) Error() string { return string(t) }

// Is makes it a context.DeadlineExceeded.
func (timedOut) Is(target error) bool { return target == context.DeadlineExceeded } //nolint:errorlint // this is what errors.Is calls

// errQuiet ends a command without success whose output has said everything already.
var errQuiet = errors.New("not succeeded")

// exitCode prints what went wrong and returns the code for it.
func exitCode(root *cobra.Command, err error) int {
	if err == nil {
		return exitDone
	}
	code := codeOf(err)
	if errors.Is(err, errQuiet) {
		return code
	}
	fmt.Fprintf(root.ErrOrStderr(), "imsworker: %s\n", visibleLines(err.Error()))
	if code == exitUsage && !isConfig(err) {
		fmt.Fprintf(root.ErrOrStderr(), "Run '%s --help' for usage.\n", commandOf(root, err))
	}
	return code
}

func codeOf(err error) int {
	_, misused := errors.AsType[*usageError](err)
	_, worked := errors.AsType[ran](err)
	switch {
	case misused || !worked || isConfig(err):
		return exitUsage
	case errors.Is(err, broker.ErrNotConnected):
		return exitNotConnected
	case errors.Is(err, context.DeadlineExceeded):
		return exitTimedOut
	default:
		return exitNotSucceeded
	}
}

func isConfig(err error) bool {
	_, environment := errors.AsType[config.Problems](err)
	_, clouds := errors.AsType[cloud.Problems](err)
	_, rules := errors.AsType[backup.Problems](err)
	return environment || clouds || rules
}

func commandOf(root *cobra.Command, err error) string {
	if u, ok := errors.AsType[*usageError](err); ok && u.command != nil {
		return u.command.CommandPath()
	}
	return strings.TrimSpace(root.Name())
}
