package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/ops"
)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "imsworker",
		Short: "Turns requests on JetStream into images of a cloud, and tells by events what became of them",
		Long: `imsworker takes requests for slow image work from NATS JetStream, does them at the image service of an OpenStack-like
cloud, and publishes one final event for each.

Settings come from the environment (IMSWORKER_...) and clouds.yaml; docs/configuration.md lists them.
Exit codes: 0 done, 1 not succeeded, 2 usage, 3 timed out, 4 not connected.`,
		Example: `  imsworker dev                  # try it: broker, fake cloud and worker in one process
  imsworker check --online       # is everything set up
  imsworker serve                # work`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          noCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.Version = versionLine(ops.ReadBuild(version))
	root.SetVersionTemplate("{{.Version}}\n")
	root.SuggestionsMinimumDistance = 2
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return &usageError{cmd, err} })
	root.AddCommand(
		newServe(), newDev(), newCheck(), newSubmit(), newRequests(), newPause(), newResume(), newDead(), newStreams(), newSchema(), newExplain(), newLimits(), newQuota(), newBackupRules(), newRebuild(), newFake(), newCompletion(), newVersion(),
	)
	wrapArgs(root)
	completing(root)
	fitHelp(root)
	return root
}

// noCommand refuses arguments of a command that only holds others: they are commands that do not exist.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return fmt.Errorf("%s has no command %q: did you mean %s?", cmd.CommandPath(), args[0], strings.Join(near, " or "))
	}
	return fmt.Errorf("%s has no command %q", cmd.CommandPath(), args[0])
}

// wrapArgs makes mistakes in the arguments of every command usage errors that name the command.
func wrapArgs(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return &usageError{cmd, inWords(cmd, args, err)}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}

// inWords says which arguments are wanted where the check has only counted them.
func inWords(cmd *cobra.Command, args []string, err error) error {
	if !strings.HasPrefix(err.Error(), "accepts ") {
		return err
	}
	return fmt.Errorf("`%s %s` is wanted; got %s", cmd.Parent().CommandPath(), cmd.Use, count(len(args), "argument"))
}

// group returns a command that only holds others.
func group(use, short, example string, subs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Example: example, Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage(cmd, "%s wants one of its commands", cmd.CommandPath())
		},
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(subs...)
	return cmd
}
