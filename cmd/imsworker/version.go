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
			fmt.Fprintln(w, versionLine(b))
		})
	})
	return cmd
}

// versionLine is the build in words. `go run` and builds outside of a checkout know no revision.
func versionLine(b ops.Build) string {
	if b.Revision == ops.UnknownRevision && b.Version == ops.UnknownVersion {
		return fmt.Sprintf("imsworker, a development build (revision not recorded, as with go run; make build records it), %s", b.GoVersion)
	}
	return fmt.Sprintf("imsworker %s, revision %s, %s", b.Version, b.Revision, b.GoVersion)
}
