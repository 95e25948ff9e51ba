package cloud

import (
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Bounds of a file, against anchors that unfold without end.
const (
	maxDepth = 20
	maxNodes = 20_000
)

// tree is one YAML value with its place. Values are read from it by hand: the
// errors of a YAML decoder quote what they could not decode, and that may be a
// password.
type tree struct {
	file   string
	line   int
	kind   yaml.Kind // ScalarNode, SequenceNode or MappingNode
	null   bool
	text   string // of a scalar
	list   []*tree
	keys   []string // of a mapping, in order
	fields map[string]*tree
	lines  map[string]int // where each key stands
}

func (t *tree) get(key string) *tree {
	if t == nil {
		return nil
	}
	return t.fields[key]
}

func (t *tree) isMap() bool { return t != nil && t.kind == yaml.MappingNode }

// empty is true for what is absent, null or an empty text.
func (t *tree) empty() bool {
	return t == nil || t.null || t.kind == yaml.ScalarNode && t.text == ""
}

// parse reads one file; a file without content is an empty mapping.
func parse(file string, content []byte) (*tree, Problems) {
	var doc yaml.Node
	if err := yaml.Unmarshal(content, &doc); err != nil {
		return nil, Problems{syntaxProblem(file, err)}
	}
	if doc.Kind == 0 {
		return &tree{file: file, line: 1, kind: yaml.MappingNode}, nil
	}
	p := &parser{file: file}
	t := p.convert(doc.Content[0], 0)
	return t, p.problems
}

// quotedParts are what the YAML parser repeats from the file: a password that
// begins with "*" is "an unknown anchor" to it.
var (
	quotedParts = regexp.MustCompile("'[^\n]*'|\"[^\n]*\"|`[^\n]*`")
	linePart    = regexp.MustCompile(`line (\d+): *`)
)

func syntaxProblem(file string, err error) Problem {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	p := Problem{File: file}
	if m := linePart.FindStringSubmatch(text); m != nil {
		p.Line, _ = strconv.Atoi(m[1]) // the pattern allows digits only
		text = strings.Replace(text, m[0], "", 1)
	}
	p.Message = "not YAML: " + quotedParts.ReplaceAllString(text, "(…)") + "; texts with special characters belong in quotes"
	return p
}

type parser struct {
	file     string
	nodes    int
	problems Problems
}

const tooLarge = "the file is too deep, or its anchors unfold to too much"

func (p *parser) bad(line int, message string) {
	p.problems = append(p.problems, Problem{File: p.file, Line: line, Message: message})
}

func (p *parser) convert(n *yaml.Node, depth int) *tree {
	t := &tree{file: p.file, line: n.Line, kind: n.Kind}
	p.nodes++
	if depth > maxDepth || p.nodes > maxNodes {
		if p.nodes <= maxNodes+1 {
			p.bad(n.Line, tooLarge)
		}
		p.nodes = max(p.nodes, maxNodes+1)
		return t
	}
	switch n.Kind {
	case yaml.AliasNode:
		return p.convert(n.Alias, depth+1)
	case yaml.ScalarNode:
		t.text, t.null = n.Value, n.Tag == "!!null"
	case yaml.SequenceNode:
		for _, c := range n.Content {
			t.list = append(t.list, p.convert(c, depth+1))
		}
	case yaml.MappingNode:
		p.mapping(t, n, depth)
	}
	return t
}

func (p *parser) mapping(t *tree, n *yaml.Node, depth int) {
	t.fields, t.lines = map[string]*tree{}, map[string]int{}
	var merged []*tree
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], p.convert(n.Content[i+1], depth+1)
		if value.kind != yaml.ScalarNode {
			value.line = key.Line // its own is that of its first item
		}
		switch {
		case key.Kind != yaml.ScalarNode:
			p.bad(key.Line, "a key must be a plain text")
		case key.Tag == "!!merge":
			merged = append(merged, value)
		case t.fields[key.Value] != nil:
			p.bad(key.Line, "the key "+strconv.Quote(key.Value)+" stands here twice")
		default:
			t.set(key.Value, key.Line, value)
		}
	}
	for _, m := range merged {
		t.merge(m)
	}
}

func (t *tree) set(key string, line int, value *tree) {
	if _, there := t.fields[key]; !there {
		t.keys = append(t.keys, key)
	}
	t.fields[key], t.lines[key] = value, line
}

// merge takes over what "<<" names; what stands here goes first.
func (t *tree) merge(m *tree) {
	for _, each := range m.list {
		t.merge(each)
	}
	for _, key := range m.keys {
		if t.fields[key] == nil {
			t.set(key, m.lines[key], m.fields[key])
		}
	}
}

// overlay lays secure.yaml over clouds.yaml: mappings are merged, everything
// else is replaced.
func overlay(base, over *tree) *tree {
	if !base.isMap() || !over.isMap() {
		return over
	}
	for _, key := range over.keys {
		value := over.fields[key]
		if there := base.fields[key]; there != nil {
			value = overlay(there, value)
		}
		if base.fields == nil {
			base.fields, base.lines = map[string]*tree{}, map[string]int{}
		}
		base.set(key, over.lines[key], value)
	}
	return base
}
