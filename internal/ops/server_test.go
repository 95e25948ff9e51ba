package ops

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, health *Health) *Server {
	t.Helper()
	reg := prometheus.NewRegistry()
	build := ReadBuild("1.2.3")
	build.Register(reg)
	s, err := Start(t.Context(), Options{Listen: "127.0.0.1:0", Gatherer: reg, Health: health, Build: build, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func get(t *testing.T, s *Server, path, accept string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr()+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", accept)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body), res.Header
}

func TestReadyz(t *testing.T) {
	t.Parallel()
	health := NewHealth("broker connected", "streams there")
	s := start(t, health)
	for _, step := range []struct {
		change func()
		status int
		body   string
	}{
		{func() {}, 503, "not ready\n[-] broker connected\n[-] streams there\n"},
		{func() { health.Set("streams there", true) }, 503, "not ready\n[-] broker connected\n[+] streams there\n"},
		{func() { health.Set("broker connected", true) }, 200, "ready\n[+] broker connected\n[+] streams there\n"},
		{func() { health.Note("file", "a file is not used") }, 200, "ready\n[+] broker connected\n[+] streams there\n[!] a file is not used\n"},
		{func() { health.Note("file", "") }, 200, "ready\n[+] broker connected\n[+] streams there\n"},
		{func() { health.Set("shards settled", false) }, 503, "not ready\n[-] shards settled\n[+] broker connected\n[+] streams there\n"},
	} {
		step.change()
		if status, body, _ := get(t, s, "/readyz", ""); status != step.status || body != step.body {
			t.Errorf("got %d %q, want %d %q", status, body, step.status, step.body)
		}
		if health.Ready() != (step.status == 200) {
			t.Errorf("Ready is %v where /readyz says %d", health.Ready(), step.status)
		}
	}
	if status, body, _ := get(t, s, "/livez", ""); status != 200 || body != "alive\n" {
		t.Errorf("livez: got %d %q", status, body)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	s := start(t, NewHealth())
	status, body, header := get(t, s, "/metrics", "application/openmetrics-text; version=1.0.0")
	if status != 200 || !strings.Contains(body, `version="1.2.3"`) || !strings.HasSuffix(body, "# EOF\n") {
		t.Errorf("got %d %q", status, body)
	}
	if !strings.HasPrefix(header.Get("Content-Type"), "application/openmetrics-text") {
		t.Errorf("content type %q", header.Get("Content-Type"))
	}
	if problems, err := testutil.CollectAndLint(buildCollector()); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}

func buildCollector() prometheus.Collector {
	reg := prometheus.NewRegistry()
	ReadBuild("").Register(reg)
	return reg
}

func TestStartPage(t *testing.T) {
	t.Parallel()
	health := NewHealth("<b>broker</b>")
	health.Note("file", "<i>a file</i>")
	s := start(t, health)
	status, body, _ := get(t, s, "/", "")
	if status != 200 {
		t.Fatalf("status %d", status)
	}
	for _, want := range []string{`href="/metrics"`, `href="/readyz"`, "version 1.2.3", "&lt;b&gt;broker&lt;/b&gt;", "&lt;i&gt;a file&lt;/i&gt;"} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is missing in %s", want, body)
		}
	}
	for _, foreign := range []string{"http://", "https://", "<script", "src="} {
		if strings.Contains(body, foreign) {
			t.Errorf("the page loads from elsewhere: %q", foreign)
		}
	}
	if status, _, _ := get(t, s, "/nothing", ""); status != 404 {
		t.Errorf("unknown path: %d", status)
	}
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	s := start(t, NewHealth())
	_, err := Start(t.Context(), Options{Listen: s.Addr(), Gatherer: prometheus.NewRegistry(), Health: NewHealth(), Log: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), "IMSWORKER_HTTP_LISTEN") {
		t.Errorf("got %v", err)
	}
}

func TestNewLogger(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := NewLogger(&out, "warn", "")
	if err != nil {
		t.Fatal(err)
	}
	log.Info("hidden")
	log.Warn("shown", "key", "k1")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line["key"] != "k1" {
		t.Errorf("got %q (%v)", out.String(), err)
	}
	out.Reset()
	if log, err = NewLogger(&out, "debug", "text"); err != nil {
		t.Fatal(err)
	}
	log.Debug("shown")
	if !strings.Contains(out.String(), "level=DEBUG msg=shown") {
		t.Errorf("got %q", out.String())
	}
	if _, err := NewLogger(&out, "loud", ""); err == nil {
		t.Error("a level that does not exist was taken")
	}
}
