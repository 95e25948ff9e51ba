package cloud

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// reader reads the values of one entry and collects what is wrong with them.
type reader struct {
	cloud    string
	file     string
	problems Problems
	warnings Problems
	files    []string // certificates that the entry names
	digest   []byte   // their content
}

func (r *reader) bad(t *tree, line int, key, format string, args ...any) {
	r.problems = append(r.problems, r.problem(t, line, key, format, args...))
}

// warn notes what is no mistake, but not what its writer expects.
func (r *reader) warn(t *tree, key, format string, args ...any) {
	r.warnings = append(r.warnings, r.problem(t, 0, key, format, args...))
}

func (r *reader) problem(t *tree, line int, key, format string, args ...any) Problem {
	p := Problem{File: r.file, Line: line, Cloud: r.cloud, Key: key, Message: fmt.Sprintf(format, args...)}
	if t != nil {
		p.File = t.file
		if line == 0 {
			p.Line = t.line
		}
	}
	return p
}

// text reads a plain value; an absent one is empty.
func (r *reader) text(t *tree, key string) string {
	if t.empty() {
		return ""
	}
	if t.kind != yaml.ScalarNode {
		r.bad(t, 0, key, "want one plain value, found %s", kindOf(t))
		return ""
	}
	return t.text
}

// word is a text with no space around it, for everything but secrets.
func (r *reader) word(t *tree, key string) string { return strings.TrimSpace(r.text(t, key)) }

func (r *reader) oneOf(t *tree, key, what string, allowed ...string) string {
	w := r.word(t, key)
	if w == "" {
		if t != nil {
			r.bad(t, 0, key, "is empty, want one of %s", strings.Join(allowed, ", "))
		}
		return ""
	}
	if slices.Contains(allowed, w) {
		return w
	}
	r.bad(t, 0, key, "%s", unknown(what, w, allowed))
	return ""
}

func (r *reader) boolean(t *tree, key string, absent bool) bool {
	if t == nil {
		return absent
	}
	switch w := strings.ToLower(r.word(t, key)); w {
	case "true", "yes", "on", "1":
		return true
	case "false", "no", "off", "0":
		return false
	default:
		if t.kind == yaml.ScalarNode {
			r.bad(t, 0, key, "%q is neither true nor false", w)
		}
		return absent
	}
}

// duration reads a duration above zero and at least as long as least.
func (r *reader) duration(t *tree, key string, least time.Duration) time.Duration {
	w := r.word(t, key)
	if w == "" {
		if t != nil && t.kind == yaml.ScalarNode {
			r.bad(t, 0, key, "is empty, want a duration, like 20m")
		}
		return 0
	}
	d, err := time.ParseDuration(w)
	switch {
	case err != nil:
		r.bad(t, 0, key, "%q is no duration, want a number with a unit, like 20m", w)
		return 0
	case d < least || d <= 0:
		r.bad(t, 0, key, "%s is too short, want at least %s", w, max(least, time.Nanosecond))
		return 0
	}
	return d
}

func (r *reader) factor(t *tree, key string) float64 {
	if t == nil {
		return 1
	}
	w := r.word(t, key)
	f, err := strconv.ParseFloat(w, 64)
	if t.kind == yaml.ScalarNode && (err != nil || !(f > 0) || f > 1e6) {
		r.bad(t, 0, key, "%q is no factor, want a number above 0, like 1", w)
	}
	if err != nil || !(f > 0) || f > 1e6 {
		return 1
	}
	return f
}

// words reads a list of texts; nil only where the key is absent.
func (r *reader) words(t *tree, key string) []string {
	if t == nil {
		return nil
	}
	if t.kind != yaml.SequenceNode {
		r.bad(t, 0, key, "want a list, like [ … ], found %s", kindOf(t))
		return nil
	}
	list := make([]string, 0, len(t.list))
	for i, item := range t.list {
		at := key + "[" + strconv.Itoa(i) + "]"
		if w := r.word(item, at); w != "" {
			list = append(list, w)
		} else if item.empty() {
			r.bad(item, 0, at, "is empty")
		}
	}
	return list
}

// known reports every item of a list that is not one of those allowed.
func (r *reader) known(t *tree, key, what string, list, allowed []string) {
	if t == nil || len(allowed) == 0 {
		return
	}
	for i, item := range t.list {
		w := strings.TrimSpace(item.text)
		if w != "" && !slices.Contains(allowed, w) && slices.Contains(list, w) {
			r.bad(item, 0, key+"["+strconv.Itoa(i)+"]", "%s", unknown(what, w, allowed))
		}
	}
}

// strict reports every key of a mapping that is not one of those allowed, and
// whether t is a mapping at all.
func (r *reader) strict(t *tree, key string, allowed []string) bool {
	if t == nil || t.null {
		return false
	}
	if !t.isMap() {
		r.bad(t, 0, key, "want keys and values, found %s", kindOf(t))
		return false
	}
	for _, k := range t.keys {
		if !slices.Contains(allowed, k) {
			r.bad(t.fields[k], t.lines[k], key, "%s", unknown("key", k, allowed))
		}
	}
	return true
}

func kindOf(t *tree) string {
	switch {
	case t.null:
		return "nothing"
	case t.kind == yaml.SequenceNode:
		return "a list"
	case t.kind == yaml.MappingNode:
		return "keys and values"
	default:
		return "a plain value"
	}
}
