package main

import (
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/messages"
)

func newRequestsRetry() *cobra.Command {
	return controlCommand(messages.VerbRetry, &cobra.Command{
		Use: "retry KEY", Short: "Do again what has failed, was rejected, cancelled or is unresolved", Args: cobra.MaximumNArgs(1),
		Long: `Opens the next attempt of a request with the same data. After an unresolved attempt the cloud is searched for its image first.
A retry of an attempt that has been retried already changes nothing.`,
		Example: `  imsworker requests retry byleiaei4ec2gvxadboooffytm
  imsworker requests retry --cloud demo --id nightly-web-01`,
	}, func(*cobra.Command, *messages.Control) error { return nil })
}

func newRequestsResolve() *cobra.Command {
	var as, image string
	cmd := controlCommand(messages.VerbResolve, &cobra.Command{
		Use: "resolve KEY --as done|not-done|resubmit", Short: "Say what became of an unresolved request", Args: cobra.MaximumNArgs(1),
		Long: `Opens the next attempt of an unresolved request with what a person has found out:
  done      the image given with --image-id is the result; it is looked at, then the request succeeds
  not-done  nothing was made and nothing shall be; the request fails
  resubmit  nothing was made; the request is submitted again`,
		Example: `  imsworker requests resolve byleiaei4ec2gvxadboooffytm --as done --image-id ea0d5dce-ddb2-4f6f-83e3-55da065347fd
  imsworker requests resolve byleiaei4ec2gvxadboooffytm --as resubmit`,
	}, func(cmd *cobra.Command, c *messages.Control) error {
		known := []string{messages.AsDone, messages.AsNotDone, messages.AsResubmit}
		switch {
		case !slices.Contains(known, as):
			return usage(cmd, "--as is %q; it must be done, not-done or resubmit", as)
		case (as == messages.AsDone) != (image != ""):
			return usage(cmd, "--image-id goes with --as done, and only with it")
		}
		c.As, c.ImageID = as, image
		return nil
	})
	cmd.Flags().StringVar(&as, "as", "", "what was found out: done, not-done or resubmit")
	cmd.Flags().StringVar(&image, "image-id", "", "the image that is the result")
	return cmd
}

// controlCommand makes a command that publishes a control message about one
// request; fill adds what the verb wants, then may go on once it is taken and
// says whether it has told of it.
func controlCommand(verb string, cmd *cobra.Command, fill func(*cobra.Command, *messages.Control) error,
	then ...func(*cobra.Command, *format, *client.Client, client.Controlled) (bool, error),
) *cobra.Command {
	output := outputFlag(cmd)
	name := namedFlags(cmd)
	var attempt int
	cmd.Flags().IntVar(&attempt, "attempt", 0, "the attempt that is meant; 0 is the newest")
	cmd.RunE = work(func(cmd *cobra.Command, args []string) error {
		keys, err := name.keys(cmd, args)
		if err != nil {
			return err
		}
		data := messages.Control{Attempt: attempt}
		if err := fill(cmd, &data); err != nil {
			return err
		}
		return connected(cmd.Context(), func(c *client.Client) error {
			found, err := c.Find(cmd.Context(), keys...)
			if err != nil {
				return err
			}
			data.Key = found.Summary.Key
			done, err := untilTaken(cmd.Context(), func(ctx context.Context) (client.Controlled, error) { return c.Control(ctx, verb, data) })
			if err != nil {
				return err
			}
			for _, more := range then {
				if told, err := more(cmd, output, c, done); told || err != nil {
					return err
				}
			}
			return output.print(cmd.OutOrStdout(), done, func(w io.Writer) {
				fmt.Fprintf(w, "%s of attempt %d of %s is taken; `imsworker requests get %s` shows what comes of it\n", verb, done.Attempt, done.Key, done.Key)
			})
		})
	})
	return cmd
}
