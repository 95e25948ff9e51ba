package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/client"
)

func newPause() *cobra.Command {
	return pauseCommand(false, &cobra.Command{
		Use: "pause CLOUD", Short: "Submit nothing new to a cloud; what runs is followed", Args: cobra.ExactArgs(1),
		Long: `Nothing new is submitted to the cloud, or of one operation there, until it is resumed: requests are taken and wait. What runs is followed.
A pause survives restarts of all workers. "imsworker requests ls" shows what it holds back.`,
		Example: "  imsworker pause eu-de-prod\n  imsworker pause eu-de-prod --operation copy-image",
	})
}

func newResume() *cobra.Command {
	return pauseCommand(true, &cobra.Command{
		Use: "resume CLOUD", Short: "Go on with a cloud that was paused", Args: cobra.ExactArgs(1),
		Long: `Takes back a pause of the cloud, or with --operation that of one operation. Each pause is taken back by itself: where the cloud and an
operation were paused, both have to be resumed.`,
		Example: "  imsworker resume eu-de-prod\n  imsworker resume eu-de-prod --operation copy-image",
	})
}

func pauseCommand(resume bool, cmd *cobra.Command) *cobra.Command {
	output := outputFlag(cmd)
	var operation string
	cmd.Flags().StringVar(&operation, "operation", "", "only this operation")
	cmd.RunE = work(func(cmd *cobra.Command, args []string) error {
		if operation != "" && !slices.Contains(client.Operations(), operation) {
			return usage(cmd, "--operation is %q: %s are there", operation, strings.Join(client.Operations(), ", "))
		}
		return connected(cmd.Context(), func(c *client.Client) error {
			done, err := untilTaken(cmd.Context(), func(ctx context.Context) (client.Controlled, error) {
				return c.Pause(ctx, args[0], operation, resume)
			})
			if err != nil {
				return err
			}
			return output.print(cmd.OutOrStdout(), done, func(w io.Writer) {
				fmt.Fprintf(w, "%s of %s is taken\n", done.Verb, strings.TrimSpace(done.Cloud+" "+done.Operation))
			})
		})
	})
	return cmd
}
