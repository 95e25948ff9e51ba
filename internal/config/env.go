package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/kelseyhightower/envconfig"
)

const fileSuffix = "_FILE"

// nowhere is a prefix that nothing in the environment has (unknown names are refused), so that envconfig takes the default.
const nowhere = Prefix + "__"

// Problems is every mistake of a configuration, each a sentence of its own.
type Problems []string

// Error implements error; the problems stand on lines of their own.
func (p Problems) Error() string {
	if len(p) == 1 {
		return "configuration: " + p[0]
	}
	return fmt.Sprintf("configuration has %d problems:\n  %s", len(p), strings.Join(p, "\n  "))
}

// reader collects what the environment says, and all that is wrong with it.
type reader struct {
	known    map[string]bool // names without the prefix
	problems Problems
}

func newReader() *reader { return &reader{known: map[string]bool{}} }

func (r *reader) problem(format string, args ...any) {
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

func (r *reader) config() Config {
	var c Config
	r.group("", reflect.ValueOf(&c).Elem())
	r.checkNames()
	c.Clouds = trimmed(c.Clouds)
	if c.Instance == "" {
		c.Instance = defaultInstance()
	}
	return c
}

func (r *reader) group(prefix string, group reflect.Value) {
	for i := range group.NumField() {
		field := group.Type().Field(i)
		name := prefix + field.Tag.Get("env")
		if field.Type.Kind() == reflect.Struct {
			r.group(name+"_", group.Field(i))
			continue
		}
		r.known[name] = true
		r.field(name, field, group.Field(i))
		if field.Tag.Get("file") != "" {
			r.known[name+fileSuffix] = true
			r.file(name, group.Field(i))
		}
	}
}

// field reads one variable. envconfig stops at its first error, so that each field goes through it alone; an empty variable
// counts as one that is not set, as compose files and charts write them.
func (r *reader) field(name string, field reflect.StructField, into reflect.Value) {
	alone := reflect.StructField{Name: name, Type: field.Type, Tag: reflect.StructTag(withoutNames(field.Tag))}
	one := reflect.New(reflect.StructOf([]reflect.StructField{alone}))
	prefix := Prefix
	if os.Getenv(variable(name)) == "" {
		prefix = nowhere
	}
	err := envconfig.Process(prefix, one.Interface())
	if wrong, ok := errors.AsType[*envconfig.ParseError](err); ok {
		r.problem("%s is %q: %s is wanted", wrong.KeyName, wrong.Value, wanted(field.Type))
		_ = envconfig.Process(nowhere, one.Interface())
	}
	into.Set(one.Elem().Field(0))
}

// withoutNames leaves only the default: envconfig would read a variable named by its own tag without our prefix as well.
func withoutNames(tag reflect.StructTag) string {
	return fmt.Sprintf("default:%q", tag.Get("default"))
}

func wanted(t reflect.Type) string {
	switch {
	case t.PkgPath() == "time":
		return "a duration like 500ms, 15s or 720h"
	case t.Kind() == reflect.Float64:
		return "a number like 0.03"
	default:
		return "a whole number"
	}
}

// file reads a variable that is given as the name of a file; one line break at the file's end does not count.
func (r *reader) file(name string, into reflect.Value) {
	full := variable(name) + fileSuffix
	path := os.Getenv(full)
	if path == "" {
		return
	}
	if into.String() != "" {
		r.problem("%s and %s are both set: give only one of them", variable(name), full)
		return
	}
	content, err := os.ReadFile(path)
	if err != nil {
		r.problem("%s: %v", full, err)
		return
	}
	value := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if value == "" {
		r.problem("%s: %s is empty", full, path)
	}
	into.SetString(value)
}

func trimmed(names []string) []string {
	var out []string
	for _, name := range names {
		if name = strings.TrimSpace(name); name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// defaultInstance is host name and process id, as one token of a subject.
func defaultInstance() string {
	host, err := os.Hostname()
	if err != nil {
		host = "worker"
	}
	return fmt.Sprintf("%s-%d", notInToken.ReplaceAllString(host, "-"), os.Getpid())
}
