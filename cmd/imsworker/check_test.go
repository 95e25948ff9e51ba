package main

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/fakecloud"
)

// faking runs the fake cloud for the test's time and returns the clouds.yaml that it prints.
func faking(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	out := &signalling{written: make(chan struct{})}
	root := newRoot()
	root.SetArgs(append([]string{"fake", "--listen", "127.0.0.1:0"}, args...))
	root.SetOut(out)
	root.SetErr(&bytes.Buffer{})
	done := make(chan error, 1)
	go func() { done <- root.ExecuteContext(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	select {
	case <-out.written:
		return out.text
	case err := <-done:
		done <- err
		t.Fatal("fake ended at once:", err)
		return ""
	}
}

// signalling tells when something was written; there is one write.
type signalling struct {
	text    string
	written chan struct{}
}

func (s *signalling) Write(p []byte) (int, error) {
	defer close(s.written)
	s.text = string(p)
	return len(p), nil
}

func cloudsFile(t *testing.T, text string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clouds.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("IMSWORKER_CLOUDS_FILE", path)
}

func TestCheckOnline(t *testing.T) {
	serving(t)
	entries := faking(t, "--cloud", "demo", "--cloud", "second:huaweicloud", "--time-factor", "10")
	cloudsFile(t, entries)
	code, out, errOut := call(t, "", "check", "--online")
	for _, want := range []string{"connected, ", "ok  live questions", "cloud demo      answers, profile otc", "cloud second    answers, profile huaweicloud"} {
		if code != exitDone || !strings.Contains(out, want) {
			t.Errorf("got %d, %q, %q: %q is missing", code, out, errOut, want)
		}
	}
	cloudsFile(t, strings.ReplaceAll(entries, fakecloud.DemoSecretKey, "t0ps3cret"))
	code, out, errOut = call(t, "", "check", "--online", "-o", "json")
	if code != exitNotSucceeded || !strings.Contains(out, "401") || strings.Contains(out+errOut, "t0ps3cret") {
		t.Errorf("wrong secret: got %d, %q, %q", code, out, errOut)
	}
}

// TestCheckFindsOneAccountTwice: one entry gives the project's id, another its name, which only the cloud can tell.
func TestCheckFindsOneAccountTwice(t *testing.T) {
	serving(t)
	entries := faking(t, "--cloud", "demo")
	_, entry, _ := strings.Cut(entries, "  demo:\n")
	named := regexp.MustCompile(`(?s)\n( +)project_id: [^\n]+\n`).ReplaceAllString(entry, "\n${1}project_name: eu-de\n")
	named = regexp.MustCompile(`\n( +)ak: [^\n]+\n +sk: [^\n]+\n`).ReplaceAllString(named, "\n${1}username: "+fakecloud.DemoUsername+"\n${1}password: "+fakecloud.DemoPassword+"\n${1}user_domain_name: "+fakecloud.DemoDomain+"\n")
	cloudsFile(t, entries+"  second:\n"+named)
	code, out, errOut := call(t, "", "check", "--online")
	if code != exitNotSucceeded || !strings.Contains(out, "same account as cloud demo") {
		t.Errorf("got %d, %s%s", code, out, errOut)
	}
}

// TestCheckOfRightsOnQuestions: who may not answer live questions, or not ask them, is told what is missing, and works.
func TestCheckOfRightsOnQuestions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nats.conf")
	if err := os.WriteFile(file, []byte(`authorization { users: [
		{ user: admin, password: pw }
		{ user: worker, password: pw, permissions: { publish: [ "$JS.API.>" ], subscribe: [ "_INBOX.>", "ims.query.>" ] } }
		{ user: other, password: pw, permissions: { publish: [ "$JS.API.>" ], subscribe: [ "_INBOX.>" ] } }
	] }`), 0o600); err != nil {
		t.Fatal(err)
	}
	inside, err := broker.StartInside(broker.InsideOptions{Dir: t.TempDir(), Listen: "127.0.0.1:0", ConfigFile: file, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(inside.Stop)
	cloudsFile(t, faking(t))
	t.Setenv("IMSWORKER_NATS_URL", inside.URL())
	t.Setenv("IMSWORKER_NATS_PASSWORD", "pw")
	for user, missing := range map[string][2]bool{"admin": {}, "worker": {false, true}, "other": {true, true}} {
		t.Setenv("IMSWORKER_NATS_USER", user)
		code, out, errOut := call(t, "", "check", "--online")
		if code != exitDone || strings.Contains(out, "WARN  live questions") != (missing[0] || missing[1]) ||
			strings.Contains(out, "subscribe to ims.query.>") != missing[0] || strings.Contains(out, "publish to ims.query.>") != missing[1] {
			t.Errorf("%s: got %d, %q, %q", user, code, out, errOut)
		}
	}
}

func TestCheckTellsAllMistakes(t *testing.T) {
	t.Setenv("IMSWORKER_LEASE", "1")
	t.Setenv("IMSWORKER_NATS_ULR", "nats://x")
	cloudsFile(t, "clouds:\n  demo:\n    profile: otc\n    imsworker: {alow: []}\n")
	code, out, errOut := call(t, "", "check", "--online")
	for _, want := range []string{"IMSWORKER_LEASE", "did you mean IMSWORKER_NATS_URL?", "clouds.yaml:4", "alow"} {
		if code != exitUsage || !strings.Contains(out, want) || errOut != "" {
			t.Errorf("got %d, %q, %q: %q is missing", code, out, errOut, want)
		}
	}
}

func TestCheckWarns(t *testing.T) {
	t.Setenv("IMSWORKER_NATS_URL", "inside")
	cloudsFile(t, strings.Replace(faking(t), "time_factor: 1", "time_factor: 1\n      safe_mode: true", 1))
	code, out, _ := call(t, "", "check")
	if code != exitDone || !strings.Contains(out, "WARN  clouds.yaml") || !strings.Contains(out, "imsworker.safe_mode: has no effect") {
		t.Errorf("got %d, %q", code, out)
	}
}

// TestMissingCloudsFile is one mistake, told once, and none to commands that read no such file.
func TestMissingCloudsFile(t *testing.T) {
	t.Setenv("IMSWORKER_NATS_URL", "nats://127.0.0.1:1")
	t.Setenv("IMSWORKER_CLOUDS_FILE", "/nowhere.yaml")
	if code, out, _ := call(t, "", "check"); code != exitUsage || strings.Count(out, "/nowhere.yaml") != 1 {
		t.Errorf("check: %d, %q", code, out)
	}
	if code, _, errOut := call(t, "", "requests", "ls"); code != exitNotConnected {
		t.Errorf("requests: %d, %q", code, errOut)
	}
}

func TestCheckOfUnreachableBroker(t *testing.T) {
	cloudsFile(t, faking(t))
	t.Setenv("IMSWORKER_NATS_URL", "nats://127.0.0.1:1")
	if code, out, _ := call(t, "", "check", "--online"); code != exitNotConnected || !strings.Contains(out, "BAD  broker") {
		t.Errorf("got %d, %q", code, out)
	}
	t.Setenv("IMSWORKER_NATS_URL", "inside")
	if code, out, _ := call(t, "", "check", "--online"); code != exitDone || !strings.Contains(out, "runs inside the worker") {
		t.Errorf("got %d, %q", code, out)
	}
}

func TestFakeAddressInUse(t *testing.T) {
	entries := faking(t)
	_, rest, _ := strings.Cut(entries, "http://")
	address, _, _ := strings.Cut(rest, "/")
	code, _, errOut := call(t, "", "fake", "--listen", address)
	if code != exitNotSucceeded || !strings.Contains(errOut, "choose another address with --listen") {
		t.Errorf("got %d, %q", code, errOut)
	}
}

// TestFakeClouds: each is a project of its own, in the region that is asked for.
func TestFakeClouds(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for n, c := range []struct{ text, name, profile, region string }{
		{"demo", "demo", "otc", "eu-de"},
		{"second:huaweicloud", "second", "huaweicloud", "eu-de"},
		{"third:huaweicloud:eu-nl", "third", "huaweicloud", "eu-nl"},
		{"fourth::eu-nl", "fourth", "otc", "eu-nl"},
	} {
		got := fakeCloud(c.text, n)
		if got.Name != c.name || got.Profile != c.profile || got.Region != c.region || seen[got.ProjectID] || len(got.ProjectID) != 32 {
			t.Errorf("%s: %s %s %s %s", c.text, got.Name, got.Profile, got.Region, got.ProjectID)
		}
		seen[got.ProjectID] = true
	}
	if fakeCloud("second", 1).ProjectID != fakecloud.DemoNeighbour {
		t.Error("the first cloud's neighbour is somebody else")
	}
}

func TestTracesFindings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		env  map[string]string
		want []finding
	}{
		"nothing": {},
		"wanted":  {map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, []finding{{What: "traces", Ok: true, Detail: "are sent as OpenTelemetry's variables say"}}},
		"cannot": {
			map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"},
			[]finding{{What: "traces", Ok: true, Warning: true, Detail: `none are made: OTEL_TRACES_EXPORTER: "zipkin" is not known here; otlp and none are allowed`}},
		},
	} {
		if got := tracesFindings(func(name string) string { return test.env[name] }); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}
