package check

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/imsworker/imsworker/internal/config"
)

// rendering reads one of the kept renderings of the chart.
func rendering(t *testing.T, name string) []any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../helm/rendered", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	objects, problems := decode(string(text))
	for _, p := range problems {
		t.Errorf("%s: %s", name, p)
	}
	return objects
}

func find[T any](objects []any) *T {
	for _, o := range objects {
		if found, ok := o.(*T); ok {
			return found
		}
	}
	return nil
}

func TestRenderings(t *testing.T) {
	for name, want := range map[string]int{"minimal": 5, "typical": 9, "everything": 10} {
		t.Run(name, func(t *testing.T) {
			objects := rendering(t, name)
			if len(objects) != want {
				t.Errorf("got %d objects, want %d", len(objects), want)
			}
			deployment := find[appsv1.Deployment](objects)
			if deployment == nil {
				t.Fatal("there is no Deployment")
			}
			template := deployment.Spec.Template
			checkPod(t, template.Spec)
			checkSelectors(t, objects, template.Labels)
			c := settings(t, template.Spec)
			checkStop(t, c, template.Spec)
			checkWayOut(t, find[networkingv1.NetworkPolicy](objects), c, template.Labels)
			if job := find[batchv1.Job](objects); job != nil {
				checkPod(t, job.Spec.Template.Spec)
				settings(t, job.Spec.Template.Spec)
			}
		})
	}
}

// checkPod holds a pod against the restricted standard, and against itself: ports and volumes that are named are there.
func checkPod(t *testing.T, pod corev1.PodSpec) {
	t.Helper()
	c := pod.Containers[0]
	s, all := pod.SecurityContext, c.SecurityContext
	for name, ok := range map[string]bool{
		"runs not as root":          *s.RunAsNonRoot && *s.RunAsUser > 0,
		"has the default seccomp":   s.SeccompProfile.Type == corev1.SeccompProfileTypeRuntimeDefault,
		"gains no privileges":       !*all.AllowPrivilegeEscalation,
		"has a read-only root":      *all.ReadOnlyRootFilesystem,
		"drops all capabilities":    slices.Equal(all.Capabilities.Drop, []corev1.Capability{"ALL"}) && len(all.Capabilities.Add) == 0,
		"has no token":              !*pod.AutomountServiceAccountToken,
		"has no service links":      !*pod.EnableServiceLinks,
		"asks for memory":           !c.Resources.Requests.Memory().IsZero() && !c.Resources.Limits.Memory().IsZero(),
		"is the whole pod":          len(pod.Containers) == 1 && len(pod.InitContainers) == 0,
		"has an image of a version": strings.ContainsAny(c.Image[strings.LastIndex(c.Image, "/")+1:], ":@"),
	} {
		if !ok {
			t.Errorf("container %s: not so: %s", c.Name, name)
		}
	}
	for _, v := range pod.Volumes {
		if v.Secret != nil && *v.Secret.DefaultMode != 0o440 {
			t.Errorf("volume %s has mode %o", v.Name, *v.Secret.DefaultMode)
		}
	}
	for _, p := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe} {
		if p != nil && !slices.ContainsFunc(c.Ports, func(port corev1.ContainerPort) bool { return port.Name == p.HTTPGet.Port.StrVal }) {
			t.Errorf("a probe asks port %s, which is none", p.HTTPGet.Port.StrVal)
		}
	}
}

// checkSelectors: everything that chooses pods chooses the workers', and not those of the job.
func checkSelectors(t *testing.T, objects []any, labels map[string]string) {
	t.Helper()
	chosen := map[string]map[string]string{
		"Deployment": find[appsv1.Deployment](objects).Spec.Selector.MatchLabels,
		"Service":    find[corev1.Service](objects).Spec.Selector,
		"budget":     find[policyv1.PodDisruptionBudget](objects).Spec.Selector.MatchLabels,
	}
	for what, selector := range chosen {
		if !matches(selector, labels) {
			t.Errorf("%s chooses %v, the pods have %v", what, selector, labels)
		}
		if job := find[batchv1.Job](objects); job != nil && matches(selector, job.Spec.Template.Labels) {
			t.Errorf("%s chooses the pods of the job too", what)
		}
	}
	if monitor := find[serviceMonitor](objects); monitor != nil {
		service := find[corev1.Service](objects)
		if !matches(monitor.Spec.Selector.MatchLabels, service.Labels) || monitor.Spec.Endpoints[0].Port != service.Spec.Ports[0].Name {
			t.Errorf("the ServiceMonitor finds no port of the Service: %+v", monitor.Spec)
		}
	}
}

func matches(selector, labels map[string]string) bool {
	for name, value := range selector {
		if labels[name] != value {
			return false
		}
	}
	return len(selector) > 0
}

// settings reads a container's variables as the worker does, with every file of theirs in a volume.
func settings(t *testing.T, pod corev1.PodSpec) config.Config {
	t.Helper()
	container, env := pod.Containers[0], map[string]string{}
	for _, v := range container.Env {
		if _, twice := env[v.Name]; twice {
			t.Errorf("%s is given twice", v.Name)
		}
		if env[v.Name] = v.Value; v.ValueFrom != nil {
			env[v.Name] = "imsworker-5d4c7f9b8-x2x7q" // the only thing that is asked of the API: the pod's name
		}
	}
	mounts := map[string]string{}
	for _, m := range container.VolumeMounts {
		mounts[m.MountPath] = m.Name
		if !slices.ContainsFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name }) {
			t.Errorf("there is no volume %s", m.Name)
		}
	}
	return load(t, env, func(path string) string {
		if _, mounted := mounts[filepath.Dir(path)]; !mounted {
			t.Errorf("%s stands in no volume", path)
		}
		return "content of a Secret"
	})
}

// load is the worker's own reading of an environment. A variable that names a file is given one that holds what content says.
func load(t *testing.T, env map[string]string, content func(path string) string) (c config.Config) {
	t.Helper()
	t.Run("settings", func(t *testing.T) { // its variables are gone after it
		for name, value := range env {
			if strings.HasPrefix(value, "/") {
				value = stored(t, name, filepath.Base(value), content(value))
			}
			t.Setenv(name, value)
		}
		var err error
		if c, err = config.Load(); err != nil {
			t.Errorf("the worker refuses its settings: %v", err)
		}
	})
	return c
}

// stored writes a file for the variable; two of them have to hold something of a form.
func stored(t *testing.T, variable, name, content string) string {
	t.Helper()
	switch variable {
	case "IMSWORKER_NOTIFY_URL_FILE":
		content = "https://hooks.example.org/"
	case "IMSWORKER_HOOK_TOKEN_FILE":
		content = strings.Repeat("x", 32)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// stopRest is what the worker takes to stop after its work has drained (internal/app).
const stopRest = 5 * time.Second

func checkStop(t *testing.T, c config.Config, pod corev1.PodSpec) {
	t.Helper()
	if grace := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second; grace <= c.Drain+stopRest {
		t.Errorf("the pod is killed after %s, stopping may take %s", grace, c.Drain+stopRest)
	}
}

// checkWayOut: the workers may call the names' server, the clouds, and the broker on every port of its addresses.
func checkWayOut(t *testing.T, policy *networkingv1.NetworkPolicy, c config.Config, labels map[string]string) {
	t.Helper()
	if policy == nil || !matches(policy.Spec.PodSelector.MatchLabels, labels) {
		t.Fatal("no NetworkPolicy chooses the workers")
	}
	open := map[string]bool{}
	for _, rule := range policy.Spec.Egress {
		for _, port := range rule.Ports {
			open[port.Port.String()] = len(rule.To) == 0
		}
	}
	ports := []string{"53", "443"}
	for address := range strings.SplitSeq(string(c.NATS.URL), ",") {
		ports = append(ports, address[strings.LastIndex(address, ":")+1:])
	}
	for _, port := range ports {
		if !open[port] {
			t.Errorf("port %s is not let out", port)
		}
	}
}

// The hook runs before anything else of the release is there.
func TestStreamsJobIsAlone(t *testing.T) {
	for _, name := range []string{"typical", "everything"} {
		objects := rendering(t, name)
		job := find[batchv1.Job](objects)
		if job.Annotations["helm.sh/hook"] != "pre-install,pre-upgrade" {
			t.Errorf("%s: the job is no hook: %v", name, job.Annotations)
		}
		pod := job.Spec.Template.Spec
		if got := strings.Join(pod.Containers[0].Args, " "); !strings.HasPrefix(got, "streams --apply") {
			t.Errorf("%s: the job runs %s", name, got)
		}
		for _, o := range objects {
			if meta, ok := o.(metav1.Object); ok && meta != metav1.Object(job) && pod.ServiceAccountName == meta.GetName() {
				t.Errorf("%s: the job uses %s, which is not there yet", name, meta.GetName())
			}
		}
		for _, v := range pod.Volumes {
			if v.Secret == nil {
				t.Errorf("%s: volume %s is made by the release", name, v.Name)
			}
		}
	}
}

func TestScaledObject(t *testing.T) {
	objects := rendering(t, "everything")
	c := settings(t, find[appsv1.Deployment](objects).Spec.Template.Spec)
	spec := find[scaledObject](objects).Spec
	if int(*spec.MaxReplicaCount) > c.Shards || *spec.MinReplicaCount < 1 || len(spec.Triggers) != c.Shards {
		t.Errorf("got %d to %d workers and %d triggers for %d shards", *spec.MinReplicaCount, *spec.MaxReplicaCount, len(spec.Triggers), c.Shards)
	}
	for shard, trigger := range spec.Triggers {
		if trigger.Metadata["consumer"] != fmt.Sprintf("shard-%02d", shard) || trigger.Metadata["stream"] != "IMS_REQUESTS" {
			t.Errorf("trigger %d asks for %v", shard, trigger.Metadata)
		}
		if !slices.Contains(strings.Split(spec.Advanced.ScalingModifiers.Formula, " + "), trigger.Name) {
			t.Errorf("%s does not count", trigger.Name)
		}
	}
	if find[appsv1.Deployment](objects).Spec.Replicas != nil {
		t.Error("the Deployment has a number of its own, which an upgrade would set again")
	}
}

// The chart has the rules of Prometheus by a link, so that there is one source.
func TestRulesAreOne(t *testing.T) {
	link, err := filepath.EvalSymlinks("../helm/imsworker/files/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := filepath.Abs("../prometheus/imsworker.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := filepath.Abs(link); err != nil || got != want {
		t.Errorf("the chart's rules are %s, want %s", got, want)
	}
	text, err := os.ReadFile(link)
	if err != nil {
		t.Fatal(err)
	}
	var rules ruleGroups
	if err := strict(text, &rules); err != nil || len(rules.Groups) == 0 {
		t.Errorf("the rules are none that Prometheus Operator takes: %d groups, %v", len(rules.Groups), err)
	}
}

// What decode finds in a bad file: it would be worth nothing if it took everything.
func TestDecodeRefuses(t *testing.T) {
	const service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: x\nspec:\n  ports:\n    - port: 1\n"
	for want, text := range map[string]string{
		`unknown field "spec.selectors"`:      service + "  selectors: {}\n",
		`unknown field "Spec"`:                "apiVersion: v1\nkind: Service\nSpec: {}\n",
		`key "kind" already set`:              service + "kind: Service\n",
		"cannot unmarshal string":             "apiVersion: v1\nkind: Service\nspec: { ports: [{ port: http }] }\n",
		"no v1 Pod":                           "apiVersion: v1\nkind: Pod\n",
		"Deployment.spec.selector is missing": "apiVersion: apps/v1\nkind: Deployment\nspec: {}\n",
		"Deployment.spec.template.spec.containers[0].name is missing": "apiVersion: apps/v1\nkind: Deployment\nspec: { selector: {}, template: { spec: { containers: [{ image: x }] } } }\n",
	} {
		if _, problems := decode(text); !strings.Contains(strings.Join(problems, "\n"), want) {
			t.Errorf("got %v, want %s", problems, want)
		}
	}
}
