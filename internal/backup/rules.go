// Package backup turns notices of backups into requests for images: it reads
// the backup that a notice hints at, waits until it is available, asks the
// rules what is wanted of it, and asks for one image, however many notices
// there are. A watch of its own finds backups that nobody gave notice of.
//
// How a notice arrives, and what becomes of the request, is left to others:
// hooks and intake bring the one and store the other.
package backup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"text/template"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

// Operation is what a notice leads to.
const Operation = "create-whole-image"

// Rules say which backups become images, and what these are called. They do
// not change.
type Rules struct {
	rules []rule
	named bool // some rule wants the name of a backup's vault
}

// rule is one of them: the first that matches decides.
type rule struct {
	line              int
	match             match
	skip              bool
	name, description *template.Template
	fields            map[string]any // of the request, as they are
	options           map[string]any
}

// Choice is what the rules want of a backup.
type Choice struct {
	Rule int // counted from 1; 0 where none matches
	Line int // of the file
	Skip bool
	// Name is the image's, Data the request's; empty where the backup is skipped.
	Name string
	Data json.RawMessage
}

// Clouds are those that rules are read for.
type Clouds struct {
	// Profiles are those of all that are served, each once.
	Profiles []ims.Profile
	// Names are all that are configured, served here or not; empty: that is not
	// known, and rules may name any.
	Names []string
}

// Load reads a file of rules. Everything that is wrong with it is told at
// once, as Problems.
func Load(file string, clouds Clouds) (*Rules, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the backup rules: %w", err)
	}
	return Parse(file, text, clouds)
}

// Parse reads the text of rules; file stands in problems only.
func Parse(file string, text []byte, clouds Clouds) (*Rules, error) {
	p := parser{file: file, clouds: clouds}
	rules := p.rules(text)
	if len(p.problems) > 0 {
		return nil, p.problems.sorted()
	}
	return &Rules{rules: rules, named: bytes.Contains(text, []byte(".Vault.Name")) || slices.ContainsFunc(rules, func(r rule) bool { return r.match.vault != nil })}, nil
}

// Len is how many rules there are.
func (r *Rules) Len() int { return len(r.rules) }

// WantsVault reports whether the name of a backup's vault matters.
func (r *Rules) WantsVault() bool { return r.named }

// Choose asks the rules about a backup. The data is the same whenever it is
// asked for; whether the operation takes it is for others to judge.
func (r *Rules) Choose(f Facts, p ims.Profile) (Choice, error) {
	for i, each := range r.rules {
		if !each.match.holds(f) {
			continue
		}
		c := Choice{Rule: i + 1, Line: each.line, Skip: each.skip}
		if each.skip {
			return c, nil
		}
		name, err := each.render(each.name, f)
		if err != nil {
			return c, err
		}
		c.Name = fitName(name, p, f.Backup.ID)
		c.Data, err = each.data(f, c.Name)
		return c, err
	}
	return Choice{Skip: true}, nil
}

// data is the request for a backup's image.
func (r rule) data(f Facts, name string) (json.RawMessage, error) {
	fields := maps.Clone(r.fields)
	fields["name"], fields["backup_id"], fields["whole_image_type"] = name, f.Backup.ID, "CBR"
	if r.description != nil {
		text, err := r.render(r.description, f)
		if err != nil {
			return nil, err
		}
		fields["description"] = fitDescription(text)
	}
	if len(r.options) > 0 {
		fields["options"] = r.options
	}
	return json.Marshal(fields)
}

func (r rule) render(t *template.Template, f Facts) (string, error) {
	var b strings.Builder
	if err := t.Execute(&b, f); err != nil {
		return "", fmt.Errorf("rule in line %d: %w", r.line, templateError{err})
	}
	return b.String(), nil
}

// Judge finds what the operation does not take in a choice, for a cloud whose
// steps may lead to others.
func (c Choice) Judge(at handlers.Place) messages.Problems {
	op, known := handlers.Lookup(Operation)
	if !known || c.Skip {
		return nil
	}
	_, problems := op.DecodeAt(c.Data, at)
	return problems
}
