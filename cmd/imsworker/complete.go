package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// offer is what a shell is told of a flag or an argument: values, or files that end so, or nothing.
type offer struct {
	values func() []string
	files  []string
}

// flagOffers are for flags of these names, wherever they stand; a name with that of a command before it goes before others.
func flagOffers() map[string]offer {
	ages := offer{values: func() []string { return []string{"1h", "1d", "7d"} }}
	return map[string]offer{
		"cloud":        {values: cloudNames},
		"fake cloud":   {}, // is a new one
		"reader":       {values: cloudNames},
		"operation":    {values: client.Operations},
		"state":        {values: stateWords},
		"fake state":   {files: []string{"json"}},
		"reason":       {values: reasonWords},
		"dead reason":  {values: client.DeadReasons},
		"status":       {values: client.DeadStatuses},
		"output":       {values: formats},
		"profile":      {values: client.Profiles},
		"sort":         {values: orderNames},
		"as":           {values: func() []string { return []string{messages.AsDone, messages.AsNotDone, messages.AsResubmit} }},
		"source":       {values: func() []string { return []string{submitSource, messages.PlainSource} }},
		"rate":         {values: func() []string { return []string{"1/s", "10/s", "100/s"} }},
		"older-than":   ages,
		"younger-than": ages,
		"file":         {files: []string{"json"}},
		"rules":        {files: []string{"yaml", "yml"}},
		"requests":     {files: []string{"jsonl", "json"}},
		"from":         {values: cloudNames},
	}
}

// argValues are the values of the first argument of commands.
func argValues() map[string]func() []string {
	return map[string]func() []string{
		"submit": client.Operations, "pause": cloudNames, "resume": cloudNames, "quota": cloudNames, "limits": cloudNames, "explain": codes,
		"schema": schemaNames, "rebuild": cloudNames,
	}
}

// cloudNames are those of clouds.yaml, as far as it can be read.
func cloudNames() []string {
	set, err := entries()
	if err != nil {
		return nil
	}
	return set.Names()
}

func codes() (names []string) {
	for _, m := range ims.Codes() {
		names = append(names, m.Code)
	}
	return names
}

// completing gives every command and every flag of the tree what a shell offers there.
func completing(cmd *cobra.Command) {
	if cmd.ValidArgsFunction == nil && cmd.ValidArgs == nil {
		cmd.ValidArgsFunction = firstOf(argValues()[cmd.Name()])
	}
	cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) { completeFlag(cmd, f) })
	for _, sub := range cmd.Commands() {
		completing(sub)
	}
}

// completeFlag tells a shell what fits a flag. Where nothing is known to fit, it is told so: else it offers files.
func completeFlag(cmd *cobra.Command, f *pflag.Flag) {
	if _, there := cmd.GetFlagCompletionFunc(f.Name); there || f.Value.Type() == "bool" {
		return
	}
	offers := flagOffers()
	var o offer
	for _, name := range []string{f.Name, cmd.Parent().Name() + " " + f.Name, cmd.Name() + " " + f.Name} {
		if better, known := offers[name]; known {
			o = better
		}
	}
	if o.files != nil {
		_ = cmd.MarkFlagFilename(f.Name, o.files...) // the flag is there
		return
	}
	_ = cmd.RegisterFlagCompletionFunc(f.Name, listOf(o.values, f.Value.Type() == "stringSlice")) // the flag is there
}

// firstOf offers values for the first argument, and nothing for more.
func firstOf(values func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if values == nil || len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return beginning(values(), "", typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// listOf offers values, of a list for the last of those that are parted by commas.
func listOf(values func() []string, many bool) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		if values == nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		before := ""
		if comma := strings.LastIndex(typed, ","); many && comma >= 0 {
			before, typed = typed[:comma+1], typed[comma+1:]
		}
		return beginning(values(), before, typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// beginning are the values that begin as typed, with what stands before them.
func beginning(values []string, before, typed string) []string {
	fitting := []string{}
	for _, v := range values {
		if strings.HasPrefix(strings.ToLower(v), strings.ToLower(typed)) {
			fitting = append(fitting, before+v)
		}
	}
	slices.Sort(fitting)
	return fitting
}
