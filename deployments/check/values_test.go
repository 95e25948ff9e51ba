package check

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

const chart = "../helm/imsworker/"

// values reads a file of values, and lays it over the chart's defaults as helm does: maps are merged, lists are replaced.
func values(t *testing.T, over string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(chart + "values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var defaults, given map[string]any
	if err := yaml.Unmarshal(text, &defaults); err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict([]byte(over), &given); err != nil {
		t.Fatal(err)
	}
	return merged(defaults, given)
}

func merged(below, above map[string]any) map[string]any {
	out := maps.Clone(below)
	for name, value := range above {
		was, isMap := out[name].(map[string]any)
		now, alsoMap := value.(map[string]any)
		if out[name] = value; isMap && alsoMap {
			out[name] = merged(was, now)
		}
	}
	return out
}

// judge validates values with the library that helm has, and returns what helm prints.
func judge(t *testing.T, v map[string]any) string {
	t.Helper()
	file, err := os.ReadFile(chart + "values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("values.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("values.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(instance); err != nil {
		return err.Error()
	}
	return ""
}

const minimal = `
image: { repository: registry.example.org/imsworker, tag: v1.0.0 }
broker: { url: "nats://nats.nats:4222" }
clouds: { secret: imsworker-clouds }
`

func TestValuesTaken(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(chart + "ci/*-values.yaml")
	if err != nil || len(files) != 3 {
		t.Fatalf("got %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if wrong := judge(t, values(t, string(text))); wrong != "" {
			t.Errorf("%s: %s", file, wrong)
		}
	}
}

// Every default has its line in the schema: additionalProperties is false everywhere, and what is wrong with the defaults
// alone is only what has none.
func TestDefaultsLackOnlyWhatIsWanted(t *testing.T) {
	t.Parallel()
	wrong := judge(t, values(t, ""))
	for _, want := range []string{"/image'", "/image/repository'", "/broker/url'", "/clouds/secret'"} {
		if !strings.Contains(wrong, "at '"+want) {
			t.Errorf("got %s, %s is missing", wrong, want)
		}
	}
	if got := strings.Count(wrong, "\n- at"); got != 3 { // those of the image stand under one
		t.Errorf("got %d mistakes, want 3: %s", got, wrong)
	}
}

// What the schema takes of times, the worker takes too, at the bounds and between them.
func TestTimesTaken(t *testing.T) {
	for name, times := range map[string][]string{
		"lease":         {"3s", "15s", "99s", "100s", "300s", "1m", "1m30s", "4m59s", "5m", "5m0s"},
		"submitTimeout": {"1s", "30s", "600s", "1m", "9m59s", "10m", "10m0s"},
		"eventsMaxAge":  {"1h", "1h30m", "720h", "8760h", "720h0m"},
	} {
		for _, each := range times {
			over := name + ": " + each + "\n"
			if wrong := judge(t, values(t, minimal+over)); wrong != "" {
				t.Errorf("%s is refused: %s", over, wrong)
			}
			load(t, map[string]string{map[string]string{
				"lease": "IMSWORKER_LEASE", "submitTimeout": "IMSWORKER_SUBMIT_TIMEOUT", "eventsMaxAge": "IMSWORKER_EVENTS_MAX_AGE",
			}[name]: each}, nil)
		}
	}
}

// A wrong value is answered with where it stands and what would be right.
func TestValuesRefused(t *testing.T) {
	t.Parallel()
	for over, want := range map[string]string{
		"replicas: 0":           "at '/replicas': value must be 'a number of workers from 1 to 99",
		"replicas: two":         "at '/replicas': got string, want integer",
		"replica: 3":            "at '': additional properties 'replica' not allowed",
		"image: { tag: '' }":    "at '/image': value must be 'one with a tag or a digest",
		"image: { tag: 'a b' }": "at '/image/tag': value must be 'a tag like v1.2.0",
		"image: { repository: 'example.org/x:v1' }":     "at '/image/repository': value must be 'the repository that `make image` was pushed to",
		"image: { digest: abc }":                        "at '/image/digest': value must be 'a digest, sha256:",
		"image: { pullPolicy: Sometimes }":              "at '/image/pullPolicy': value must be one of 'IfNotPresent', 'Always', 'Never'",
		"broker: { url: inside }":                       "a broker inside the worker is for a single host",
		"broker: { url: 'nats://me:secret@nats:4222' }": "without passwords",
		"broker: { url: 'nats://nats:client' }":         "at '/broker/url': value must be 'addresses of the broker, like",
		"broker: { url: 'http://nats' }":                "at '/broker/url': value must be 'addresses of the broker, like",
		"broker: { user: { nkey: { secret: SUAPQ } } }": "at '/broker/user/nkey/secret': value must be 'the name of a Secret",
		"broker: { user: { inboxPrefix: _INBOX. } }":    "at '/broker/user/inboxPrefix': value must be 'a prefix without",
		"broker: { user: { password: { name: x } } }":   "at '/broker/user/password': additional properties 'name' not allowed",
		"broker: { tls: { ca: 'a/b' } }":                "at '/broker/tls/ca': value must be 'the name of a key of the Secret",
		"broker: { jsDomain: a.b }":                     "at '/broker/jsDomain': value must be 'a domain without dots",
		"clouds: { secret: '' }":                        "at '/clouds/secret': value must be 'the name of the Secret that holds clouds.yaml; kubectl create secret",
		"clouds: { names: [EU_DE] }":                    "at '/clouds/names/0': value must be 'the name of a cloud",
		"streams: { job: true }":                        "at '/streams/user': value must be 'how the job enters as the administrator",
		"streams: { readers: [A] }":                     "at '/streams/readers/0': value must be 'the name of a cloud, or * for all'",
		"streams: { timeoutSeconds: 1 }":                "at '/streams/timeoutSeconds': value must be 'seconds, 10 to 3600'",
		"shards: 100":                                   "at '/shards': value must be 'a number of shards from 1 to 99",
		"streamReplicas: 2":                             "at '/streamReplicas': value must be '1, 3 or 5 copies",
		"lease: 15":                                     "at '/lease': got number, want string",
		"lease: 15 seconds":                             "at '/lease': value must be 'a duration in whole seconds, 3s to 5m",
		"lease: 500ms":                                  "at '/lease': value must be 'a duration in whole seconds, 3s to 5m",
		"lease: 2s":                                     "at '/lease': value must be 'a duration in whole seconds, 3s to 5m",
		"lease: 301s":                                   "at '/lease': value must be 'a duration in whole seconds, 3s to 5m",
		"lease: 5m1s":                                   "at '/lease': value must be 'a duration in whole seconds, 3s to 5m",
		"lease: 15.5s":                                  "at '/lease': value must be 'a duration in whole seconds, 3s to 5m",
		"submitTimeout: 999ms":                          "at '/submitTimeout': value must be 'a duration in whole seconds, 1s to 10m",
		"submitTimeout: 10m1s":                          "at '/submitTimeout': value must be 'a duration in whole seconds, 1s to 10m",
		"submitTimeout: 0s":                             "at '/submitTimeout': value must be 'a duration in whole seconds, 1s to 10m",
		"eventsMaxAge: 30d":                             "at '/eventsMaxAge': value must be 'a duration in hours, 1h or more",
		"eventsMaxAge: 59m":                             "at '/eventsMaxAge': value must be 'a duration in hours, 1h or more",
		"drainSeconds: 25s":                             "at '/drainSeconds': got string, want integer",
		"drainSeconds: 0":                               "at '/drainSeconds': value must be 'seconds, 1 to 3600'",
		"logLevel: verbose":                             "at '/logLevel': value must be one of 'debug', 'info', 'warn', 'error'",
		"env: { IMSWORKER_NATS_PASSWORD: x }":           "at '/env/IMSWORKER_NATS_PASSWORD': value must be 'left to the value that it follows from",
		"env: { IMSWORKER_DRAIN: 5s }":                  "at '/env/IMSWORKER_DRAIN': value must be 'left to the value that it follows from",
		"env: { gogc: 50 }":                             "at '/env/gogc': value must be 'under the name of a variable",
		"env: { GOGC: { value: 50 } }":                  "at '/env/GOGC': got object, want boolean or number or string",
		"hooks: { enabled: true }":                      "at '/backupRules': value must be 'rules, since hooks.enabled is true",
		"hooks: { port: 70000 }":                        "at '/hooks/port': value must be 'a port, 1 to 65535'",
		"notify: { secret: 'https://x' }":               "at '/notify/secret': value must be 'the name of a Secret",
		"serviceMonitor: { interval: 30 }":              "at '/serviceMonitor/interval': got number, want string",
		"serviceMonitor: { interval: fast }":            "at '/serviceMonitor/interval': value must be 'a time of Prometheus",
		"keda: { enabled: true }":                       "at '/keda/monitoring': value must be 'the address of the broker\\'s monitoring",
		"keda: { minReplicas: 0 }":                      "at '/keda/minReplicas': value must be 'a number of workers from 1 to 99: with none",
		"keda: { maxReplicas: 100 }":                    "at '/keda/maxReplicas': value must be 'a number of workers from 1 to 99",
		"networkPolicy: { brokerPorts: [nats] }":        "at '/networkPolicy/brokerPorts/0': got string, want integer",
		"env: { IMSWORKER_LEESE: 5s }":                  "Of IMSWORKER_ only DETECT_RATIO, DETECT_MIN and DETECT_MAX stand here",
		"serviceAccount: { name: Images }":              "at '/serviceAccount/name': value must be 'the name of a ServiceAccount",
		"podLabels: { app.kubernetes.io/name: x }":      "at '/podLabels/app.kubernetes.io~1name': value must be 'left to the chart",
		"podLabels: { tier: 1 }":                        "at '/podLabels/tier': got number, want string",
	} {
		t.Run(over, func(t *testing.T) {
			t.Parallel()
			base := values(t, minimal)
			var given map[string]any
			if err := yaml.Unmarshal([]byte(over), &given); err != nil {
				t.Fatal(err)
			}
			if got := judge(t, merged(base, given)); !strings.Contains(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
