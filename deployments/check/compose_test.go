package check

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

const composeFile = "../compose/compose.yaml"

// ours is the image that the workers, the fake cloud and the job have.
const ours = "imsworker:compose"

// secrets are made by deployments/nats/credentials, so that they are not there in a clean tree.
const secrets = "/nats/secrets/"

// scratch is a directory for what all tests share.
var scratch string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if scratch, err = os.MkdirTemp("", "imsworker-check-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer func() { _ = os.RemoveAll(scratch) }()
		return m.Run()
	}())
}

// compose reads the file as docker compose does, with its schema and its rules.
func compose(t *testing.T) *types.Project {
	t.Helper()
	path, err := filepath.Abs(composeFile)
	if err != nil {
		t.Fatal(err)
	}
	project, err := loader.LoadWithContext(t.Context(), types.ConfigDetails{
		WorkingDir: filepath.Dir(path), ConfigFiles: []types.ConfigFile{{Filename: path}}, Environment: types.Mapping{},
	}, func(o *loader.Options) { o.SetProjectName("imsworker", true) })
	if err != nil {
		t.Fatal(err)
	}
	return project
}

func TestCompose(t *testing.T) {
	project := compose(t)
	want := []string{"alertmanager", "fake", "grafana", "nats-1", "nats-2", "nats-3", "prometheus", "streams", "worker-1", "worker-2"}
	if got := project.ServiceNames(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for name, service := range project.Services {
		if strings.HasSuffix(service.Image, ":latest") || !strings.Contains(service.Image, ":") {
			t.Errorf("%s: image %s has no version", name, service.Image)
		}
		for _, port := range service.Ports {
			if port.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is open to everybody", name, port.Published)
			}
		}
		for _, volume := range service.Volumes {
			if volume.Type == types.VolumeTypeBind && !strings.Contains(volume.Source, secrets) {
				if _, err := os.Stat(volume.Source); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
}

// What the image is told is what the binary knows, and its settings are ones that the worker takes.
func TestComposeTellsTheWorker(t *testing.T) {
	binary := build(t)
	for name, service := range compose(t).Services {
		if service.Image != ours {
			continue
		}
		t.Run(name, func(t *testing.T) {
			args := append(slices.Clone([]string(service.Command)), "--help")                               // flags are read before help is given
			if out, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput(); err != nil { //nolint:gosec // built above
				t.Errorf("%v: %v: %s", service.Command, err, out)
			}
			if !service.ReadOnly || !slices.Contains(service.CapDrop, "ALL") {
				t.Error("it may write to its root, or has capabilities")
			}
			c := load(t, composeEnv(service), func(path string) string { return mounted(t, service, path) })
			if grace := service.StopGracePeriod; grace != nil && time.Duration(*grace) <= c.Drain+stopRest {
				t.Errorf("it is killed after %s, stopping may take %s", grace, c.Drain+stopRest)
			}
		})
	}
}

// understands: flags are read before help is given.
func understands(t *testing.T, binary string, args []string) {
	t.Helper()
	args = append(slices.Clone(args), "--help")
	if out, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput(); err != nil { //nolint:gosec // built by a test
		t.Errorf("%v: %v: %s", args, err, out)
	}
}

// What the chart's pods are told is what the binary knows.
func TestChartTellsTheWorker(t *testing.T) {
	binary := build(t)
	objects := rendering(t, "everything")
	for _, pod := range []corev1.PodSpec{find[appsv1.Deployment](objects).Spec.Template.Spec, find[batchv1.Job](objects).Spec.Template.Spec} {
		understands(t, binary, pod.Containers[0].Args)
	}
}

func composeEnv(service types.ServiceConfig) map[string]string {
	env := map[string]string{}
	for name, value := range service.Environment {
		env[name] = *value
	}
	return env
}

// mounted is what stands at a path of a container; of secrets it is not asked.
func mounted(t *testing.T, service types.ServiceConfig, path string) string {
	t.Helper()
	for _, v := range service.Volumes {
		if v.Target != path {
			continue
		}
		if strings.Contains(v.Source, secrets) {
			return "a secret"
		}
		text, err := os.ReadFile(v.Source)
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
	t.Errorf("%s is not mounted", path)
	return ""
}

// build makes the worker's binary: one for all tests, as the linker takes seconds.
func build(t *testing.T) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var built = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "imsworker")
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", path, "./cmd/imsworker") //nolint:gosec,noctx // a path of ours; it belongs to no one test
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the worker: %w: %s", err, out)
	}
	return path, nil
})

// The nodes' files name what the brokers are given: every path in their environment is mounted.
func TestComposeBrokersHaveTheirFiles(t *testing.T) {
	for name, service := range compose(t).Services {
		if !strings.HasPrefix(name, "nats-") {
			continue
		}
		targets := []string{"/etc/nats/secrets/users.conf", "/etc/nats/accounts.conf"}
		for variable, value := range composeEnv(service) {
			if strings.HasPrefix(value, "/") {
				targets = append(targets, value)
			}
			if variable == "NATS_NAME" && value != name {
				t.Errorf("%s has the environment of %s", name, value)
			}
		}
		if len(targets) < 6 {
			t.Errorf("%s: the environment of its node is not there: %v", name, targets)
		}
		for _, target := range targets {
			if !slices.ContainsFunc(service.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == target }) {
				t.Errorf("%s: nothing is mounted at %s", name, target)
			}
		}
	}
}

// Prometheus asks every worker, and has the rules that are mounted.
func TestComposePrometheus(t *testing.T) {
	project := compose(t)
	text, err := os.ReadFile("../compose/prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	var conf struct {
		RuleFiles []string `json:"rule_files"`
		Scrapes   []struct {
			Static []struct{ Targets []string } `json:"static_configs"`
		} `json:"scrape_configs"`
	}
	if err := yaml.Unmarshal(text, &conf); err != nil {
		t.Fatal(err)
	}
	for name, service := range project.Services {
		asked := slices.Contains(conf.Scrapes[0].Static[0].Targets, name+":8080")
		if worker := service.Image == ours && service.Command[0] == "serve"; asked != worker {
			t.Errorf("%s: is a worker: %t, is scraped: %t", name, worker, asked)
		}
	}
	for _, file := range conf.RuleFiles {
		mounted(t, project.Services["prometheus"], "/etc/prometheus/"+file)
	}
}
