//go:build rules

package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/internal/promtest"
)

// page is one notification of an Alertmanager.
type page struct {
	at     time.Time
	Status string `json:"status"`
	Alerts []struct {
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"alerts"`
}

// pager is whom an Alertmanager notifies.
type pager struct {
	mu    sync.Mutex
	pages []page
}

// ServeHTTP implements http.Handler.
func (p *pager) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	got := page{at: time.Now()}
	if err := json.NewDecoder(r.Body).Decode(&got); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pages = append(p.pages, got)
}

func (p *pager) all() []page {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]page(nil), p.pages...)
}

// shipped copies files of deployments/prometheus with what has to be another
// in them, and fails where that does not stand there.
func shipped(t *testing.T, dir, file string, changes ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../deployments/prometheus", file))
	if err != nil {
		t.Fatal(err)
	}
	changed := string(text)
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(changed, changes[i]) {
			t.Fatalf("%s does not have %q", file, changes[i])
		}
		changed = strings.ReplaceAll(changed, changes[i], changes[i+1])
	}
	path := filepath.Join(dir, file)
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// watched has a Prometheus and an Alertmanager of their own look after a worker,
// as shipped, but that they are quick where that is wanted.
func watched(s *system, quick bool) *pager {
	s.t.Helper()
	p := &pager{}
	receiver := httptest.NewServer(p)
	s.t.Cleanup(receiver.Close)
	dir, alertmanager, prometheus := s.t.TempDir(), promtest.FreeAddress(s.t), promtest.FreeAddress(s.t)
	rules, scraping, routes := []string{}, []string{"localhost:8080", s.at.HTTP, "localhost:9093", alertmanager}, []string{"http://localhost:9099", receiver.URL}
	if quick {
		rules = append(rules, "interval: 15s", "interval: 1s")
		scraping = append(scraping, "scrape_interval: 15s", "scrape_interval: 1s")
		routes = append(routes, "group_wait: 15s", "group_wait: 3s", "group_interval: 5m", "group_interval: 3s")
	}
	shipped(s.t, dir, "imsworker.rules.yml", rules...)
	promtest.Start(s.t, "prometheus-alertmanager", "--config.file="+shipped(s.t, dir, "alertmanager.yml", routes...), "--storage.path="+filepath.Join(dir, "alerts"),
		"--web.listen-address="+alertmanager, "--cluster.listen-address=", "--log.level=warn").Ready(s.t, "http://"+alertmanager+"/-/ready")
	promtest.Start(s.t, "prometheus", "--config.file="+shipped(s.t, dir, "prometheus.yml", scraping...), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+prometheus, "--log.level=warn").Ready(s.t, "http://"+prometheus+"/-/ready")
	s.await("the worker to be scraped", func() bool {
		text, up := promtest.Scrape(s.t, "http://"+prometheus+"/api/v1/query?query=up==1")
		return up && strings.Contains(text, `"instance"`)
	})
	return p
}

// TestAlertOfOneFailure: one request that fails is told within a minute, with
// all times as shipped.
func TestAlertOfOneFailure(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil).start()
	p := watched(s, false)
	if err := s.fake.Decide(fakecloud.DemoCloud, fakecloud.Outcome{Call: "CopyImage", Code: "IMG.0057"}); err != nil {
		t.Fatal(err)
	}
	s.publish("ims.request.demo.copy-image", copyBase, copyEvent("fails"))
	s.shows(`imsworker_requests_not_succeeded_recent{cloud="demo",operation="copy-image"} 1`)
	failed := time.Now()
	s.await("a notification", func() bool { return len(p.all()) > 0 })
	first := p.all()[0]
	if took := first.at.Sub(failed); took > time.Minute {
		t.Errorf("told %v after the failure", took)
	} else {
		t.Logf("told %.1f s after the failure", took.Seconds())
	}
	if len(first.Alerts) != 1 || first.Alerts[0].Labels["alertname"] != "ImsworkerRequestsNotSucceeded" || first.Alerts[0].Labels["operation"] != "copy-image" {
		t.Errorf("told of %+v", first)
	}
	if text := first.Alerts[0].Annotations["description"]; !strings.Contains(text, "imsworker requests ls --cloud demo --operation copy-image --state not-succeeded") {
		t.Errorf("told in these words: %s", text)
	}
}

// TestAlertOfAThousandFailures: requests that fail for one cause are one
// notification, however many they are. The times are shortened by configuration,
// so that a second one would have come.
func TestAlertOfAThousandFailures(t *testing.T) {
	t.Parallel()
	const requests = 1000
	s := newSystem(t, ", limits: off", nil)
	s.allowImages(2 * requests)
	s.start()
	p := watched(s, true)
	if err := s.fake.Decide(fakecloud.DemoCloud, fakecloud.Outcome{Call: "CopyImage", Code: "IMG.0057", Count: requests}); err != nil {
		t.Fatal(err)
	}
	for i := range requests {
		s.publish("ims.request.demo.copy-image", copyBase, copyEvent(fmt.Sprint(i)))
	}
	s.shows(fmt.Sprintf(`imsworker_requests_not_succeeded_recent{cloud="demo",operation="copy-image"} %d`, requests))
	s.await("a notification", func() bool { return len(p.all()) > 0 })
	time.Sleep(12 * time.Second) // as long as some more would need to come
	told := p.all()
	if len(told) != 1 || told[0].Status != "firing" || len(told[0].Alerts) != 1 {
		t.Errorf("%d requests failed, and %d notifications came: %+v", requests, len(told), told)
	}
}
