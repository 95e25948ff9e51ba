package cloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/ims"
)

const fixtureSecret = "SKexampleSECRET"

var operations = []string{"copy-image", "create-whole-image", "delete-image"}

// TestInvalid compares what is said of each broken file, word by word, with
// the text beside it.
func TestInvalid(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/invalid-*.yaml")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(strings.TrimSuffix(file, ".yaml") + ".txt")
			if err != nil {
				t.Fatal(err)
			}
			_, err = Load(Options{File: file, Operations: operations})
			if _, ok := errors.AsType[Problems](err); !ok {
				t.Fatalf("got %v, want Problems", err)
			}
			got := strings.ReplaceAll(err.Error(), "testdata"+string(filepath.Separator), "")
			if got != strings.TrimSuffix(string(want), "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), fixtureSecret) {
				t.Error("a secret is told")
			}
		})
	}
}

// write makes a directory with these files and returns the path of clouds.yaml.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "clouds.yaml")
}

const fullFile = `
common: &common
  profile: otc
  region_name: eu-de
  interface: public
  identity_api_version: 3
clouds:
  Prod EU:
    <<: *common
    auth:
      auth_url: https://iam.eu-de.otc.t-systems.com/v3
      project_id: 0123456789abcdef0123456789abcdef
      access_key: AKEXAMPLE0000000TEST
    image_endpoint_override: https://ims.example/prefix/v2
    volume_endpoint_override: https://evs.example/v2/0123456789abcdef0123456789abcdef
    verify: no
    imsworker:
      alias: eu-de-prod
      limits: { copy: 10/5m, cross_region_concurrent: 2 }
      job_query: show_progress
      on_uncertain: hold
      horizon: 20m
      time_factor: 2.5
      allow: [ copy-image, delete-image ]
      allow_steps: [ copy-image ]
      allow_targets: [ eu-de-prod, test ]
      backup_watch: { vaults: [ v-1 ] }
      smn_topics: [ urn:smn:eu-de:1:t ]
      cross_region_result: job-only
      safe_mode: true
  test:
    region_name: cn-north-4
    auth:
      auth_url: https://iam.cn-north-4.myhuaweicloud.com/v3
      username: worker
      password: 87654321
      user_domain_name: D-1
      project_name: cn-north-4_web
    imsworker: { limits: off }
  other:
    auth: { password: of-no-concern }
`

const secureFile = `
clouds:
  Prod EU:
    auth: { secret_key: SKexampleSECRET, security_token: SKexampleSECRET-token }
  unused: { auth: { password: x } }
`

func loadFull(t *testing.T) *Set {
	t.Helper()
	set, err := Load(Options{File: write(t, map[string]string{"clouds.yaml": fullFile, "secure.yaml": secureFile}), Operations: operations})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestLoad(t *testing.T) {
	t.Parallel()
	set := loadFull(t)
	if got := set.Names(); !slices.Equal(got, []string{"eu-de-prod", "test"}) {
		t.Fatalf("names %v", got)
	}
	c, _ := set.Get("eu-de-prod")
	if c.Profile != ims.ProfileOTC || c.Region != "eu-de" || c.ProjectID != "0123456789abcdef0123456789abcdef" || c.Entry != "Prod EU" {
		t.Errorf("got %q %q %q %q", c.Profile, c.Region, c.ProjectID, c.Entry)
	}
	wantEndpoints := ims.Endpoints{
		Image: "https://ims.example/prefix", CBR: "https://cbr.eu-de.otc.t-systems.com",
		BlockStorage: "https://evs.example", Identity: "https://iam.eu-de.otc.t-systems.com",
	}
	if c.Client.Endpoints != wantEndpoints {
		t.Errorf("endpoints\n got %+v\nwant %+v", c.Client.Endpoints, wantEndpoints)
	}
	credentials := c.Client.Credentials
	if credentials.AccessKey.Reveal() != "AKEXAMPLE0000000TEST" || credentials.SecretKey.Reveal() != fixtureSecret || credentials.SecurityToken.Reveal() != fixtureSecret+"-token" {
		t.Error("the keys of both files did not come together")
	}
	if c.Client.TLS == nil || !c.Client.TLS.InsecureSkipVerify || c.Client.TimeFactor != 2.5 || c.Client.JobQuery != ims.ShowJobProgress {
		t.Errorf("client: TLS %v, factor %v, query %s", c.Client.TLS != nil, c.Client.TimeFactor, c.Client.JobQuery)
	}
	if _, err := ims.New(c.Client); err != nil {
		t.Error(err)
	}
}

// TestSafeMode: only clouds that have the v2.1 calls are asked by them; where
// there are none, a warning says so.
func TestSafeMode(t *testing.T) {
	t.Parallel()
	for profile, want := range map[ims.Profile]bool{ims.ProfileHuawei: true, ims.ProfileOTC: false} {
		text := "clouds: { lone: { profile: " + string(profile) + ", region_name: r-1, auth: { ak: a, sk: b }, imsworker: { safe_mode: true } } }"
		set, err := Load(Options{File: write(t, map[string]string{"clouds.yaml": text})})
		if err != nil {
			t.Fatal(err)
		}
		if c, _ := set.Get("lone"); c.Client.SafeMode != want || len(set.Warnings()) == 0 == !want {
			t.Errorf("%s: safe mode %t, warnings %v", profile, c.Client.SafeMode, set.Warnings())
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	c, _ := loadFull(t).Get("eu-de-prod")
	s := c.Settings
	if s.Limits["copy"] != (Limit{10, 5 * time.Minute}) || s.Limits["whole"] != (Limit{20, 2 * time.Minute}) || s.CrossRegionConcurrent != 2 || s.LimitsOff {
		t.Errorf("limits %+v, %d", s.Limits, s.CrossRegionConcurrent)
	}
	if s.OnUncertain != OnUncertainHold || s.Horizon != 20*time.Minute || s.CrossRegionResult != CrossRegionJobOnly || !s.SafeMode {
		t.Errorf("got %+v", s)
	}
	if !s.Allows("delete-image") || s.Allows("create-whole-image") || !slices.Equal(s.AllowTargets, []string{"eu-de-prod", "test"}) {
		t.Errorf("allow %v, targets %v", s.Allow, s.AllowTargets)
	}
	if s.BackupWatch.Every != 5*time.Minute || !slices.Equal(s.BackupWatch.Vaults, []string{"v-1"}) || len(s.SMNTopics) != 1 {
		t.Errorf("watch %+v, topics %v", s.BackupWatch, s.SMNTopics)
	}
}

// TestWarnings: what is understood and has no effect is told, with its place;
// operations of later versions may be allowed already.
func TestWarnings(t *testing.T) {
	t.Parallel()
	set := loadFull(t)
	var keys []string
	for _, w := range set.Warnings() {
		keys = append(keys, w.Key)
		if w.Line == 0 || w.Cloud != "Prod EU" || !strings.Contains(w.String(), "has no effect: ") {
			t.Errorf("warning %v", w)
		}
	}
	want := strings.Fields("safe_mode")
	if got := strings.ReplaceAll(strings.Join(keys, " "), ownBlock+".", ""); got != strings.Join(want, " ") {
		t.Errorf("warnings about %s", got)
	}
	quiet := "clouds: { lone: { profile: otc, region_name: eu-de, auth: { ak: a, sk: b }, imsworker: { allow: [ bulk-copy, copy-image ], " +
		"allow_steps: [], safe_mode: false, cross_region_result: image } } }"
	set, err := Load(Options{File: write(t, map[string]string{"clouds.yaml": quiet}), Operations: operations})
	if err != nil || len(set.Warnings()) > 0 {
		t.Errorf("%v, warnings %v", err, set.Warnings())
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	c, _ := loadFull(t).Get("test")
	s := c.Settings
	if c.Profile != ims.ProfileHuawei || c.Client.Endpoints.CBR != "https://cbr.cn-north-4.myhuaweicloud.com" || c.Client.TLS != nil {
		t.Errorf("profile %s, endpoints %+v", c.Profile, c.Client.Endpoints)
	}
	if !s.LimitsOff || s.JobQuery != ims.ShowJob || s.OnUncertain != OnUncertainDefault || s.TimeFactor != 1 || s.Horizon != 0 || s.CrossRegionResult != CrossRegionImage {
		t.Errorf("got %+v", s)
	}
	if !s.Allows("copy-image") || s.Allows("delete-image") || s.BackupWatch.Every != 0 {
		t.Errorf("allow %v, watch %+v", s.Allow, s.BackupWatch)
	}
	if c.Client.Credentials.Password.Reveal() != "87654321" || c.ProjectID != "" || c.Client.Credentials.ProjectName != "cn-north-4_web" {
		t.Error("the password's user is not complete")
	}
}

// TestBuckets holds the closed list of buckets.
func TestBuckets(t *testing.T) {
	t.Parallel()
	want := strings.Fields("cbr copy cross_region evs export get_image iam list members quick_import quota show_job show_progress system tags update whole")
	if got := Buckets(); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

func TestChosen(t *testing.T) {
	t.Parallel()
	file := write(t, map[string]string{"clouds.yaml": fullFile, "secure.yaml": secureFile})
	for _, name := range []string{"eu-de-prod", "Prod EU"} {
		set, err := Load(Options{File: file, Names: []string{name}})
		if err != nil || !slices.Equal(set.Names(), []string{"eu-de-prod"}) {
			t.Errorf("%s: %v, %v", name, set, err)
		}
	}
	if _, err := Load(Options{File: file, Names: []string{"tset"}}); err == nil || !strings.Contains(err.Error(), `unknown cloud "tset", did you mean "test"?`) {
		t.Errorf("got %v", err)
	}
	only := "clouds: { lone: { profile: otc, region_name: eu-de, auth: { ak: a, sk: b } } }"
	if set, err := Load(Options{File: write(t, map[string]string{"clouds.yaml": only})}); err != nil || !slices.Equal(set.Names(), []string{"lone"}) {
		t.Errorf("%v, %v", set, err)
	}
}

// TestNoSecretIsPrinted prints and marshals everything in every way.
func TestNoSecretIsPrinted(t *testing.T) {
	t.Parallel()
	set := loadFull(t)
	c, _ := set.Get("eu-de-prod")
	password, _ := set.Get("test")
	b, err := json.Marshal([]any{c.Client.Credentials, password.Client.Credentials, c.Settings})
	if err != nil {
		t.Fatal(err)
	}
	said := string(b)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, value := range []any{set, *set, c, &c, c.Client, &c.Client, c.Client.Credentials, password.Client, []Cloud{c}, map[string]Cloud{"a": c}} {
			said += fmt.Sprintf(verb, value)
		}
	}
	for _, secret := range []string{fixtureSecret, fmt.Sprintf("%x", fixtureSecret), "AKEXAMPLE0000000TEST", "87654321"} {
		if i := strings.Index(said, secret); i >= 0 {
			t.Errorf("%q is told: …%s…", secret, said[max(0, i-100):i+30])
		}
	}
}

func TestMoved(t *testing.T) {
	t.Parallel()
	load := func(change ...string) *Set {
		content := strings.NewReplacer(change...).Replace(fullFile)
		set, err := Load(Options{File: write(t, map[string]string{"clouds.yaml": content, "secure.yaml": secureFile})})
		if err != nil {
			t.Fatal(err)
		}
		return set
	}
	was := load()
	same := load("time_factor: 2.5", "time_factor: 3")
	if moved := was.Moved(same); len(moved) != 0 {
		t.Errorf("moved %v", moved)
	}
	a, _ := was.Get("eu-de-prod")
	b, _ := same.Get("eu-de-prod")
	x, _ := was.Get("test")
	y, _ := same.Get("test")
	if a.Same(b) || !x.Same(y) {
		t.Error("a change of one entry is one of exactly that entry")
	}
	moved := was.Moved(load("project_id: 0", "project_id: 1", "cn-north-4_web", "other"))
	if len(moved) != 2 || moved[0].String() != `cloud eu-de-prod: project changed from "0123456789abcdef0123456789abcdef" to "1123456789abcdef0123456789abcdef"` {
		t.Errorf("moved %v", moved)
	}
}

// TestOneAccountTwice: two entries are refused where their words alone say that
// they are one account, and not where only the cloud can tell.
func TestOneAccountTwice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		one, other string
		same       bool
	}{
		"one_id":                   {"project_id: 0123456789abcdef0123456789abcdef, ak: a, sk: s", "project_id: 0123456789ABCDEF0123456789ABCDEF, ak: b, sk: s", true},
		"id_and_name":              {"project_id: 0123456789abcdef0123456789abcdef, ak: a, sk: s", "project_name: eu-de, ak: a, sk: s", false},
		"one_key_without_project":  {"ak: a, sk: s", "ak: a, sk: s", true},
		"two_keys_without_project": {"ak: a, sk: s", "ak: b, sk: s", false},
		"two_domains_by_id":        {"username: u, password: p, user_domain_id: one", "username: u, password: p, user_domain_id: other", false},
		"one_domain_two_users":     {"username: u, password: p, user_domain_name: one", "username: v, password: p, user_domain_name: one, project_name: eu-de", true},
		"one_domain_in_two_words":  {"username: u, password: p, user_domain_name: one", "username: u, password: p, user_domain_id: 1f", false},
		"two_domains_of_projects":  {"user_id: u, password: p, project_name: x, project_domain_name: one", "user_id: u, password: p, project_name: x, project_domain_name: other", false},
		"two_users_by_id":          {"user_id: u, password: p", "user_id: v, password: p", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			content := "clouds:\n"
			for entry, auth := range map[string]string{"one": c.one, "other": c.other} {
				content += "  " + entry + ": {profile: otc, region_name: eu-de, imsworker: {}, auth: {auth_url: https://iam.example.com/v3, " + auth + "}}\n"
			}
			_, err := Load(Options{File: write(t, map[string]string{"clouds.yaml": content})})
			if same := err != nil && strings.Contains(err.Error(), "is the same project as cloud"); same != c.same || !same && err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestPlaces(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv(fileVariable, "")
	if _, err := Load(Options{}); !errors.Is(err, errNoFile) && err == nil {
		t.Errorf("got %v", err)
	}
	place := filepath.Join(dir, ".config", "openstack")
	if err := os.MkdirAll(place, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(place, "clouds.yaml")
	if err := os.WriteFile(file, []byte("clouds: {}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := find(""); got != file || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
	t.Setenv(fileVariable, "elsewhere.yaml")
	if got, err := find(""); got != "elsewhere.yaml" || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
	if got, err := find("given.yaml"); got != "given.yaml" || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
}

// TestAnchorsUnfold: a small file may not become a huge one.
func TestAnchorsUnfold(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 9; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), i-1)
	}
	_, err := Load(Options{File: write(t, map[string]string{"clouds.yaml": b.String()})})
	if err == nil || !strings.Contains(err.Error(), tooLarge) {
		t.Errorf("got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(fullFile)
	f.Add("clouds: { a: &a { b: *a } }")
	f.Fuzz(func(_ *testing.T, content string) {
		t, _ := parse("clouds.yaml", []byte(content))
		if t != nil {
			(&source{set: &Set{clouds: map[string]Cloud{}}}).clouds("clouds.yaml", t, Options{})
		}
	})
}
