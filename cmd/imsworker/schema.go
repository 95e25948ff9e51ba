package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/schemas"
)

func newSchema() *cobra.Command {
	cmd := &cobra.Command{
		Use: "schema [OPERATION|event|batch|backup|asyncapi]", Short: "Print the JSON Schema of an operation's data, or list the operations",
		Long: `Prints the JSON Schema (2020-12) of the data of an operation's requests, the schema of events, or the AsyncAPI document
of all channels. Without an argument it lists what there is, in the form of -o; a schema is printed as it is.`,
		Example: `  imsworker schema
  imsworker schema copy-image
  imsworker schema asyncapi > asyncapi.yaml`,
		Args: cobra.MaximumNArgs(1),
	}
	output := outputFlag(cmd)
	cmd.RunE = work(func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return output.print(cmd.OutOrStdout(), schemaNames(), func(w io.Writer) { fmt.Fprintln(w, strings.Join(schemaNames(), "\n")) })
		}
		text, ok := schemaOf(args[0])
		if !ok {
			return usage(cmd, "there is no schema %q: %s are there", args[0], strings.Join(schemaNames(), ", "))
		}
		_, err := cmd.OutOrStdout().Write(text)
		return err
	})
	return cmd
}

func schemaNames() []string { return append(schemas.Names(), "event", "backup", "batch", "asyncapi") }

func schemaOf(name string) ([]byte, bool) {
	switch name {
	case "event":
		return schemas.Event(), true
	case "batch":
		return schemas.Batch(), true
	case "backup":
		return schemas.Backup(), true
	case "asyncapi":
		return schemas.AsyncAPI(), true
	default:
		return schemas.Operation(name)
	}
}
