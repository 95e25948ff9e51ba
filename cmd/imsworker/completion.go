package main

import (
	"io"

	"github.com/spf13/cobra"
)

// shells are those that completion can be had for.
var shells = map[string]func(*cobra.Command, io.Writer) error{
	"bash":       func(root *cobra.Command, w io.Writer) error { return root.GenBashCompletionV2(w, true) },
	"zsh":        func(root *cobra.Command, w io.Writer) error { return root.GenZshCompletion(w) },
	"fish":       func(root *cobra.Command, w io.Writer) error { return root.GenFishCompletion(w, true) },
	"powershell": func(root *cobra.Command, w io.Writer) error { return root.GenPowerShellCompletionWithDesc(w) },
}

func newCompletion() *cobra.Command {
	return &cobra.Command{
		Use: "completion bash|zsh|fish|powershell", Short: "Print what makes a shell complete commands, operations, clouds and states",
		Long: `Prints a script for a shell. It completes commands and flags, operations, the names of clouds in clouds.yaml, states, reasons and files,
and asks no broker.

  bash        imsworker completion bash > /etc/bash_completion.d/imsworker, with the package bash-completion
  zsh         imsworker completion zsh > "${fpath[1]}/_imsworker"
  fish        imsworker completion fish > ~/.config/fish/completions/imsworker.fish
  powershell  imsworker completion powershell | Out-String | Invoke-Expression`,
		Example: "  source <(imsworker completion bash)\n  imsworker completion fish | source",
		Args:    cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs), ValidArgs: sortedNames(shells),
		DisableFlagsInUseLine: true,
		RunE: work(func(cmd *cobra.Command, args []string) error {
			return shells[args[0]](cmd.Root(), cmd.OutOrStdout())
		}),
	}
}
