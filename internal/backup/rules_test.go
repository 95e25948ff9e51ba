package backup

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/messages"
)

var both = Clouds{Profiles: []ims.Profile{ims.ProfileOTC, ims.ProfileHuawei}, Names: []string{"prod", "test-1", "test-2"}}

func parse(t *testing.T, text string) *Rules {
	t.Helper()
	rules, err := Parse("rules.yaml", []byte(text), both)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func factsOf(cloud, name, resource string) Facts {
	f := samples()[0]
	f.Cloud, f.Backup.Name, f.Resource.Name = cloud, name, resource
	return f
}

func TestChoose(t *testing.T) {
	t.Parallel()
	rules := parse(t, `
rules:
  - match: { cloud: "test-*" }
    skip: true
  - match: { vault_id: 3B5816B5-f29c-4172-9d9a-76c719a659ce, resource_name: [ "web-*", "app-??" ], kind: [ policy, manual ] }
    image: { name: "{{ .Resource.Name | upper }}-{{ .Backup.CreatedAt | date \"20060102\" }}", description: "of {{ .Vault.Name }}", image_tags: [ { key: team, value: web } ] }
    options: { deadline: 4h }
    on_success: [ { operation: tag-image, tags: [ { key: a, value: b } ] } ]
  - match: { backup_name: "*-final" }
    image: { name: "{{ .Backup.Name | trunc 5 }}" }
`)
	if !rules.WantsVault() || rules.Len() != 3 {
		t.Errorf("%d rules, the vault's name wanted: %t", rules.Len(), rules.WantsVault())
	}
	for name, c := range map[string]struct {
		facts Facts
		rule  int
		skip  bool
		name  string
	}{
		"other_cloud": {factsOf("test-1", "b", "web-01"), 1, true, ""},
		"web":         {factsOf("prod", "b", "web-01"), 2, false, "WEB-01-20261121"},
		"app":         {factsOf("prod", "b", "app-1x"), 2, false, "APP-1X-20261121"},
		"app_longer":  {factsOf("prod", "b", "app-123"), 0, true, ""},
		"by_name":     {factsOf("prod", "grün-final", "db"), 3, false, ""},
		"none":        {factsOf("prod", "b", "db"), 0, true, ""},
	} {
		got, err := rules.Choose(c.facts, ims.ProfileOTC)
		if err != nil || got.Rule != c.rule || got.Skip != c.skip || c.name != "" && got.Name != c.name {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if ps := got.Judge(handlers.Place{Profile: func(string) ims.Profile { return ims.ProfileOTC }}); len(ps) > 0 {
			t.Errorf("%s: %v", name, ps)
		}
		again, _ := rules.Choose(c.facts, ims.ProfileOTC)
		if string(again.Data) != string(got.Data) {
			t.Errorf("%s: not the same data twice: %s, %s", name, got.Data, again.Data)
		}
	}
	got, _ := rules.Choose(factsOf("prod", "b", "web-01"), ims.ProfileOTC)
	var data map[string]any
	if err := json.Unmarshal(got.Data, &data); err != nil || data["whole_image_type"] != "CBR" || data["description"] != "of vault-servers" || data["options"].(map[string]any)["deadline"] != "4h" {
		t.Errorf("%s", got.Data)
	}
}

// TestMistakes: all at once, each with its line.
func TestMistakes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"empty":       {"", []string{"rules.yaml: is empty"}},
		"no_yaml":     {"rules:\n\t- a", []string{"rules.yaml:2: not YAML:"}},
		"no_list":     {"rules: 7", []string{"rules.yaml:1: rules: is missing, want a list"}},
		"none":        {"rules: []", []string{"rules: has no entry"}},
		"unknown_key": {"rule: []\nrules: [ { match: {}, skip: true } ]", []string{"rules.yaml:1: rule: is not a known key; known are rules"}},
		"no_match":    {"rules: [ { skip: true } ]", []string{"rules[0].match: is missing"}},
		"no_image":    {"rules: [ { match: {} } ]", []string{"rules[0].image: is missing, want at least the image's name, or skip: true"}},
		"no_name":     {"rules: [ { match: {}, image: { min_ram: 1 } } ]", []string{"rules[0].image.name: is missing"}},
		"skip_and":    {"rules:\n- match: {}\n  skip: true\n  image: { name: a }", []string{"rules.yaml:4: rules[0].image: has no effect beside skip"}},
		"twice":       {"rules:\n- match: {}\n  skip: true\n  skip: true", []string{"rules.yaml:4: rules[0].skip: is given twice"}},
		"never_asked": {"rules:\n- match: {}\n  skip: true\n- match: { vault: a }\n  skip: true", []string{"rules.yaml:4: rules[1]: is never asked: the rule in line 2 matches every backup"}},
		"no_cloud": {"rules:\n- match: { cloud: [ 'test-*', prd, 'dev-*' ] }\n  skip: true", []string{
			`rules.yaml:2: rules[0].match.cloud: is "prd", which no cloud of clouds.yaml fits; known are prod, test-1, test-2; did you mean "prod"?`, `is "dev-*", which no cloud of clouds.yaml fits; known are`,
		}},
		"no_text": {"rules:\n- match: { cloud: ' ', backup_name: '', vault: [ a, '' ], resource_name: '', kind: '' }\n  skip: true", []string{
			`match.cloud: is " ", which no backup has; want a text, or take the key out`, `match.backup_name: is "", which no`, `match.vault: is ""`, `match.resource_name: is ""`, `match.kind: is ""`,
		}},
		"no_id":       {"rules: [ { match: { vault_id: v-1 }, skip: true } ]", []string{`match.vault_id: is "v-1", want an id like`}},
		"no_kind":     {"rules: [ { match: { kind: disk }, skip: true } ]", []string{`match.kind: is "disk", want policy, manual or replication`}},
		"ours":        {"rules: [ { match: {}, image: { name: a, backup_id: x, options: {} } } ]", []string{"image.backup_id: is filled in", "image.options: stands beside image"}},
		"field":       {"rules:\n- match: {}\n  image:\n    name: a\n    image_tags: [ { key: 'a b', value: c } ]\n    min_rm: 3", []string{"rules.yaml:5: rules[0].image.image_tags[0].key: is \"a b\"", "rules[0].image.min_rm: is not a known field; the nearest known one is \"min_ram\""}},
		"name":        {"rules:\n- match: {}\n  image: { name: 'web/{{ .Resource.Name }}' }", []string{"rules.yaml:3: rules[0].image.name: is \"web/web-01\"; a name has letters"}},
		"no_field":    {"rules: [ { match: {}, image: { name: '{{ .Resource.Nme }}' } } ]", []string{"image.name: there is no .Resource.Nme; there are .Cloud, .Kind"}},
		"no_function": {"rules: [ { match: {}, image: { name: '{{ .Resource.Name | uper }}' } } ]", []string{"image.name: is no template: there is no function uper; there are date"}},
		"not_closed":  {"rules: [ { match: {}, image: { name: '{{ .Resource.Name' } } ]", []string{"image.name: is no template: unclosed action"}},
		"step":        {"rules:\n- match: {}\n  image: { name: a }\n  on_success:\n  - { operation: share-image }", []string{"rules.yaml:5: rules[0].on_success[0].projects: is missing"}},
		"option":      {"rules: [ { match: {}, image: { name: a }, options: { dedline: 1h } } ]", []string{"rules[0].options.dedline: is not a known field"}},
		"null_name":   {"rules: [ { match: {}, image: { name: null } } ]", []string{"image.name: is missing"}},
		"list_name":   {"rules: [ { match: {}, image: { name: [ a ] } } ]", []string{"image.name: want a text, which may be a template"}},
		"tab":         {"\trules:", []string{"rules.yaml: not YAML: found character"}},
		"all_of_one": {"rules:\n- match: { kind: disk }\n  image: { name: '{{ .Nme }}', description: '{{ .Backup.Nme }}', min_rm: 3 }\n  on_success: [ { operation: share-image } ]", []string{
			"rules[0].match.kind", "image.name: there is no .Nme", "image.description: there is no .Backup.Nme", "image.min_rm: is not a known field", "on_success[0].projects: is missing",
		}},
		"two_problems": {"rules:\n- match: { vualt: a }\n  skip: true\n- match: {}\n  image: {}", []string{"rules.yaml:2: rules[0].match.vualt", "rules.yaml:5: rules[1].image.name"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("rules.yaml", []byte(c.text), both)
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("no %q in\n%v", want, err)
				}
			}
			if err != nil && strings.Count(err.Error(), "\n")+1 != len(c.want) {
				t.Errorf("want %d problems, got\n%v", len(c.want), err)
			}
		})
	}
}

// TestFitName: whatever stands in a name, the cloud takes it; what was changed
// differs by backup and is the same each time.
func TestFitName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä-long name ", 30)
	for text, changed := range map[string]bool{"web-01": false, "a b": false, " a": true, "": true, "a/b": true, long: true, "服务器": true, "\n": true, strings.Repeat("x", 128): false, strings.Repeat("x", 129): true} {
		for _, p := range both.Profiles {
			one, two := fitName(text, p, "b-1"), fitName(text, p, "b-2")
			c := Choice{Data: json.RawMessage(`{"backup_id":"9b27efab-4a17-4c06-bfa2-3e0cf021d3c3","whole_image_type":"CBR","name":` + quoted(t, one) + `}`)}
			if ps := c.Judge(handlers.Place{Profile: func(string) ims.Profile { return p }}); len(ps) > 0 || utf8.RuneCountInString(one) > mostName {
				t.Errorf("%q becomes %q: %v", text, one, ps)
			}
			if p == ims.ProfileHuawei && text == "服务器" {
				changed = false
			}
			if (one != text) != changed || (one == two) == changed || one != fitName(text, p, "b-1") {
				t.Errorf("%q becomes %q and %q for %s", text, one, two, p)
			}
		}
	}
}

func quoted(t *testing.T, s string) string {
	t.Helper()
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestGlob(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, text string
		fits          bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "ä/b", true}, {"a*", "abc", true}, {"a*", "ba", false}, {"*c", "abc", true}, {"a?c", "aäc", true},
		{"a?c", "ac", false}, {"*b*", "abc", true}, {"a*b*c", "aXbYc", true}, {"a*b*c", "aXcYb", false}, {"?", "", false}, {"**", "x", true}, {"web-*", "web-", true},
	} {
		if got := messages.Fits(c.pattern, c.text); got != c.fits {
			t.Errorf("%q fits %q: %t", c.pattern, c.text, got)
		}
	}
}
