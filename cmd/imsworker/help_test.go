package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestHelpFits of every command into 80 columns, but for examples and lines that are one word with its flag.
func TestHelpFits(t *testing.T) {
	t.Parallel()
	for _, leaf := range append(leaves(newRoot()), newRoot()) {
		var out bytes.Buffer
		root := newRoot()
		root.SetOut(&out)
		root.SetArgs(append(strings.Fields(leaf.CommandPath())[1:], "--help"))
		if err := root.Execute(); err != nil {
			t.Fatal(err)
		}
		got := fitted(out.String(), 80)
		before, after, _ := strings.Cut(got, "\nExamples:\n")
		_, after, _ = strings.Cut(after, "\n\n")
		for line := range strings.Lines(before + "\n" + after) {
			if columns(strings.TrimSpace(line)) > 80 {
				t.Errorf("%s: %d columns: %s", leaf.CommandPath(), columns(line), line)
			}
		}
		if words := func(s string) string { return strings.Join(strings.Fields(s), " ") }; words(got) != words(out.String()) {
			t.Errorf("%s: words are lost or changed:\n%s", leaf.CommandPath(), got)
		}
	}
}

func TestFitted(t *testing.T) {
	t.Parallel()
	got := fitted("One paragraph in\ntwo lines.\n\nExamples:\n  imsworker this is not broken however long it is\n\nFlags:\n      --cloud string   the name of a cloud and more\n  -h, --help           help\n", 42)
	want := "One paragraph in two lines.\n\nExamples:\n  imsworker this is not broken however long it is\n\nFlags:\n      --cloud string   the name of a cloud and more\n  -h, --help           help\n"
	if got != want {
		t.Errorf("got\n%s", got)
	}
	if got = fitted("      --cloud string   the name of a cloud and more\n", 50); got != "      --cloud string   the name of a cloud and\n                       more\n" {
		t.Errorf("got\n%s", got)
	}
}
