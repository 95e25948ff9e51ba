package main

import (
	"bytes"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

// fitHelp makes the help of a command tree keep within the width of a terminal.
func fitHelp(root *cobra.Command) {
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		w := cmd.OutOrStdout()
		room := terminalWidth(w)
		if room == 0 {
			help(cmd, args)
			return
		}
		var text bytes.Buffer
		cmd.SetOut(&text)
		help(cmd, args)
		cmd.SetOut(w)
		_, _ = io.WriteString(w, fitted(text.String(), room)) // a terminal that is gone reads no help
	})
}

// columnsOfHelp are a command or flag, and what it does; what it does may follow after at least two spaces.
var columnsOfHelp = regexp.MustCompile(`^ +\S.*?(?:  +)`)

// fitted folds a text of help. Lines without an indent that follow each other are one paragraph; examples stay whole, so that they
// can be copied.
func fitted(text string, room int) string {
	var out strings.Builder
	var paragraph []string
	end := func() {
		if len(paragraph) > 0 {
			out.WriteString(strings.Join(foldTo(strings.Join(paragraph, " "), room), "\n") + "\n")
			paragraph = nil
		}
	}
	examples := false
	for line := range strings.Lines(strings.TrimSuffix(text, "\n")) {
		line = strings.TrimRight(line, "\n")
		indented := strings.HasPrefix(line, " ")
		switch {
		case line != "" && !indented:
			paragraph = append(paragraph, line)
			examples = line == "Examples:"
		case line == "" || examples:
			end()
			out.WriteString(line + "\n")
		default:
			end()
			out.WriteString(hung(line, room) + "\n")
		}
	}
	end()
	return out.String()
}

// hung folds a line with an indent; what goes on stands below the beginning of its last column.
func hung(line string, room int) string {
	lead := columnsOfHelp.FindString(line)
	if lead == "" {
		lead = line[:len(line)-len(strings.TrimLeft(line, " "))]
	}
	if room-columns(lead) < leastFold {
		return line
	}
	return lead + strings.Join(foldTo(line[len(lead):], room-columns(lead)), "\n"+strings.Repeat(" ", columns(lead)))
}
