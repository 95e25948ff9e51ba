package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/client"
)

func newDead() *cobra.Command {
	return group("dead", "Look at messages that could not become a request, and publish them again",
		"  imsworker dead ls\n  imsworker dead get 12\n  imsworker dead replay 12", newDeadLs(), newDeadGet(), newDeadReplay())
}

func newDeadLs() *cobra.Command {
	cmd := &cobra.Command{
		Use: "ls", Short: "List dead letters, oldest first", Args: cobra.NoArgs,
		Example: "  imsworker dead ls --cloud demo",
	}
	output := outputFlag(cmd)
	cloud := cmd.Flags().String("cloud", "", "only those of this cloud")
	cmd.RunE = work(func(cmd *cobra.Command, _ []string) error {
		return connected(cmd.Context(), func(c *client.Client) error {
			list, err := c.DeadLetters(cmd.Context(), *cloud)
			if err != nil {
				return err
			}
			return output.print(cmd.OutOrStdout(), list, func(w io.Writer) { deadTable(w, list) })
		})
	})
	return cmd
}

func deadTable(w io.Writer, list []client.DeadLetter) {
	head(w, "NUMBER", spare("TIME"), narrow("SUBJECT"), "REASON", narrow("DETAIL"))
	for _, d := range list {
		row(w, d.Number, moment(d.Time), d.Subject, d.Reason, d.Detail)
	}
}

func newDeadGet() *cobra.Command {
	cmd := &cobra.Command{
		Use: "get NUMBER", Short: "Show one dead letter: what is wrong, its headers, its body", Args: cobra.ExactArgs(1),
		Example: "  imsworker dead get 12 -o json",
	}
	output := outputFlag(cmd)
	cmd.RunE = work(func(cmd *cobra.Command, args []string) error {
		return eachDead(cmd, args, func(_ context.Context, _ *client.Client, d client.DeadLetter) error {
			return output.print(cmd.OutOrStdout(), d, func(w io.Writer) { deadDetail(w, d) })
		})
	})
	return cmd
}

func deadDetail(w io.Writer, d client.DeadLetter) {
	row(w, "number", d.Number)
	row(w, "time", moment(d.Time))
	row(w, "subject", d.Subject)
	row(w, "reason", d.Reason)
	row(w, "detail", d.Detail)
	for _, name := range sortedNames(d.Header) {
		for _, value := range d.Header[name] {
			row(w, "header", strconv.Quote(name+": "+value))
		}
	}
	fmt.Fprintf(w, "\n%s\n", visibleLines(d.Body))
}

func sortedNames[V any](header map[string]V) []string { return slices.Sorted(maps.Keys(header)) }

func newDeadReplay() *cobra.Command {
	cmd := &cobra.Command{
		Use: "replay NUMBER...", Short: "Publish the original of dead letters again, each as the next attempt of its request",
		Long: `Publishes the original body and headers again, under the request's own identity and as the attempt after its last. That helps
when what was wrong has changed since: a cloud that is known now, an operation that is allowed now. The dead letter stays.`,
		Args: cobra.MinimumNArgs(1), Example: "  imsworker dead replay 12 13",
	}
	output := outputFlag(cmd)
	cmd.RunE = work(func(cmd *cobra.Command, args []string) error {
		list := []client.Replayed{}
		err := eachDead(cmd, args, func(ctx context.Context, c *client.Client, d client.DeadLetter) error {
			r, err := c.Replay(ctx, d)
			if err == nil {
				list = append(list, r)
			}
			return err
		})
		if len(list) == 0 {
			return err
		}
		printed := output.print(cmd.OutOrStdout(), list, func(w io.Writer) {
			head(w, "NUMBER", "KEY", "ATTEMPT", narrow("SUBJECT"))
			for _, r := range list {
				row(w, r.Number, r.Key, r.Attempt, r.Subject)
			}
		})
		if err != nil {
			return err
		}
		return printed
	})
	return cmd
}

// eachDead calls f for each dead letter that the arguments number, until it fails.
func eachDead(cmd *cobra.Command, args []string, f func(context.Context, *client.Client, client.DeadLetter) error) error {
	numbers := make([]uint64, len(args))
	for i, arg := range args {
		number, err := strconv.ParseUint(arg, 10, 64)
		if err != nil || number == 0 {
			return usage(cmd, "%q is no dead letter's number: `imsworker dead ls` lists them", arg)
		}
		numbers[i] = number
	}
	return connected(cmd.Context(), func(c *client.Client) error {
		for _, number := range numbers {
			d, err := c.DeadLetter(cmd.Context(), number)
			if err != nil {
				return err
			}
			if err := f(cmd.Context(), c, d); err != nil {
				return err
			}
		}
		return nil
	})
}
