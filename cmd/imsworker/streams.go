package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/cloud"
	"github.com/imsworker/imsworker/internal/config"
)

func newStreams() *cobra.Command {
	cmd := &cobra.Command{
		Use: "streams", Short: "Show what the streams should be, and how the broker's differ", Args: cobra.NoArgs,
		Long: `Shows the streams and consumers that workers with these settings use, and every difference from what the broker has: what the
worker makes or updates when it starts, and what only an administrator can change, be it for lack of rights or because another
stream takes a subject. The exit code is 1 if the worker could not start.

Nothing is changed, unless with --apply: that makes what is missing and updates what differs, as a worker does at its start. Give it the
administrator's credentials and the settings of the workers, before they start; they need no such rights then. It may be
repeated, and changes nothing where something could not be mended.

Who reads events and may not make a consumer needs one: --reader makes it, for the events of one cloud or, with '*', of all. It begins
with the oldest event and stays until somebody deletes it.

With -o json the configurations have the form that the broker's API takes, for administrators who make the streams themselves.`,
		Example: `  imsworker streams
  imsworker streams --offline -o json
  IMSWORKER_NATS_CREDS=admin.creds imsworker streams --apply --reader demo`,
	}
	output := outputFlag(cmd)
	offline := cmd.Flags().Bool("offline", false, "only what should be; the broker is not asked")
	apply := cmd.Flags().Bool("apply", false, "make what is missing and update what differs")
	var others client.Others
	cmd.Flags().BoolVar(&others.Notifier, "notifier", false, "with the consumer of the workers' notifier, where IMSWORKER_NOTIFY_URL is not set here")
	cmd.Flags().StringArrayVar(&others.Readers, "reader", nil, "with a consumer, reader-CLOUD, for who reads this cloud's events; may be repeated")
	cmd.MarkFlagsMutuallyExclusive("offline", "apply")
	cmd.RunE = work(func(cmd *cobra.Command, _ []string) error {
		if err := checkReaders(cmd, others.Readers); err != nil {
			return err
		}
		cfg, err := config.Load()
		if err != nil {
			return err
		}
		if *offline {
			return printStreams(cmd, output, client.Expected(cfg, others))
		}
		return connected(cmd.Context(), func(c *client.Client) error {
			streams, err := askStreams(cmd.Context(), c, cfg, others, *apply)
			if err != nil {
				return err
			}
			return printStreams(cmd, output, streams)
		})
	})
	return cmd
}

func askStreams(ctx context.Context, c *client.Client, cfg config.Config, others client.Others, apply bool) (client.Streams, error) {
	if apply {
		return c.ApplyStreams(ctx, cfg, others)
	}
	return c.Streams(ctx, cfg, others)
}

func checkReaders(cmd *cobra.Command, readers []string) error {
	for i, name := range readers {
		if name != broker.EveryCloud && !cloud.ValidName(name) {
			return usage(cmd, "--reader %q: want the name of a cloud, such as demo, or %s for all", name, broker.EveryCloud)
		}
		if slices.Contains(readers[:i], name) {
			return usage(cmd, "--reader %q is given twice: one consumer is read by one reader", name)
		}
	}
	return nil
}

func printStreams(cmd *cobra.Command, output *format, s client.Streams) error {
	if err := output.print(cmd.OutOrStdout(), s, func(w io.Writer) { streamTable(w, s) }); err != nil {
		return err
	}
	if !s.Plan.Applicable() {
		return errQuiet
	}
	return nil
}

func streamTable(w io.Writer, s client.Streams) {
	head(w, "STREAM", narrow("SUBJECTS"), "KEEPS", "CONSUMERS", narrow("FOR"))
	for _, x := range s.Streams {
		row(w, x.Config.Name, strings.Join(x.Config.Subjects, ","), x.Config.Retention, len(x.Consumers), x.Config.Description)
	}
	if len(s.Done) > 0 {
		fmt.Fprintf(w, "\ndone:\n%s", s.Done)
	}
	if s.Asked {
		fmt.Fprintf(w, "\n%s", s.Plan)
	}
}
