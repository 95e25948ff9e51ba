package main

import (
	"github.com/spf13/cobra"

	"github.com/imsworker/imsworker/messages"
)

// named is how a command names one request: by the key, or by who sent it under which id.
type named struct{ cloud, source, id string }

func namedFlags(cmd *cobra.Command) *named {
	n := &named{}
	cmd.Flags().StringVar(&n.cloud, "cloud", "", "with --id, instead of the key: the request's cloud")
	cmd.Flags().StringVar(&n.source, "source", "", "with --id: the source of the request; "+submitSource+" and "+messages.PlainSource+" are tried without it")
	cmd.Flags().StringVar(&n.id, "id", "", "the id that the sender gave, instead of the key")
	return n
}

// keys are those that the request can have.
func (n *named) keys(cmd *cobra.Command, args []string) ([]string, error) {
	if len(args) == 1 && n.id == "" {
		if !messages.ValidKey(args[0]) {
			return nil, usage(cmd, "%q is no key: 26 lower-case letters and digits are; `imsworker requests ls` lists them", args[0])
		}
		return args, nil
	}
	if len(args) == 1 || n.id == "" || n.cloud == "" {
		return nil, usage(cmd, "either a key or --cloud and --id are wanted")
	}
	if n.source != "" {
		return []string{messages.Key(n.cloud, n.source, n.id)}, nil
	}
	return []string{messages.Key(n.cloud, submitSource, n.id), messages.Key(n.cloud, messages.PlainSource, n.id)}, nil
}
