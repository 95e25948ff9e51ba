package app_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// promised are the metrics that others rely on: a name in this table, its type
// and its labels do not change. Adding is fine.
const promised = `
build_info gauge version revision goversion
requests_total counter cloud operation result
requests_finished_total counter cloud operation state
request_failures_total counter cloud operation reason
requests_not_succeeded_recent gauge cloud operation
requests_in_flight gauge cloud operation state
request_oldest_age_seconds gauge cloud operation state
request_wait_seconds histogram operation
job_duration_seconds histogram operation state
request_end_to_end_seconds histogram operation
detection_delay_seconds histogram operation
job_polls histogram operation
api_calls_total counter cloud call code
api_call_duration_seconds histogram call
api_errors_total counter call code
api_budget_limit gauge cloud bucket
api_budget_used gauge cloud bucket
api_throttled_total counter cloud bucket
submissions_uncertain_total counter cloud operation
submissions_adopted_total counter cloud operation
duplicates_found_total counter cloud operation
paused gauge cloud operation
records_without_timer gauge
shards_owned gauge
shard_takeovers_total counter
events_published_total counter state
dead_letters_total counter reason
broker_connected gauge
broker_reconnects_total counter
credential_expiry_timestamp_seconds gauge cloud
`

// family is a metric as a scrape shows it.
type family struct {
	help, kind string
	labels     map[string]bool
}

var (
	aboutFamily = regexp.MustCompile(`^# (HELP|TYPE) (\S+) (.*)$`)
	sampleLine  = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? \S+$`)
	labelName   = regexp.MustCompile(`([a-zA-Z_][a-zA-Z0-9_]*)="(?:[^"\\]|\\.)*"`)
	partOf      = regexp.MustCompile(`_(?:bucket|sum|count)$`)
)

// families reads a scrape in Prometheus' text format.
func families(text string) map[string]*family {
	all := map[string]*family{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if m := aboutFamily.FindStringSubmatch(line); m != nil {
			if all[m[2]] == nil {
				all[m[2]] = &family{labels: map[string]bool{}}
			}
			if m[1] == "HELP" {
				all[m[2]].help = m[3]
			} else {
				all[m[2]].kind = m[3]
			}
			continue
		}
		m := sampleLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		f := all[m[1]]
		if f == nil {
			f = all[partOf.ReplaceAllString(m[1], "")]
		}
		for _, label := range labelName.FindAllStringSubmatch(m[2], -1) {
			f.labels[label[1]] = true
		}
	}
	return all
}

// TestMetrics: a worker that has seen a bit of everything shows all that is
// promised, as it is promised, and nothing that is not documented.
func TestMetrics(t *testing.T) {
	t.Parallel()
	tokened := neighbour()
	tokened.Name, tokened.World = "tokened", fakecloud.Demo().World
	s := newSystem(t, "", nil, tokened)
	s.useTokenFor("tokened")
	s.start()
	s.publish("ims.request.demo.copy-image", copyBase, copyEvent("a"))
	s.publish("ims.request.tokened.copy-image", copyBase, copyEvent("a"))
	s.publish("ims.request.demo.copy-image", strings.Replace(copyBase, fakecloud.DemoImage, fakecloud.DemoWholeImage, 1), copyEvent("fails"))
	s.publish("ims.request.demo.export-image", `{"image_id":"`+fakecloud.DemoImage+`","bucket_url":"nowhere:a.qcow2","file_format":"qcow2","options":{"preflight":false}}`, eventFor("export-image", "errs"))
	s.publish("ims.request.demo.copy-image", putOff(copyBase), copyEvent("waits"))
	s.publish("ims.request.demo.nonsense", `{}`, nil)
	s.publish("ims.request.unknown.copy-image", copyBase, copyEvent("queues"))
	for _, id := range []string{"a", "fails"} {
		s.final(messages.Key("demo", "/test", id))
	}
	s.final(messages.Key("tokened", "/test", "a"))
	var text string
	s.await("the requests, the queue, an error and the dead letter to be counted", func() bool {
		_, text = s.get("/metrics")
		for _, line := range []string{
			"imsworker_request_end_to_end_seconds_count\\{operation=\"copy-image\"\\} 3", "imsworker_dead_letters 1", "imsworker_queue_messages 1", "imsworker_api_errors_total.*",
		} {
			if !regexp.MustCompile("\n" + line + "\n").MatchString(text) {
				return false
			}
		}
		return true
	})
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	shown := families(text)
	for line := range strings.Lines(strings.TrimSpace(promised)) {
		is := strings.Fields(line)
		f := shown["imsworker_"+is[0]]
		if f == nil {
			t.Errorf("no metric imsworker_%s", is[0])
			continue
		}
		want := slices.Clone(is[2:])
		if is[1] == "histogram" {
			want = append(want, "le")
		}
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(f.labels)); f.kind != is[1] || !slices.Equal(got, want) {
			t.Errorf("%s is a %s with labels %v, want a %s with %v", is[0], f.kind, got, is[1], want)
		}
	}
	documented(t, shown)
	fromZero(t, text)
}

// documented looks whether help and the table of all metrics name every one of
// ours, and whether the README's table of those to know names no other.
func documented(t *testing.T, shown map[string]*family) {
	t.Helper()
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Metrics\n")
	_, section, _ = strings.Cut(section, "\n| name |")
	section, _, _ = strings.Cut(section, "\n## ")
	_, usual, _ := strings.Cut(string(readme), "\n| metric | what | alert on |\n|---|---|---|\n")
	usual, _, _ = strings.Cut(usual, "\n\n")
	for _, row := range regexp.MustCompile("`([a-z_]+(?:\\{[a-z,]*\\})?)`").FindAllStringSubmatch(usual, -1) {
		if !strings.Contains(section, "`"+row[1]+"`") {
			t.Errorf("the README names %s, which docs/metrics.md does not", row[1])
		}
	}
	if strings.Count(usual, "\n") < 5 {
		t.Errorf("the README has no table of metrics: %q", usual)
	}
	for name, f := range shown {
		short, ours := strings.CutPrefix(name, "imsworker_")
		if !ours {
			continue
		}
		if len(f.help) < 30 || !strings.HasSuffix(f.help, ".") {
			t.Errorf("%s: help %q", name, f.help)
		}
		row := regexp.MustCompile("`" + short + `(\{[a-z,]*\})?` + "`").FindStringSubmatch(section)
		if row == nil {
			t.Errorf("%s has no row in docs/metrics.md", name)
			continue
		}
		delete(f.labels, "le")
		if got := slices.Sorted(maps.Keys(f.labels)); len(got) > 0 && !slices.Equal(got, slices.Sorted(strings.SplitSeq(strings.Trim(row[1], "{}"), ","))) {
			t.Errorf("%s has the labels %v; docs/metrics.md says %s", name, got, row[1])
		}
	}
}

// fromZero looks whether each operation of each cloud has series before
// anything of it has happened.
func fromZero(t *testing.T, text string) {
	t.Helper()
	for _, cloud := range []string{"demo", "tokened"} {
		for _, series := range []string{
			`requests_total{cloud="` + cloud + `",operation="tag-image",result="dead"} 0`,
			`requests_finished_total{cloud="` + cloud + `",operation="tag-image",state="unresolved"} 0`,
		} {
			if !strings.Contains(text, "\nimsworker_"+series+"\n") {
				t.Errorf("no %s", series)
			}
		}
	}
}

// useTokenFor has the worker log in to a cloud with a password, and name its
// project instead of giving the id.
func (s *system) useTokenFor(cloud string) {
	s.t.Helper()
	path := filepath.Join(s.dir, "clouds.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	before, entry, _ := strings.Cut(string(text), "  "+cloud+":\n")
	keys := regexp.MustCompile(`project_id: "[^"]+", ak: [^,]+, sk: [^}]+}`)
	login := "project_name: PROJECT, username: " + fakecloud.DemoUsername + ", password: " + fakecloud.DemoPassword + ", user_domain_name: " + fakecloud.DemoDomain + "}"
	at := slices.IndexFunc(s.clouds, func(c fakecloud.CloudOptions) bool { return c.Name == cloud })
	found := keys.FindString(entry)
	if found == "" || at < 0 {
		s.t.Fatalf("no keys of %s in %s", cloud, text)
	}
	entry = strings.Replace(entry, found, strings.Replace(login, "PROJECT", s.clouds[at].ProjectName, 1), 1)
	if err := os.WriteFile(path, []byte(before+"  "+cloud+":\n"+entry), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// eventFor are the headers of a CloudEvent that asks for an operation.
func eventFor(operation, id string) nats.Header {
	h := copyEvent(id)
	h["ce-type"] = []string{messages.RequestType(operation)}
	return h
}
