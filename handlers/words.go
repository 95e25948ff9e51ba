package handlers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/imsworker/imsworker/messages"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// words turns what the validator found into problems.
func (f form) words(err error, tree any) messages.Problems {
	var found *jsonschema.ValidationError
	if !errors.As(err, &found) {
		return messages.Problems{{Message: err.Error()}}
	}
	t := teller{form: f, tree: tree}
	t.walk(found)
	return t.problems
}

// teller tells what the validator found in the schema's own words: "x-rule"
// says what is wanted, "x-not" what is wrong, "x-field" which field is meant.
type teller struct {
	form
	tree     any
	problems messages.Problems
}

func (t *teller) walk(e *jsonschema.ValidationError) {
	switch e.ErrorKind.(type) {
	case *kind.Not, *kind.AnyOf, *kind.OneOf:
		t.tellRule(e)
		return
	}
	if len(e.Causes) == 0 {
		t.tell(e)
	}
	for _, cause := range e.Causes {
		t.walk(cause)
	}
}

// tellRule tells of a condition whose parts would confuse more than help.
func (t *teller) tellRule(e *jsonschema.ValidationError) {
	at := t.schemaAt(e)
	field, value := t.place(e)
	if name, ok := at["x-field"].(string); ok {
		field = messages.JoinField(field, name)
	}
	_, negated := e.ErrorKind.(*kind.Not)
	switch text := note(at, "x-not"); {
	case negated && text != "":
		t.problems.Add(field, "%s", text)
	case isContainer(value):
		t.problems.Add(field, "%s", note(at, "x-rule"))
	default:
		t.problems.Add(field, "is %s; %s", brief(value), note(at, "x-rule"))
	}
}

func (t *teller) tell(e *jsonschema.ValidationError) {
	field, value := t.place(e)
	at := t.schemaAt(e)
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			t.problems.Add(messages.JoinField(field, name), "is missing; it is required")
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			t.problems.Add(messages.JoinField(field, name), "is not a known field; %s", hint(name, at))
		}
	case *kind.Type:
		t.problems.Add(field, "%s", t.wrongType(k, field, value, e))
	default:
		t.problems.Add(field, "%s", leaf(e.ErrorKind, value, at))
	}
}

// wrongType tells of a value of another type. Null is the same as absent only
// where a field may be absent.
func (t *teller) wrongType(k *kind.Type, field string, value any, e *jsonschema.ValidationError) string {
	want := list(k.Want, " or ", typeName)
	switch {
	case odd(value) && slices.Contains(k.Want, "integer"):
		return oddNumber(value)
	case field == "" && value == nil:
		return "the data is null; send the operation's fields as a JSON object"
	case field == "":
		return fmt.Sprintf("the data is %s, %s; send the operation's fields as a JSON object", brief(value), typeName(k.Got))
	case value == nil && t.optional(e):
		return "is null; give " + want + " or leave it out"
	case value == nil:
		return "is null; " + want + " is wanted"
	default:
		return fmt.Sprintf("is %s, %s; %s is wanted", brief(value), typeName(k.Got), want)
	}
}

// optional reports whether the value is a member that its object can do without.
func (t *teller) optional(e *jsonschema.ValidationError) bool {
	_, pointer, _ := strings.Cut(e.SchemaURL, "#")
	object, name, member := cutLast(pointer, "/properties/")
	if !member || strings.Contains(name, "/") {
		return false
	}
	required, _ := t.at(object)["required"].([]any)
	return !slices.Contains(required, any(name))
}

func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}

// leaf tells what is wrong with one value.
func leaf(k jsonschema.ErrorKind, value any, at map[string]any) string {
	switch k := k.(type) {
	case *kind.Enum:
		return fmt.Sprintf("is %s; allowed are %s", brief(value), list(k.Want, ", ", brief))
	case *kind.MinLength:
		return fmt.Sprintf("has %d characters, at least %d are needed", k.Got, k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("has %d characters, at most %d are allowed", k.Got, k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("has %d entries, at most %d are allowed; %s", k.Got, k.Want, note(at, "x-rule"))
	case *kind.Minimum:
		if odd(value) {
			return oddNumber(value)
		}
		return fmt.Sprintf("is %s, the least allowed is %s", brief(value), whole(k.Want))
	case *kind.Maximum:
		if odd(value) {
			return oddNumber(value)
		}
		return fmt.Sprintf("is %s, the most allowed is %s", brief(value), whole(k.Want))
	default:
		return fmt.Sprintf("is %s; %s", brief(value), note(at, "x-rule"))
	}
}

// odd reports whether a value is a number in a form that no field takes.
func odd(value any) bool {
	number, ok := value.(json.Number)
	return ok && strings.ContainsAny(number.String(), ".eE")
}

func oddNumber(value any) string {
	return fmt.Sprintf("is %s; write a whole number without fraction and exponent", brief(value))
}

// place gives the path of the value that was judged, and the value.
func (t *teller) place(e *jsonschema.ValidationError) (field string, value any) {
	value = t.tree
	for _, token := range e.InstanceLocation {
		switch v := value.(type) {
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return field, nil
			}
			field, value = fmt.Sprintf("%s[%d]", field, i), v[i]
		case map[string]any:
			field, value = messages.JoinField(field, token), v[token]
		}
	}
	return field, value
}

// schemaAt finds the part of the schema that judged.
func (t *teller) schemaAt(e *jsonschema.ValidationError) map[string]any {
	_, pointer, _ := strings.Cut(e.SchemaURL, "#")
	return t.at(pointer)
}

// at is the part of the schema under a JSON pointer.
func (t *teller) at(pointer string) map[string]any {
	at := t.text
	for _, token := range strings.Split(pointer, "/")[1:] {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch v := at.(type) {
		case map[string]any:
			at = v[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			at = v[i]
		}
	}
	object, _ := at.(map[string]any)
	return object
}

func note(at map[string]any, name string) string {
	if text, ok := at[name].(string); ok {
		return text
	}
	return "the schema of the operation says what is allowed"
}

// hint names the field that was probably meant, or else all that there are.
func hint(name string, at map[string]any) string {
	known, _ := at["properties"].(map[string]any)
	names := slices.Sorted(maps.Keys(known))
	if near := Nearest(name, names); near != "" {
		return fmt.Sprintf("the nearest known one is %q", near)
	}
	return "known are " + strings.Join(names, ", ")
}

// Nearest is the name that takes the fewest changes, if these are few enough
// for a typing mistake, or the one of which the given name is the beginning;
// empty where none is near.
func Nearest(name string, names []string) string {
	// Longer names cannot be near, and the comparison is quadratic.
	given := strings.ToLower(name[:min(len(name), 64)])
	best, least := "", 1+max(1, len(given)/4)
	for _, known := range names {
		if len(given) > 2 && strings.HasPrefix(known, given) {
			return known
		}
		if d := levenshtein.Distance(given, known, nil); d < least {
			best, least = known, d
		}
	}
	return best
}

func isContainer(value any) bool {
	switch value.(type) {
	case map[string]any, []any:
		return true
	default:
		return false
	}
}

// brief writes a value as JSON, cut where it gets long.
func brief(value any) string {
	const most = 60
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "unreadable"
	}
	runes := []rune(strings.TrimSpace(text.String()))
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most]) + "…"
}

func typeName(name string) string {
	switch name {
	case "integer":
		return "a whole number"
	case "object":
		return "an object"
	case "array":
		return "an array"
	default:
		return "a " + name
	}
}

func list[T any](values []T, separator string, word func(T) string) string {
	words := make([]string, 0, len(values))
	for _, v := range values {
		words = append(words, word(v))
	}
	return strings.Join(words, separator)
}

func whole(r *big.Rat) string { return strings.TrimSuffix(r.RatString(), "/1") }
