package handlers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/imsworker/imsworker/messages"
	"github.com/imsworker/imsworker/schemas"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// form is the schema of an operation's data, ready to judge by.
type form struct {
	schema *jsonschema.Schema
	text   any // the schema's own JSON, for its rules in words
}

// mustForm compiles the schema of an operation. A schema that is missing or
// wrong is a mistake in this program.
func mustForm(operation string) form {
	f, err := newForm(operation)
	if err != nil {
		panic("handlers: schema of " + operation + ": " + err.Error())
	}
	return f
}

func newForm(operation string) (form, error) {
	text, ok := schemas.Operation(operation)
	if !ok {
		return form{}, errors.New("missing")
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return form{}, fmt.Errorf("read: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	address := messages.RequestSchema(operation)
	if err := compiler.AddResource(address, doc); err != nil {
		return form{}, fmt.Errorf("add: %w", err)
	}
	schema, err := compiler.Compile(address)
	return form{schema: schema, text: doc}, err
}

// decode reads data into D and finds all that is wrong with it: as JSON, by
// the schema, and by the rules, which see only what is sound so far.
func decode[D any](f form, data []byte, rules func(D) messages.Problems) (D, messages.Problems) {
	var d D
	if ps := messages.CheckJSON(data); len(ps) > 0 {
		return d, ps
	}
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return d, messages.Problems{{Message: "the data is not JSON: " + err.Error()}}
	}
	ps := f.judge(tree)
	if len(ps) == 0 {
		err = json.Unmarshal(data, &d)
	} else {
		err = fill(&d, sound(tree, ps))
	}
	if err != nil {
		return d, append(ps, messages.Problem{Message: "cannot be read: " + err.Error()})
	}
	return d, append(ps, rules(d)...)
}

// judge finds what can be told from the bare JSON.
func (f form) judge(tree any) messages.Problems {
	var ps messages.Problems
	if err := f.schema.Validate(tree); err != nil {
		ps = f.words(err, tree)
	}
	known := fields(ps)
	each(tree, "", func(path string, value any) {
		if !known[path] {
			ps = append(ps, wireProblem(path, value)...)
		}
	})
	return ps
}

// wireProblem finds single values that the schema lets pass and Go cannot
// read: whole numbers written as fractions, and times.
func wireProblem(path string, value any) (ps messages.Problems) {
	switch v := value.(type) {
	case json.Number:
		if odd(v) {
			ps.Add(path, "%s", oddNumber(v))
		}
	case string:
		if err := readTime(path, v); err != nil {
			ps.Add(path, "%s", err)
		}
	}
	return ps
}

func readTime(path, text string) (err error) {
	switch path {
	case "options.deadline":
		if _, err = messages.ParseDeadline(text); err != nil {
			err = fmt.Errorf("is %s; a deadline is a positive duration like \"90m\" or an RFC 3339 time like \"2026-11-21T22:00:00Z\"", brief(text))
		}
	case "options.not_before", "query.newer_than":
		if _, err = time.Parse(time.RFC3339, text); err != nil {
			err = fmt.Errorf("is %s; an RFC 3339 time like \"2026-11-21T22:00:00Z\" is wanted", brief(text))
		}
	}
	return err
}

// each visits all values inside a tree with their paths.
func each(tree any, path string, visit func(path string, value any)) {
	switch v := tree.(type) {
	case map[string]any:
		for name, member := range v {
			each(member, messages.JoinField(path, name), visit)
		}
	case []any:
		for i, item := range v {
			each(item, fmt.Sprintf("%s[%d]", path, i), visit)
		}
	default:
		visit(path, v)
	}
}

// sound leaves out of a tree the object members in which something is wrong.
// An item of an array cannot be left out without moving the others, so then
// the whole array is.
func sound(tree any, ps messages.Problems) any {
	wrong := fields(ps)
	clean, _ := prune(tree, "", wrong)
	return clean
}

func prune(tree any, path string, wrong map[string]bool) (clean any, ok bool) {
	switch v := tree.(type) {
	case map[string]any:
		return pruneObject(v, path, wrong), path == "" || !wrong[path]
	case []any:
		return pruneArray(v, path, wrong)
	default:
		return v, !wrong[path]
	}
}

func pruneObject(object map[string]any, path string, wrong map[string]bool) any {
	clean := make(map[string]any, len(object))
	for name, member := range object {
		if c, ok := prune(member, messages.JoinField(path, name), wrong); ok {
			clean[name] = c
		}
	}
	return clean
}

func pruneArray(array []any, path string, wrong map[string]bool) (clean any, ok bool) {
	items := make([]any, 0, len(array))
	ok = !wrong[path]
	for i, item := range array {
		c, fine := prune(item, fmt.Sprintf("%s[%d]", path, i), wrong)
		items, ok = append(items, c), ok && fine
	}
	return items, ok
}

func fields(ps messages.Problems) map[string]bool {
	names := make(map[string]bool, len(ps))
	for _, p := range ps {
		names[p.Field] = true
	}
	return names
}

// fill decodes a tree into a struct. Data that is no object fills nothing.
func fill(into, tree any) error {
	if _, ok := tree.(map[string]any); !ok {
		return nil
	}
	text, err := json.Marshal(tree)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
