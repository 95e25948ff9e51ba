package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const savedBackup = `{"backup":{"id":"6df2b54c-dd62-4059-a07c-1b8f24f2725d","name":"autobk","status":"available","image_type":"backup",
	"resource_type":"OS::Nova::Server","resource_id":"94eba8b2-acc9-4d82-badc-127144cc5526","resource_name":"web-01","vault_id":"3b5816b5-f29c-4172-9d9a-76c719a659ce",
	"created_at":"2026-11-21T02:03:04.000+00:00","extend_info":{"auto_trigger":true,"contain_system_disk":true,"os_images_data":[]}}}`

func writeRules(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBackupRulesTest(t *testing.T) {
	rules := writeRules(t, `
rules:
  - match: { resource_name: "db-*" }
    skip: true
  - match: { kind: policy, resource_name: "web-*" }
    image: { name: "{{ .Resource.Name }}-{{ .Backup.CreatedAt | date \"20060102-1504\" }}" }
`)
	code, out, errOut := call(t, savedBackup, "backup-rules", "test", "--rules", rules, "--cloud", "demo", "-o", "json")
	var got struct {
		Rule, Line int
		Name, Key  string
		Data       map[string]any
	}
	if code != exitDone || json.Unmarshal([]byte(out), &got) != nil {
		t.Fatalf("%d\n%s\n%s", code, out, errOut)
	}
	if got.Rule != 2 || got.Line != 5 || got.Name != "web-01-20261121-0203" || len(got.Key) != 26 || got.Data["backup_id"] != "6df2b54c-dd62-4059-a07c-1b8f24f2725d" {
		t.Errorf("%+v", got)
	}
	for change, want := range map[string]string{
		`"web-01"|"db-01"`: "skips it", `"web-01"|"app-01"`: "no rule matches", `"available"|"protecting"`: "is waited for", `"os_images_data":[]|"os_images_data":[{"image_id":"i-1"}]`: "has an image already, i-1",
	} {
		from, to, _ := strings.Cut(change, "|")
		if code, out, _ := call(t, strings.ReplaceAll(savedBackup, from, to), "backup-rules", "test", "--rules", rules); code != exitDone || !strings.Contains(out, want) {
			t.Errorf("%s: %d\n%s", change, code, out)
		}
	}
}

// TestBackupRulesOfNoServer: a backup that never becomes an image leads to no
// request, whatever the rules say.
func TestBackupRulesOfNoServer(t *testing.T) {
	rules := writeRules(t, "rules: [ { match: {}, image: { name: x } } ]")
	for change, want := range map[string]string{
		"OS::Nova::Server|OS::Cinder::Volume":                    `it is no backup of a server (OS::Nova::Server) but of "OS::Cinder::Volume"`,
		`"contain_system_disk":true|"contain_system_disk":false`: "it has no system disk",
		`"available"|"error"`:                                    "it is in state error",
	} {
		from, to, _ := strings.Cut(change, "|")
		code, out, _ := call(t, strings.ReplaceAll(savedBackup, from, to), "backup-rules", "test", "--rules", rules)
		if code != exitDone || !strings.Contains(out, "nothing happens: "+want) || strings.Contains(out, "data") || strings.Contains(out, "name") {
			t.Errorf("%s: %d\n%s", change, code, out)
		}
	}
}

// TestBackupRulesOfAnUnknownCloud: where clouds.yaml is there, the cloud has to
// stand in it, in rules too.
func TestBackupRulesOfAnUnknownCloud(t *testing.T) {
	file := filepath.Join(t.TempDir(), "clouds.yaml")
	entry := "{region_name: eu-de, profile: otc, auth: {auth_url: 'https://iam.eu-de.otc.t-systems.com/v3', project_id: %s, ak: a, sk: s}, imsworker: {}}"
	text := "clouds:\n  prod: " + fmt.Sprintf(entry, "0123456789abcdef0123456789abcdef") + "\n  staging: " + fmt.Sprintf(entry, "1123456789abcdef0123456789abcdef")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("IMSWORKER_CLOUDS_FILE", file)
	good, bad := writeRules(t, "rules: [ { match: {}, image: { name: x } } ]"), writeRules(t, "rules: [ { match: { cloud: stagin, backup_name: '' }, image: { name: x } } ]")
	for want, args := range map[string][]string{
		`--cloud is "prd", which clouds.yaml does not have for workers; it has prod, staging; did you mean "prod"?`: {"--rules", good, "--cloud", "prd"},
		"--cloud is missing: clouds.yaml has prod, staging":                                                         {"--rules", good},
		`rules[0].match.backup_name: is "", which no backup has`:                                                    {"--rules", bad, "--cloud", "prod"},
		`rules[0].match.cloud: is "stagin", which no cloud of clouds.yaml fits; known are prod, staging; did you mean "staging"?`: {
			"--rules", bad, "--cloud", "prod",
		},
	} {
		if code, out, errOut := call(t, savedBackup, append([]string{"backup-rules", "test"}, args...)...); code != exitUsage || !strings.Contains(errOut, want) {
			t.Errorf("%d, no %q in\n%s%s", code, want, out, errOut)
		}
	}
	if code, out, errOut := call(t, savedBackup, "backup-rules", "test", "--rules", good, "--cloud", "staging"); code != exitDone || !strings.Contains(out, "ims.request.staging.create-whole-image") {
		t.Errorf("%d\n%s%s", code, out, errOut)
	}
}

func TestBackupRulesMistakes(t *testing.T) {
	bad := writeRules(t, "rules:\n  - match: { resorce_name: web }\n    image: { name: \"{{ .Resource.Nam }}\" }\n  - image: { name: \"a/b\", tags: web }\n    match: {}\n")
	code, _, errOut := call(t, savedBackup, "backup-rules", "test", "--rules", bad)
	for _, want := range []string{"rules.yaml:2: rules[0].match.resorce_name: is not a known key; known are cloud, vault_id", "rules.yaml:4: rules[1].image.name", "rules[1].image.tags"} {
		if code != exitUsage || !strings.Contains(errOut, want) {
			t.Errorf("%d, no %q in\n%s", code, want, errOut)
		}
	}
	good := writeRules(t, "rules: [ { match: {}, image: { name: x } } ]")
	for name, c := range map[string]struct {
		stdin string
		args  []string
		want  string
	}{
		"no_rules":  {savedBackup, nil, "no rules: name their file with --rules or in IMSWORKER_BACKUP_RULES"},
		"no_json":   {"{", []string{"--rules", good}, "not JSON"},
		"no_backup": {"{}", []string{"--rules", good}, "standard input: it has no id"},
		"no_file":   {"", []string{"--rules", good, "-f", "/nowhere/x"}, "/nowhere/x"},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, errOut := call(t, c.stdin, append([]string{"backup-rules", "test"}, c.args...)...)
			if code != exitUsage || !strings.Contains(errOut, c.want) {
				t.Errorf("%d\n%s", code, errOut)
			}
		})
	}
}
