package config

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
)

// set gives the process exactly these of our variables for the test's time. The environment belongs to the whole process, so
// that tests which call it do not run in parallel.
func set(t *testing.T, vars map[string]string) {
	t.Helper()
	for _, name := range environNames() {
		t.Setenv(name, "") // restores it at the end
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range vars {
		t.Setenv(Prefix+"_"+name, value)
	}
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaults(t *testing.T) {
	set(t, nil)
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if c.Lease != 15*time.Second || c.Shards != 16 || c.Detect.Ratio != 0.03 || c.HTTPListen != "127.0.0.1:8080" {
		t.Errorf("got %+v", c)
	}
	if c.Instance == "" || notInToken.MatchString(c.Instance) {
		t.Errorf("instance %q is no subject token", c.Instance)
	}
	if string(c.ClientURL()) != "nats://127.0.0.1:4222" {
		t.Errorf("without a broker: ClientURL %q", string(c.ClientURL()))
	}
}

func TestLoad(t *testing.T) {
	password := write(t, "hunter2\n")
	set(t, map[string]string{
		"NATS_URL": "nats://a:4222,nats://b:4222", "NATS_USER": "worker", "NATS_PASSWORD_FILE": password, "LEASE": "4s",
		"CLOUDS": "one, two,,one", "LOG_FORMAT": "text", "DETECT_MAX": "30s",
		"SHARDS": "", "NATS_PASSWORD": "", "BACKUP_RULES": "",
		"SERVICE_HOST": "10.0.0.1", "SERVICE_PORT": "1", "SERVICE_PORT_HTTP": "1", "PORT": "tcp://10.0.0.1:1",
		"PORT_8080_TCP": "x", "PORT_8080_TCP_ADDR": "x", "METRICS_SERVICE_HOST": "x",
	})
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Clouds, []string{"one", "two"}) {
		t.Errorf("clouds: got %q", c.Clouds)
	}
	if string(c.NATS.Password) != "hunter2" || c.Lease != 4*time.Second || c.Shards != 16 || c.IsInside() {
		t.Errorf("got %+v", c)
	}
	if string(c.ClientURL()) != "nats://a:4222,nats://b:4222" {
		t.Errorf("client url %q", string(c.ClientURL()))
	}
}

// TestLoadToServe: that no broker is named is told with all other mistakes, and
// once.
func TestLoadToServe(t *testing.T) {
	for name, test := range map[string]struct {
		vars map[string]string
		want string // what the error says; empty: none
		said int    // how often it names NATS_URL
	}{
		"set":           {vars: map[string]string{"NATS_URL": "inside"}},
		"not_set":       {nil, "IMSWORKER_NATS_URL is not set: give the broker's address", 1},
		"among_others":  {map[string]string{"SHARDS": "0"}, "configuration has 2 problems", 1},
		"mistyped":      {map[string]string{"NATSURL": "nats://x"}, "did you mean IMSWORKER_NATS_URL?", 1},
		"file_is_empty": {map[string]string{"NATS_URL_FILE": write(t, "")}, "is empty", 1},
	} {
		t.Run(name, func(t *testing.T) {
			set(t, test.vars)
			_, err := LoadToServe()
			if said := fmt.Sprint(err); (err == nil) != (test.want == "") || err != nil && (!strings.Contains(said, test.want) || strings.Count(said, "NATS_URL") != test.said) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestUnprefixed holds a trap shut: envconfig reads a variable named by a field's tag without the prefix too.
func TestUnprefixed(t *testing.T) {
	set(t, nil)
	t.Setenv("SHARDS", "3")
	t.Setenv("INSTANCE", "someone-else")
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if c.Shards != 16 || c.Instance == "someone-else" {
		t.Errorf("read variables that are not ours: %+v", c)
	}
}

const badNotifyURL = "IMSWORKER_NOTIFY_URL is no address to post to: one like https://host/path is wanted, a name and password before the host or a token in the query are allowed"

func TestMistakes(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	empty, full := write(t, "\n"), write(t, "x")
	tests := map[string]struct {
		vars map[string]string
		want []string
	}{
		"duration_without_unit": {map[string]string{"LEASE": "15"}, []string{
			`IMSWORKER_LEASE is "15": a duration like 500ms, 15s or 720h is wanted`}},
		"no_number": {map[string]string{"SHARDS": "many", "DETECT_RATIO": "3%"}, []string{
			`IMSWORKER_SHARDS is "many": a whole number is wanted`, `IMSWORKER_DETECT_RATIO is "3%": a number like 0.03 is wanted`}},
		"unknown_name": {map[string]string{"NATS_ULR": "x", "BANANA_SPLIT": "x"}, []string{
			"IMSWORKER_BANANA_SPLIT is unknown: docs/configuration.md has all names", "IMSWORKER_NATS_ULR is unknown: did you mean IMSWORKER_NATS_URL?"}},
		"nowhere_to_post":    {map[string]string{"NOTIFY_URL": "ftp://u:t0ps3cret@host/x?t=t0ps3cret"}, []string{badNotifyURL}},
		"post_to_no_host":    {map[string]string{"NOTIFY_URL": "t0ps3cret.example"}, []string{badNotifyURL}},
		"post_to_no_url":     {map[string]string{"NOTIFY_URL": "https://u:t0ps3cret%@host"}, []string{badNotifyURL}},
		"hook_without_rules": {map[string]string{"HOOK_LISTEN": "127.0.0.1:8081"}, []string{"IMSWORKER_HOOK_LISTEN is set without IMSWORKER_BACKUP_RULES: no notice could become an image; name the file of rules too"}},
		"token_without_hook": {map[string]string{"HOOK_TOKEN": "t0ps3cret"}, []string{"IMSWORKER_HOOK_TOKEN is set without IMSWORKER_HOOK_LISTEN: set the address too, like 0.0.0.0:8081"}},
		"hook_of_no_use": {map[string]string{"HOOK_LISTEN": "127.0.0.1:8080", "HOOK_TOKEN": "t0p s3cret", "BACKUP_RULES": full}, []string{
			"IMSWORKER_HOOK_LISTEN and IMSWORKER_HTTP_LISTEN are the same address: hooks need one of their own",
			"IMSWORKER_HOOK_TOKEN is too short: at least 16 characters are wanted, like those of `openssl rand -hex 32`",
			"IMSWORKER_HOOK_TOKEN holds a space or a character that no header has"}},
		"lease_too_short":  {map[string]string{"LEASE": "2s"}, []string{`IMSWORKER_LEASE is "2s": 3s to 5m0s is allowed; below that a single late renewal loses the shard`}},
		"lease_too_fine":   {map[string]string{"LEASE": "4500ms"}, []string{`IMSWORKER_LEASE is "4.5s": whole seconds are wanted, the broker counts no finer`}},
		"detect_crossed":   {map[string]string{"DETECT_MIN": "90s"}, []string{"IMSWORKER_DETECT_MIN is 1m30s, more than IMSWORKER_DETECT_MAX, 1m0s: the smaller bound must not be larger"}},
		"cert_without_key": {map[string]string{"NATS_CERT": full}, []string{"IMSWORKER_NATS_CERT is set without IMSWORKER_NATS_KEY: give both"}},
		"key_without_cert": {map[string]string{"NATS_KEY": full}, []string{"IMSWORKER_NATS_KEY is set without IMSWORKER_NATS_CERT: give both"}},
		"two_ways_in": {map[string]string{"NATS_CREDS": full, "NATS_USER": "x"}, []string{
			"IMSWORKER_NATS_CREDS and IMSWORKER_NATS_USER are both ways to enter the broker: give only one of them"}},
		"password_alone": {map[string]string{"NATS_PASSWORD": "t0ps3cret"}, []string{"IMSWORKER_NATS_PASSWORD is set without IMSWORKER_NATS_USER: give both"}},
		"both_forms": {map[string]string{"NATS_USER": "x", "NATS_PASSWORD": "t0ps3cret", "NATS_PASSWORD_FILE": full}, []string{
			"IMSWORKER_NATS_PASSWORD and IMSWORKER_NATS_PASSWORD_FILE are both set: give only one of them"}},
		"secret_file_missing": {map[string]string{"NATS_URL_FILE": missing}, []string{
			"IMSWORKER_NATS_URL_FILE: open " + missing + ": no such file or directory"}},
		"secret_file_empty": {map[string]string{"NATS_URL_FILE": empty}, []string{"IMSWORKER_NATS_URL_FILE: " + empty + " is empty"}},
		"file_missing":      {map[string]string{"NATS_CA": missing}, []string{"IMSWORKER_NATS_CA: open " + missing + ": no such file or directory"}},
		"seed_for_file": {map[string]string{"NATS_NKEY": "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"}, []string{
			"IMSWORKER_NATS_NKEY holds a secret: the name of the file that holds it is wanted"}},
		"bad_url": {map[string]string{"NATS_URL": "http://x:t0ps3cret@host"}, []string{
			`IMSWORKER_NATS_URL is no broker's address: "inside", or addresses like nats://host:4222, tls://host:4222 or wss://host are allowed, separated by commas`}},
		"inside_in_capitals": {map[string]string{"NATS_URL": "INSIDE"}, []string{
			`IMSWORKER_NATS_URL says "INSIDE": for a JetStream server in this process it is inside, in small letters and alone`}},
		"inside_among_others": {map[string]string{"NATS_URL": "nats://a:4222, inside"}, []string{
			`IMSWORKER_NATS_URL says "inside": for a JetStream server in this process it is inside, in small letters and alone`}},
		"inside_beyond_loopback": {map[string]string{"NATS_URL": "inside", "NATS_LISTEN": "0.0.0.0:4222"}, []string{
			`IMSWORKER_NATS_LISTEN is "0.0.0.0:4222": beyond the loopback the inside server needs IMSWORKER_NATS_CONFIG, a server configuration file with authentication`}},
		"inside_with_copies": {map[string]string{"NATS_URL": "inside", "STREAM_REPLICAS": "3"}, []string{
			`IMSWORKER_STREAM_REPLICAS is "3": the inside server is alone, so that only 1 is possible`}},
		"config_without_inside": {map[string]string{"NATS_CONFIG": full, "NATS_URL": "nats://x"}, []string{
			"IMSWORKER_NATS_CONFIG is for the inside server: unset it, or set IMSWORKER_NATS_URL=inside"}},
		"bad_addresses": {map[string]string{"HTTP_LISTEN": "8080", "NATS_LISTEN": "x:99999"}, []string{
			`IMSWORKER_NATS_LISTEN is "x:99999": host:port is wanted, like 127.0.0.1:8080`,
			`IMSWORKER_HTTP_LISTEN is "8080": host:port is wanted, like 127.0.0.1:8080`}},
		"bad_log": {map[string]string{"LOG_LEVEL": "loud", "LOG_FORMAT": "xml"}, []string{
			`IMSWORKER_LOG_LEVEL is "loud": debug, info, warn, error are allowed`, `IMSWORKER_LOG_FORMAT is "xml": json, text are allowed`}},
		"bad_tokens": {map[string]string{"INSTANCE": "a.b", "NATS_JS_DOMAIN": "a.b", "NATS_INBOX_PREFIX": "a."}, []string{
			`IMSWORKER_NATS_JS_DOMAIN is "a.b": a domain has no dots, spaces, * or >`,
			`IMSWORKER_NATS_INBOX_PREFIX is "a.": a prefix has no spaces, no * or >, and no dot at its end`,
			`IMSWORKER_INSTANCE is "a.b": 1 to 64 letters, digits, - and _ are allowed, since it is part of a subject`}},
		"out_of_range": {map[string]string{"SHARDS": "100", "STREAM_REPLICAS": "7", "DETECT_RATIO": "0", "DRAIN": "0s", "EVENTS_MAX_AGE": "1m"}, []string{
			`IMSWORKER_STREAM_REPLICAS is "7": 1 to 5 are allowed, 0 chooses by the cluster's size`,
			`IMSWORKER_SHARDS is "100": 1 to 99 are allowed`,
			`IMSWORKER_DETECT_RATIO is "0": more than 0 and at most 1 is allowed`,
			`IMSWORKER_EVENTS_MAX_AGE is "1m0s": at least 1h0m0s is allowed; repetitions of a request are recognised only that long`,
			`IMSWORKER_DRAIN is "0s": 1s to 1h0m0s is allowed`}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			set(t, tc.vars)
			_, err := Load()
			problems, ok := errors.AsType[Problems](err)
			if !ok {
				t.Fatalf("got %v, want problems", err)
			}
			if !slices.Equal(problems, Problems(tc.want)) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(problems, "\n"), strings.Join(tc.want, "\n"))
			}
			if strings.Contains(err.Error(), "t0ps3cret") {
				t.Errorf("the error shows a secret: %v", err)
			}
		})
	}
}

func TestCredentialsByContent(t *testing.T) {
	creds := "-----BEGIN NATS USER JWT-----\nx\n------END NATS USER JWT------"
	set(t, map[string]string{"NATS_CREDS_FILE": write(t, creds+"\n")})
	c, err := Load()
	if err != nil || string(c.NATS.Creds) != creds {
		t.Errorf("got %q, %v", string(c.NATS.Creds), err)
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	set(t, map[string]string{"NATS_URL": "nats://u:t0ps3cret@host", "NATS_USER": "u", "NATS_PASSWORD": "t0ps3cret", "NOTIFY_URL": "https://u:t0ps3cret@host/?t=t0ps3cret"})
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	dump, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	out := string(dump)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		out += fmt.Sprintf(verb+verb+verb, c, &c, c.NATS.Password)
	}
	if strings.Contains(out, "t0ps3cret") || strings.Contains(out, fmt.Sprintf("%x", "t0ps3cret")) {
		t.Errorf("a secret is printed: %s", out)
	}
}

// TestDocumented fails where a setting has no row in the table of all, or the
// README's table of the most usual has one of none.
func TestDocumented(t *testing.T) {
	all, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	set(t, nil)
	r := newReader()
	r.config()
	for name := range r.known {
		if name != "CLOUDS_FILE" {
			name = strings.TrimSuffix(name, fileSuffix)
		}
		if !strings.Contains(string(all), "`"+name+"`") {
			t.Errorf("docs/configuration.md does not name %s", name)
		}
	}
	_, usual, _ := strings.Cut(string(readme), "\n| variable | meaning | default |\n|---|---|---|\n")
	usual, _, _ = strings.Cut(usual, "\n\n")
	for row := range strings.Lines(usual) {
		for i, name := range strings.Split(strings.Split(row, "|")[1], "`") {
			if i%2 == 1 && !r.known[name] {
				t.Errorf("the README names %s, which is no setting", name)
			}
		}
	}
	if strings.Count(usual, "\n") < 5 {
		t.Errorf("the README has no table of settings: %q", usual)
	}
}
