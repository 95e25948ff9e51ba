package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/ops"
	"github.com/imsworker/imsworker/messages"
)

func newRequestsWatch() *cobra.Command {
	cmd := &cobra.Command{
		Use: "watch [KEY...]", Short: "Follow requests until they have ended: one, several, a whole bulk",
		Long: `Shows how requests stand and what becomes of them, until the newest attempts of all have ended: those whose keys are given, and those
that live and fit the filters when it begins. A bulk that is watched alone is shown with its legs.

On a terminal the screen is kept up to date, and the ends stand below it afterwards. Elsewhere each change is a line; with -o json an
object in a line, with -o yaml a document. Exit code 1 unless all succeed; 3 where --timeout was too short: the requests go on.`,
		Example: `  imsworker requests watch byleiaei4ec2gvxadboooffytm
  imsworker requests watch --cloud demo --id nightly-web-01
  imsworker requests watch --state open --source '/nightly*' --timeout 2h
  imsworker requests watch byleiaei4ec2gvxadboooffytm -o json | jq -r .summary.state`,
	}
	output := outputFlag(cmd)
	words := filterFlags(cmd)
	id := cmd.Flags().String("id", "", "with one --cloud, and maybe one --source: the id that the sender gave, instead of a key")
	timeout := cmd.Flags().Duration("timeout", 0, "give up after this time (exit code 3); the requests go on")
	cmd.RunE = work(func(cmd *cobra.Command, args []string) error {
		of, err := watchingOf(cmd, args, words, *id)
		if err != nil {
			return err
		}
		ctx := cmd.Context()
		if *timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, *timeout)
			defer cancel()
		}
		return connected(ctx, func(c *client.Client) error {
			if *id != "" {
				if of.Keys, err = oneKey(ctx, c, of.Keys); err != nil {
					return err
				}
			}
			w := &watcher{client: c, of: of, output: output, out: cmd.OutOrStdout(), timeout: *timeout, board: newBoard(time.Now())}
			if seen := cmd.ErrOrStderr(); output.isTable() && showsFrames(w.out) && showsFrames(seen) {
				w.screen = newScreen(seen, func() (int, int) { return ops.TerminalSize(seen) })
				w.paint = colours(seen)
			}
			return w.run(ctx, cmd.ErrOrStderr())
		})
	})
	return cmd
}

// watchingOf is what the command line asks to watch.
func watchingOf(cmd *cobra.Command, args []string, words *filterWords, id string) (of client.Watching, err error) {
	of.Legs = true
	if id != "" {
		if len(args) > 0 || len(words.clouds) != 1 || len(words.sources) > 1 {
			return of, usage(cmd, "--id goes with one --cloud, at most one --source, and no key")
		}
		n := named{cloud: words.clouds[0], source: slices.Concat(words.sources, []string{""})[0], id: id}
		of.Keys, err = n.keys(cmd, nil)
		return of, err
	}
	for _, key := range args {
		if !messages.ValidKey(key) {
			return of, usage(cmd, "%q is no key: 26 lower-case letters and digits are; `imsworker requests ls` lists them", key)
		}
	}
	of.Keys = slices.Compact(slices.Sorted(slices.Values(args)))
	if words.empty() {
		if len(args) == 0 {
			return of, usage(cmd, "keys or filters are wanted: --state open watches all that live")
		}
		return of, nil
	}
	filter, err := words.filter(cmd, time.Now())
	of.Filter = &filter
	return of, err
}

// oneKey is the key, of those that the sender of a request may have meant, under which something is known, else the first.
func oneKey(ctx context.Context, c *client.Client, keys []string) ([]string, error) {
	found, err := c.Find(ctx, keys...)
	if errors.Is(err, client.ErrUnknown) {
		return keys[:1], nil
	}
	return []string{found.Summary.Key}, err
}

// showsFrames reports whether w is a terminal on which lines can be written over.
func showsFrames(w io.Writer) bool { return ops.IsTerminal(w) && os.Getenv("TERM") != "dumb" }

// watcher is one run of the command.
type watcher struct {
	client  *client.Client
	of      client.Watching
	output  *format
	out     io.Writer
	screen  *screen // nil: lines are written to out
	paint   bool
	timeout time.Duration
	board   *board
}

// run follows the requests and tells their end.
func (w *watcher) run(ctx context.Context, notes io.Writer) error {
	err := w.follow(ctx)
	c := w.board.counts()
	switch {
	case errors.Is(err, context.DeadlineExceeded) && c.Legs == 0:
		return timedOut(fmt.Sprintf("no record was seen in %s: a request that waits in the queue has none yet, and a key with a mistake in it never has; `imsworker requests ls` lists keys", w.timeout))
	case errors.Is(err, context.DeadlineExceeded):
		return timedOut(fmt.Sprintf("%s not ended after %s; no work is stopped by that, `imsworker requests ls` shows how it goes on", hasOrHave(c.Open(), "request"), w.timeout))
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("stopped watching: %s not ended; no work is stopped by that, `imsworker requests ls` shows how it goes on", hasOrHave(c.Open(), "request"))
	case err != nil:
		return err
	case c.Legs == 0:
		fmt.Fprintln(notes, "note: no request that lives fits")
		return nil
	}
	if err := w.tellEnd(c); err != nil {
		return err
	}
	if w.board.notSucceeded() {
		return errQuiet
	}
	return nil
}

func hasOrHave(n int, what string) string {
	if n == 1 {
		return count(n, what) + " has"
	}
	return count(n, what) + " have"
}

// follow shows what happens.
func (w *watcher) follow(ctx context.Context) error {
	if w.screen != nil {
		return w.animate(ctx)
	}
	var failed error
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	err := w.client.Watch(ctx, w.of, func(n client.News) {
		w.board.take(n)
		if failed = w.line(n); failed != nil {
			cancel(failed)
		}
	})
	if failed != nil {
		return fmt.Errorf("write output: %w", failed)
	}
	return err
}

// line writes one change.
func (w *watcher) line(n client.News) error {
	if w.output.isTable() {
		text, tells := changeLine(n)
		if !tells {
			return nil
		}
		_, err := fmt.Fprintln(w.out, text)
		return err
	}
	return writeChange(w.output, w.out, n)
}

// tellEnd says how all ended, where a table is wanted.
func (w *watcher) tellEnd(c messages.Counts) error {
	switch {
	case !w.output.isTable():
		return nil
	case w.screen == nil && c.Legs > 1:
		l := countsLine(c, "requests")
		_, err := fmt.Fprintln(w.out, l.fit(l.wide(), false))
		return err
	case w.screen == nil:
		return nil
	}
	return w.output.print(w.out, nil, func(out io.Writer) { w.board.endTable(out) })
}
