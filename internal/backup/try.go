package backup

import (
	"encoding/json"
	"strconv"
	"strings"
	"text/template"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ims"
)

// samples are backups that a rule is tried with when it is read: the first as
// they usually are, the others with names that the cloud would not take.
func samples() []Facts {
	usual := Facts{Cloud: "cloud", Kind: kindPolicy}
	usual.Backup.ID, usual.Backup.Name = "9b27efab-4a17-4c06-bfa2-3e0cf021d3c3", "autobk_1a2b_web-01"
	usual.Backup.CreatedAt, usual.Backup.ExpiresAt = time.Date(2026, 11, 21, 2, 3, 4, 0, time.UTC), time.Date(2026, 12, 21, 2, 3, 4, 0, time.UTC)
	usual.Resource.ID, usual.Resource.Name, usual.Resource.Type = "94eba8b2-acc9-4d82-badc-127144cc5526", "web-01", ims.ServerBackup
	usual.Vault.ID, usual.Vault.Name = "3b5816b5-f29c-4172-9d9a-76c719a659ce", "vault-servers"
	all := []Facts{usual}
	for _, name := range []string{strings.Repeat("long-", 60), " größe: 1/2 <a> ", "", "服务器"} {
		odd := usual
		odd.Backup.Name, odd.Resource.Name, odd.Vault.Name = name, name, name
		all = append(all, odd)
	}
	return all
}

// try makes requests of samples and reports what the operation would not take
// in them, at the place of the rule that it comes from.
func (p *parser) try(r rule, n *yaml.Node, keys map[string]*yaml.Node, field string) {
	image := p.mapping(keys["image"], field+".image")
	r.name = p.rendered(r.name, image["name"], field+".image.name")
	r.description = p.rendered(r.description, image["description"], field+".image.description")
	for _, profile := range p.clouds.Profiles {
		for i, f := range samples() {
			name, err := r.render(r.name, f)
			if err != nil { // it was rendered before
				return
			}
			if i > 0 { // a name of its own making is cut to fit; what is wrong with the usual one is the rule's
				name = fitName(name, profile, f.Backup.ID)
			}
			if !p.judge(r, f, name, profile, n, field) {
				break
			}
		}
	}
}

// rendered is a template that every sample can be told by: what fails is
// reported, and something else stands in for it.
func (p *parser) rendered(t *template.Template, n *yaml.Node, field string) *template.Template {
	if t == nil {
		return nil
	}
	for _, f := range samples() {
		if _, err := (rule{}).render(t, f); err != nil {
			p.bad(n, field, "%s", words(err))
			return standIn
		}
	}
	return t
}

// words leaves the mistake of a template without its place.
func words(err error) string {
	_, text, found := strings.Cut(err.Error(), ": ")
	if !found {
		return err.Error()
	}
	return text
}

func (p *parser) judge(r rule, f Facts, name string, profile ims.Profile, n *yaml.Node, field string) bool {
	data, err := r.data(f, name)
	if err != nil {
		p.bad(n, field+".image", "cannot be told as JSON: %s", words(err))
		return false
	}
	problems := Choice{Data: json.RawMessage(data)}.Judge(handlers.Place{Profile: func(string) ims.Profile { return profile }})
	for _, problem := range problems {
		at := placeOf(problem.Field)
		p.bad(find(n, at), field+"."+at, "%s", problem.Message)
	}
	return len(problems) == 0
}

// placeOf is where the rule has what the request has in a field.
func placeOf(field string) string {
	switch {
	case strings.HasPrefix(field, "options.on_success"):
		return strings.TrimPrefix(field, "options.")
	case strings.HasPrefix(field, "options"):
		return field
	}
	return "image." + field
}

// find is the node at a path such as on_success[0].projects, or the nearest
// one above it.
func find(n *yaml.Node, path string) *yaml.Node {
	at := plain(n)
	for _, token := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == '[' || r == ']' }) {
		next := child(at, token)
		if next == nil {
			return at
		}
		at = plain(next)
	}
	return at
}

func child(n *yaml.Node, token string) *yaml.Node {
	if n.Kind == yaml.SequenceNode {
		if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i]
		}
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == token {
			return n.Content[i+1]
		}
	}
	return nil
}
