package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/messages"
)

func newRequestsCancel() *cobra.Command {
	var remove, wait bool
	cmd := controlCommand(messages.VerbCancel, &cobra.Command{
		Use: "cancel KEY", Short: "End a request that has not ended", Args: cobra.MaximumNArgs(1),
		Long: `Ends the newest attempt of a request. What has not been started never will be. The cloud's job cannot be stopped: it is no longer
followed, and what it makes is left. With --delete-image it is followed to its end, then the image that this request has made is deleted.
The final event says which of these happened.`,
		Example: `  imsworker requests cancel byleiaei4ec2gvxadboooffytm
  imsworker requests cancel byleiaei4ec2gvxadboooffytm --delete-image --wait`,
	}, func(_ *cobra.Command, c *messages.Control) error {
		c.DeleteImage = remove
		return nil
	}, func(cmd *cobra.Command, output *format, c *client.Client, done client.Controlled) (bool, error) {
		if !wait {
			return false, nil
		}
		return true, awaitCancelled(cmd, output, c, done)
	})
	cmd.Flags().BoolVar(&remove, "delete-image", false, "follow the job to its end and delete the image that it makes")
	cmd.Flags().BoolVar(&wait, "wait", false, "wait for the final event; exit code 1 if the request ended otherwise")
	return cmd
}

// awaitCancelled waits for the end of a request that is being cancelled.
func awaitCancelled(cmd *cobra.Command, output *format, c *client.Client, done client.Controlled) error {
	s := client.Submission{Key: done.Key, Cloud: done.Cloud, Operation: done.Verb, Sequence: done.Sequence}
	line := newProgress(cmd.ErrOrStderr(), done.Verb)
	final, err := c.Wait(cmd.Context(), s, func(_ messages.EventMeta, e messages.Event) { line.show(e) })
	line.clear()
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("stopped waiting; the request is cancelled all the same, `imsworker requests get %s` shows it", done.Key)
	}
	if err != nil {
		return err
	}
	if err := output.print(cmd.OutOrStdout(), final, func(w io.Writer) { finalTable(w, s, final) }); err != nil {
		return err
	}
	if final.State != messages.StateCancelled {
		return errQuiet
	}
	return nil
}
