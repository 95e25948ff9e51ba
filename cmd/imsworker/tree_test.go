package main

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/imsworker/imsworker/messages"
)

// leaves are the commands that do something.
func leaves(cmd *cobra.Command) (all []*cobra.Command) {
	if len(cmd.Commands()) == 0 {
		return []*cobra.Command{cmd}
	}
	for _, sub := range cmd.Commands() {
		if sub.Name() != "help" {
			all = append(all, leaves(sub)...)
		}
	}
	return all
}

// TestEveryCommand has help with an example of itself, and every example is a command line that could be given.
func TestEveryCommand(t *testing.T) {
	t.Parallel()
	for _, leaf := range leaves(newRoot()) {
		if leaf.Short == "" || strings.HasSuffix(leaf.Short, ".") {
			t.Errorf("%s: %q is no short description", leaf.CommandPath(), leaf.Short)
		}
		itself := false
		for _, args := range commandLines(leaf.Example) {
			cmd, err := valid(args)
			if err != nil {
				t.Errorf("%s: example %q: %v", leaf.CommandPath(), args, err)
				continue
			}
			itself = itself || cmd.CommandPath() == leaf.CommandPath()
		}
		if !itself {
			t.Errorf("%s has no example of itself in %q", leaf.CommandPath(), leaf.Example)
		}
	}
}

// TestCommandsInDocuments: whoever copies a command out of a document can give it.
func TestCommandsInDocuments(t *testing.T) {
	t.Parallel()
	least := map[string]int{"README.md": 10, "docs/runbook.md": 10}
	for file, text := range documents(t) {
		if file != "README.md" && path.Dir(file) != "docs" {
			continue
		}
		found := 0
		for _, span := range regexp.MustCompile("(?s)```.*?```|`[^`\n]+`").FindAllString(text, -1) {
			for _, args := range commandLines(strings.Trim(strings.ReplaceAll(span, "go run ./cmd/imsworker", "imsworker"), "`")) {
				found++
				_, err := valid(args)
				speaksOfIt := err != nil && !strings.Contains(span, "\n") && strings.Contains(err.Error(), "got 0 arguments")
				if err != nil && !errors.Is(err, pflag.ErrHelp) && !speaksOfIt {
					t.Errorf("%s: %q: %v", file, args, err)
				}
			}
		}
		if found < least[file] {
			t.Errorf("%s: only %d commands are found", file, found)
		}
	}
}

// valid says whether a command line would reach its command.
func valid(args []string) (*cobra.Command, error) {
	cmd, rest, err := newRoot().Find(args)
	if err != nil {
		return nil, err
	}
	for _, arg := range rest {
		if len(arg) == 26 && strings.Trim(arg, "abcdefghijklmnopqrstuvwxyz0123456789") == "" && !messages.ValidKey(arg) {
			return cmd, fmt.Errorf("%s is no key", arg)
		}
	}
	for _, step := range []func() error{
		func() error { return cmd.ParseFlags(rest) },
		func() error { return cmd.ValidateArgs(cmd.Flags().Args()) },
		cmd.ValidateRequiredFlags,
		cmd.ValidateFlagGroups,
	} {
		if err := step(); err != nil {
			return cmd, err
		}
	}
	return cmd, nil
}

// words of a shell: quoted, signs that part commands, others.
var word = regexp.MustCompile(`'[^']*'|"(?:[^"\\]|\\.)*"|\n|&&|[|;<>()#&]|[^\s'"|;<>()&#]+`)

// commandLines are the arguments of each imsworker in some lines of shell.
func commandLines(text string) (all [][]string) {
	var args []string
	inside, comment, skip := false, false, false
	end := func() {
		if inside {
			all = append(all, args)
		}
		args, inside, skip = nil, false, false
	}
	at := 0
	for _, span := range word.FindAllStringIndex(strings.ReplaceAll(text, "\\\n", " "), -1) {
		w := strings.ReplaceAll(text, "\\\n", " ")[span[0]:span[1]]
		joined := span[0] == at && at > 0
		at = span[1]
		switch {
		case w == "\n":
			end()
			comment = false
		case comment:
		case w == "#":
			comment = true
		case w == "|", w == ";", w == "&&", w == "&", w == "(", w == ")":
			end()
		case w == "<", w == ">":
			skip = true
		case skip:
			skip = false
		case !inside && (w == "imsworker" || strings.HasSuffix(w, "/imsworker")):
			inside = true
		case inside && joined && len(args) > 0:
			args[len(args)-1] += strings.Trim(w, `'"`)
		case inside:
			args = append(args, strings.Trim(w, `'"`))
		}
	}
	end()
	return all
}

func TestCommandLines(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"  imsworker dev     # try it\n  X=y imsworker check --online": `[["dev"] ["check" "--online"]]`,
		`echo '{"a b": 1}' | imsworker submit x --id='a b' > f.json`:   `[["submit" "x" "--id=a b"]]`,
		"imsworker fake > clouds.yaml && bin/imsworker serve":          `[["fake"] ["serve"]]`,
		"source <(imsworker completion bash)":                          `[["completion" "bash"]]`,
		"nothing of ours":                                              `[]`,
	} {
		if got := fmt.Sprintf("%q", commandLines(text)); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
