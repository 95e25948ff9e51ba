package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/internal/ops"
)

func newVersion() *cobra.Command {
	cmd := &cobra.Command{
		Use: "version", Short: "Say which imsworker this is", Args: cobra.NoArgs,
		Example: "  imsworker version -o json",
	}
	output := outputFlag(cmd)
	cmd.RunE = work(func(cmd *cobra.Command, _ []string) error {
		b := ops.ReadBuild(version)
		value := map[string]string{"version": b.Version, "revision": b.Revision, "goversion": b.GoVersion}
		return output.print(cmd.OutOrStdout(), value, func(w io.Writer) {
			fmt.Fprintf(w, "imsworker %s, revision %s, %s\n", b.Version, b.Revision, b.GoVersion)
		})
	})
	return cmd
}
