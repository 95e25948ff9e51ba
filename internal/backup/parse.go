package backup

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/messages"
)

// Problem is one mistake in a file of rules.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Field   string `json:"field"`
	Message string `json:"message"`
}

// String tells place, field and mistake in one line.
func (p Problem) String() string {
	place := p.File
	if p.Line > 0 {
		place += ":" + strconv.Itoa(p.Line)
	}
	if p.Field != "" {
		place += ": " + p.Field
	}
	return place + ": " + p.Message
}

// Problems are all mistakes of a file. It is the error of Load.
type Problems []Problem

// Error tells every mistake in a line of its own.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// sorted are the problems in the order of the file, each once.
func (ps Problems) sorted() Problems {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(a.Line-b.Line, cmp.Compare(a.Field, b.Field), cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(ps)
}

// parser collects what is wrong with one file.
type parser struct {
	file     string
	clouds   Clouds
	problems Problems
}

func (p *parser) bad(n *yaml.Node, field, format string, args ...any) {
	line := 0
	if n != nil {
		line = n.Line
	}
	p.problems = append(p.problems, Problem{File: p.file, Line: line, Field: field, Message: fmt.Sprintf(format, args...)})
}

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

func (p *parser) rules(text []byte) []rule {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		n := yaml.Node{}
		words := err.Error()
		if m := yamlLine.FindStringSubmatch(words); m != nil {
			n.Line, _ = strconv.Atoi(m[1]) // the pattern allows digits only
		}
		p.bad(&n, "", "not YAML: %s", strings.TrimPrefix(yamlLine.ReplaceAllString(words, ""), "yaml: "))
		return nil
	}
	if doc.Kind == 0 {
		p.bad(nil, "", "is empty, want rules: with one entry a rule")
		return nil
	}
	root := p.mapping(doc.Content[0], "", "rules")
	list := root["rules"]
	switch {
	case root == nil:
		return nil
	case list == nil || list.Kind != yaml.SequenceNode:
		p.bad(doc.Content[0], "rules", "is missing, want a list with one entry a rule")
		return nil
	}
	return p.list(list)
}

// list reads all rules. What stands behind one that matches everything is
// never asked.
func (p *parser) list(list *yaml.Node) []rule {
	var rules []rule
	all := 0
	for i, n := range list.Content {
		field := fmt.Sprintf("rules[%d]", i)
		r, sound := p.rule(plain(n), field)
		if all > 0 {
			p.bad(n, field, "is never asked: the rule in line %d matches every backup", all)
		}
		if sound && r.match.everything() && all == 0 {
			all = n.Line
		}
		rules = append(rules, r)
	}
	if len(rules) == 0 {
		p.bad(list, "rules", "has no entry, so that no backup becomes an image")
	}
	return rules
}

func (p *parser) rule(n *yaml.Node, field string) (r rule, sound bool) {
	before := len(p.problems)
	r = rule{line: n.Line}
	keys := p.mapping(n, field, "match", "image", "options", "on_success", "skip")
	if keys == nil {
		return r, false
	}
	p.match(&r, n, keys["match"], field)
	if skip := keys["skip"]; skip != nil && skip.Decode(&r.skip) != nil {
		p.bad(skip, field+".skip", "is %q, want true or false", skip.Value)
	}
	switch {
	case r.skip:
		for _, key := range []string{"image", "options", "on_success"} {
			if keys[key] != nil {
				p.bad(keys[key], field+"."+key, "has no effect beside skip: true; take one of them out")
			}
		}
	case keys["image"] == nil:
		p.bad(n, field+".image", "is missing, want at least the image's name, or skip: true")
	default:
		p.image(&r, keys, field)
	}
	if r.name != nil {
		p.try(r, n, keys, field)
	}
	return r, len(p.problems) == before
}

func (p *parser) match(r *rule, n, m *yaml.Node, field string) {
	field += ".match"
	if m == nil {
		p.bad(n, field, "is missing, want what a backup must have; match: {} matches every backup")
		return
	}
	for key, value := range p.mapping(m, field, matchKeys...) {
		texts := p.texts(value, field+"."+key)
		for i, text := range texts {
			texts[i] = p.pattern(value, field+"."+key, key, text)
		}
		*r.match.field(key) = texts
	}
}

// pattern judges one text of a match, and returns the form it is compared in.
func (p *parser) pattern(n *yaml.Node, field, key, text string) string {
	if strings.TrimSpace(text) == "" {
		p.bad(n, field, "is %q, which no backup has; want a text, or take the key out, which stands for any", text)
		return text
	}
	switch key {
	case "cloud":
		p.cloud(n, field, text)
	case "vault_id", "resource_id":
		if !messages.ValidID(text) {
			p.bad(n, field, "is %q, want an id like 9b27efab-4a17-4c06-bfa2-3e0cf021d3c3", text)
		}
		return strings.ToLower(text)
	case "kind":
		if !slices.Contains([]string{kindPolicy, kindManual, kindReplication}, text) {
			p.bad(n, field, "is %q, want %s, %s or %s", text, kindPolicy, kindManual, kindReplication)
		}
	}
	return text
}

// cloud judges the pattern of a cloud's name.
func (p *parser) cloud(n *yaml.Node, field, text string) {
	known := p.clouds.Names
	if len(known) == 0 || slices.ContainsFunc(known, func(name string) bool { return messages.Fits(text, name) }) {
		return
	}
	p.bad(n, field, "is %q, which no cloud of clouds.yaml fits; known are %s%s", text, strings.Join(known, ", "), meant(text, known))
}

// meant asks about the known word that is near to one that is not known.
func meant(word string, known []string) string {
	if near := handlers.Nearest(word, known); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// filledIn are the fields of the request that are not a rule's to give.
var filledIn = map[string]string{
	"backup_id":        "is filled in with the backup's id",
	"whole_image_type": "is filled in with CBR",
	"instance_id":      "has no place here: the image is made of the backup",
	"vault_id":         "has no place here: the image is made of the backup; choose vaults in match",
	"options":          "stands beside image, not in it",
}

func (p *parser) image(r *rule, keys map[string]*yaml.Node, field string) {
	image := p.mapping(keys["image"], field+".image")
	if image == nil {
		return
	}
	r.fields, r.options = map[string]any{}, map[string]any{}
	for key, value := range image {
		if why, ours := filledIn[key]; ours {
			p.bad(value, field+".image."+key, "%s; take it out", why)
			continue
		}
		r.fields[key] = p.value(value, field+".image."+key)
	}
	if r.name = p.template(image["name"], field+".image.name"); r.name == nil {
		p.bad(keys["image"], field+".image.name", "is missing, want the image's name, which may be a template")
		r.name = standIn
	}
	r.description = p.template(image["description"], field+".image.description")
	for key, value := range p.mapping(keys["options"], field+".options") {
		if key == "on_success" {
			p.bad(value, field+".options.on_success", "stands beside image, not in options")
		}
		r.options[key] = p.value(value, field+".options."+key)
	}
	if steps := keys["on_success"]; steps != nil {
		r.options["on_success"] = p.value(steps, field+".on_success")
	}
}

// standIn takes the place of a template that is none, so that the rest of its
// rule can be judged.
var standIn = template.Must(template.New("").Parse("web-01"))

// template reads a text that may name facts; nil where nothing is given.
func (p *parser) template(n *yaml.Node, field string) *template.Template {
	if n == nil || n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.ScalarNode {
		p.bad(n, field, "want a text, which may be a template")
		return standIn
	}
	t, err := template.New(field).Option("missingkey=error").Funcs(functions).Parse(n.Value)
	if err != nil {
		p.bad(n, field, "is no template: %s", templateError{err})
		return standIn
	}
	return t
}

// mapping takes keys and values apart and reports keys that are given twice or,
// where some are known, are none of them. It is nil where n is no mapping.
func (p *parser) mapping(n *yaml.Node, field string, known ...string) map[string]*yaml.Node {
	if n = plain(n); n == nil || n.Tag == "!!null" {
		return map[string]*yaml.Node{}
	}
	if n.Kind != yaml.MappingNode {
		p.bad(n, field, "want keys and values")
		return nil
	}
	all := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], plain(n.Content[i+1])
		switch {
		case all[key.Value] != nil:
			p.bad(key, messages.JoinField(field, key.Value), "is given twice")
		case len(known) > 0 && !slices.Contains(known, key.Value):
			p.bad(key, messages.JoinField(field, key.Value), "is not a known key; known are %s%s", strings.Join(known, ", "), meant(key.Value, known))
		default:
			all[key.Value] = value
		}
	}
	return all
}

// plain is the node that an alias stands for.
func plain(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// texts reads one text, or a list of them.
func (p *parser) texts(n *yaml.Node, field string) []string {
	var one string
	var many []string
	if n.Kind == yaml.SequenceNode && n.Decode(&many) == nil && len(many) > 0 {
		return many
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Decode(&one) != nil {
		p.bad(n, field, "want a text, or a list of them")
	}
	return []string{one}
}

var errKeys = errors.New("its keys are no texts")

// value reads what the request gets as it is.
func (p *parser) value(n *yaml.Node, field string) any {
	var v any
	if err := n.Decode(&v); err != nil {
		p.bad(n, field, "cannot be read: %s", yamlLine.ReplaceAllString(err.Error(), ""))
		return nil
	}
	if !jsonable(v) {
		p.bad(n, field, "cannot be read: %s", errKeys)
	}
	return v
}

// jsonable reports whether all keys are texts; YAML takes others too.
func jsonable(v any) bool {
	switch v := v.(type) {
	case map[any]any:
		return false
	case map[string]any:
		for _, each := range v {
			if !jsonable(each) {
				return false
			}
		}
	case []any:
		return !slices.ContainsFunc(v, func(each any) bool { return !jsonable(each) })
	}
	return true
}
