package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/client"
)

func newDeadReplay() *cobra.Command {
	cmd := &cobra.Command{
		Use: "replay [NUMBER...]", Short: "Publish the original of dead letters again, each as the next attempt of its request",
		Long: `Publishes the original body and headers again, under the request's own identity and as the attempt after its last. That helps
when what was wrong has changed since: a cloud that is known now, an operation that is allowed now. The dead letter stays, and its
log says who replayed it, when, why (--why) and as which attempt; so does the message, in Ims-Replay-... headers.

Letters are named by number, or chosen by filters: then those that nobody has replayed, and --yes is wanted. Each is replayed once:
one that was replayed before is left alone, and so is one whose request goes on, has succeeded or was cancelled meanwhile, unless
--again is given. A run that is stopped or cut off goes on where it was when it is started again.`,
		Example: `  imsworker dead replay 12 13 --why "cloud added to clouds.yaml"
  imsworker dead replay --reason unknown_cloud --cloud eu-nl-prod --dry-run
  imsworker dead replay --reason unknown_cloud --cloud eu-nl-prod --yes --rate 10/s`,
	}
	o := &deadAct{verb: "replay", done: "replayed", only: client.DeadOpen, one: replayOne}
	o.flags(cmd)
	cmd.Flags().BoolVar(&o.act.Again, "again", false, "also letters that were replayed before, and requests that have succeeded or were cancelled meanwhile")
	cmd.Flags().Var(&o.rate, "rate", "at most so many in a time: 10/s, 15/5m; without it as fast as the broker takes them")
	return cmd
}

func replayOne(ctx context.Context, c *client.Client, number uint64, act client.Act) (deadDone, error) {
	r, err := c.Replay(ctx, number, act)
	return deadDone{Number: number, Key: r.Key, Attempt: r.Attempt, Subject: r.Subject}, err
}

func newDeadDrop() *cobra.Command {
	cmd := &cobra.Command{
		Use: "drop [NUMBER...]", Short: "Remove dead letters for good; who did it, when and why is kept",
		Long: `Removes dead letters: headers and body are overwritten in the broker's store and cannot be had back. What stays in the log is who did
it, when, why (--why), and of the letter its subject, reason and detail; "imsworker dead ls --status dropped" lists these.

Letters are named by number, or chosen by filters: then --yes is wanted.`,
		Example: `  imsworker dead drop 12
  imsworker dead drop --status replayed --older-than 7d --dry-run
  imsworker dead drop --status replayed --older-than 7d --yes --why "weekly cleaning"`,
	}
	o := &deadAct{verb: "drop", done: "dropped", one: dropOne}
	o.flags(cmd)
	o.choice.statusFlag(cmd, []string{string(client.DeadOpen), string(client.DeadReplayed)})
	return cmd
}

func dropOne(ctx context.Context, c *client.Client, number uint64, act client.Act) (deadDone, error) {
	d, err := c.Drop(ctx, number, act)
	return deadDone{Number: number, Subject: d.Subject}, err
}
