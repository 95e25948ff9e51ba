package ims_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/messages"
)

// TestReasonsAreThoseOfEvents holds the client's list of reasons equal to that
// of events, which it may not import, but for the two that no single call can
// have: only the engine knows that a job failed or that a person has to look.
func TestReasonsAreThoseOfEvents(t *testing.T) {
	t.Parallel()
	want := slices.DeleteFunc(messages.Reasons(), func(r messages.Reason) bool {
		return r == messages.ReasonJobFailed || r == messages.ReasonUnresolved
	})
	var got []messages.Reason
	for name, value := range constants(t, "verdict.go") {
		if strings.HasPrefix(name, "reason") {
			got = append(got, messages.Reason(value))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("reasons\n got %q\nwant %q", got, want)
	}
}

// constants are the texts that a file declares as constants, by name.
func constants(t *testing.T, file string) map[string]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != len(spec.Names) {
			return true
		}
		for i, name := range spec.Names {
			literal, ok := spec.Values[i].(*ast.BasicLit)
			if ok && literal.Kind == token.STRING {
				found[name.Name], err = strconv.Unquote(literal.Value)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		return true
	})
	return found
}
