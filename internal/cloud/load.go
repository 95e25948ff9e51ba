package cloud

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Options say which file to read and what it may speak of.
type Options struct {
	File       string   // empty: OS_CLIENT_CONFIG_FILE, then the OpenStack places
	Names      []string // entries to serve; empty: those with an "imsworker:" block, or the only one
	Operations []string // operations that allow and allow_steps may name; empty: any
}

// Load reads the file, secure.yaml beside it, and the certificates that they
// name. All mistakes are reported at once, as Problems. It blocks on nothing
// but the file system.
func Load(o Options) (*Set, error) {
	file, err := find(o.File)
	if err != nil {
		return nil, fmt.Errorf("%w: name the file in IMSWORKER_CLOUDS_FILE or %s, or put it into one of %s", err, fileVariable, strings.Join(places(), ", "))
	}
	s := &source{set: &Set{clouds: map[string]Cloud{}}}
	root := s.read(file)
	if root = s.withSecure(file, root); root != nil {
		s.clouds(file, root, o)
	}
	if err := s.problems.err(); err != nil {
		return nil, err
	}
	s.set.digest = hash(s.content)
	return s.set, nil
}

// source is one reading of the files.
type source struct {
	set      *Set
	content  []byte
	problems Problems
}

func (s *source) bad(file string, line int, cloud, format string, args ...any) {
	s.problems = append(s.problems, Problem{File: file, Line: line, Cloud: cloud, Message: fmt.Sprintf(format, args...)})
}

func (s *source) read(file string) *tree {
	content, err := os.ReadFile(file)
	if err != nil {
		s.bad(file, 0, "", "cannot be read: %s", cause(err))
		return nil
	}
	s.content = append(append(s.content, content...), 0)
	s.set.files = append(s.set.files, file)
	t, problems := parse(file, content)
	s.problems = append(s.problems, problems...)
	return t
}

// withSecure lays secure.yaml over the file; nil if either cannot be read,
// since what the one lacks may stand in the other.
func (s *source) withSecure(file string, root *tree) *tree {
	secure := secureBeside(file)
	if secure == "" || root == nil {
		return root
	}
	over := s.read(secure)
	if over != nil && !over.isMap() {
		s.bad(secure, over.line, "", "want clouds: with entries, found %s", kindOf(over))
		return nil
	}
	if over == nil {
		return nil
	}
	return overlay(root, over)
}

func (s *source) clouds(file string, root *tree, o Options) {
	entries := root.get("clouds")
	if !entries.isMap() || len(entries.keys) == 0 {
		s.bad(file, 0, "", "has no entries, want clouds: with one entry a cloud")
		return
	}
	names := s.names(entries)
	s.set.all = names
	for _, entry := range s.chosen(entries, o.Names) {
		r := &reader{cloud: entry, file: entries.file}
		t := entries.get(entry)
		if !t.isMap() {
			r.bad(t, entries.lines[entry], "", "is empty, want region_name, auth and imsworker")
		} else {
			c := r.entry(entry, t, o.Operations)
			r.targets(t, slices.Clone(names))
			c.digest = hash(append(t.digest(nil), r.digest...))
			s.keep(c, entries.lines[entry], t.file)
		}
		s.content = append(s.content, r.digest...)
		s.set.files = append(s.set.files, r.files...)
		s.problems = append(s.problems, r.problems...)
		s.set.warnings = append(s.set.warnings, r.warnings...)
	}
}

// keep adds a cloud, unless its name or its project is taken: two owners of
// one account would each spend the whole of its limits.
func (s *source) keep(c Cloud, line int, file string) {
	for _, other := range s.set.Names() {
		was := s.set.clouds[other]
		if c.surely(was) {
			s.bad(file, line, c.Entry, "is the same project as cloud %s: one account can be one cloud only", was.Entry)
		}
	}
	if was, taken := s.set.clouds[c.Name]; taken {
		s.bad(file, line, c.Entry, "has the name %q, as cloud %s has", c.Name, was.Entry)
	}
	s.set.clouds[c.Name] = c
}

// names are those of all entries, served or not.
func (s *source) names(entries *tree) []string {
	names := make([]string, 0, len(entries.keys))
	for _, entry := range entries.keys {
		names = append(names, nameOf(entry, entries.get(entry)))
	}
	return names
}

func nameOf(entry string, t *tree) string {
	if alias := t.get(ownBlock).get("alias"); !alias.empty() {
		return strings.TrimSpace(alias.text)
	}
	return entry
}

// chosen are the entries to serve, in the order of the file.
func (s *source) chosen(entries *tree, wanted []string) []string {
	if len(wanted) > 0 {
		return s.wanted(entries, wanted)
	}
	own := slices.DeleteFunc(slices.Clone(entries.keys), func(e string) bool { return entries.get(e).get(ownBlock) == nil })
	switch {
	case len(own) > 0:
		return own
	case len(entries.keys) == 1:
		return entries.keys
	}
	s.bad(entries.file, entries.line, "", "no entry has an imsworker: block, want one (it may be {}) in each entry to serve, or the names of the entries in IMSWORKER_CLOUDS")
	return nil
}

func (s *source) wanted(entries *tree, wanted []string) []string {
	for _, w := range wanted {
		known := append(s.names(entries), entries.keys...)
		if !slices.Contains(known, w) {
			slices.Sort(known)
			s.bad(entries.file, entries.line, "", "%s", unknown("cloud", w, slices.Compact(known)))
		}
	}
	return slices.DeleteFunc(slices.Clone(entries.keys), func(e string) bool {
		return !slices.Contains(wanted, e) && !slices.Contains(wanted, nameOf(e, entries.get(e)))
	})
}

// digest writes all of a value, so that two readings can be compared.
func (t *tree) digest(b []byte) []byte {
	b = fmt.Appendf(b, "%d%q[", t.kind, t.text)
	for _, item := range t.list {
		b = item.digest(b)
	}
	keys := slices.Sorted(slices.Values(t.keys))
	for _, key := range keys {
		b = t.fields[key].digest(fmt.Appendf(b, "%q:", key))
	}
	return append(b, ']')
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
