package promtest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Target is one process that is scraped, as its labels say.
type Target struct{ Job, Instance string }

// labels are the target's labels as they stand in front of a series' own.
func (t Target) labels() string { return fmt.Sprintf("job=%q,instance=%q", t.Job, t.Instance) }

// Storage collects scrapes, of as many targets as there are; several goroutines
// may add theirs. Stories that are told apart by their job share one: a storage
// and its Prometheus cost more than most stories.
type Storage struct {
	t    testing.TB
	only []string

	mu          sync.Mutex
	text        bytes.Buffer
	first, last time.Time
}

// New returns an empty storage. Where metrics are named it keeps those alone,
// by the beginning of their names: long stories of many series cost time.
func New(t testing.TB, only ...string) *Storage {
	t.Helper()
	return &Storage{t: t, only: only}
}

// Scraped adds the text of a scrape that was made then, and that the target was
// up.
func (s *Storage) Scraped(at time.Time, target Target, text string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); s.wanted(line) {
			s.add(at, withLabels(line, target.labels()))
		}
	}
	s.add(at, "up{"+target.labels()+"} 1")
}

// Missed adds that the target could not be scraped then.
func (s *Storage) Missed(at time.Time, target Target) { s.add(at, "up{"+target.labels()+"} 0") }

// wanted reports whether a line of a scrape is a sample to be kept.
func (s *Storage) wanted(line string) bool {
	if !strings.HasPrefix(line, "imsworker_") && !strings.HasPrefix(line, "process_") {
		return false
	}
	for _, name := range s.only {
		if strings.HasPrefix(line, name) {
			return true
		}
	}
	return len(s.only) == 0
}

// withLabels puts labels in front of those of a sample.
func withLabels(line, labels string) string {
	at := strings.IndexAny(line, "{ ")
	if at < 0 {
		return line
	}
	if line[at] == '{' {
		return line[:at+1] + labels + "," + line[at+1:]
	}
	return line[:at] + "{" + labels + "}" + line[at:]
}

func (s *Storage) add(at time.Time, sample string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(&s.text, "%s %.3f\n", sample, float64(at.UnixMilli())/1000)
	if s.first.IsZero() || at.Before(s.first) {
		s.first = at
	}
	if at.After(s.last) {
		s.last = at
	}
}

// write stores all of it as OpenMetrics text.
func (s *Storage) write(dir string) string {
	s.t.Helper()
	path := filepath.Join(dir, "scrapes.txt")
	if err := os.WriteFile(path, append(s.text.Bytes(), "# EOF\n"...), 0o600); err != nil {
		s.t.Fatalf("write scrapes: %v", err)
	}
	return path
}

// Scrape reads a page of metrics; false where nobody answers.
func Scrape(t testing.TB, url string) (string, bool) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatalf("scrape: %v", err)
	}
	req.Close = true
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return "", false
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	return string(text), err == nil && resp.StatusCode == http.StatusOK
}

// Render is the page that a process with these metrics would show.
func Render(t testing.TB, from prometheus.Gatherer) string {
	t.Helper()
	page := httptest.NewRecorder()
	promhttp.HandlerFor(from, promhttp.HandlerOpts{}).ServeHTTP(page, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	if page.Code != http.StatusOK {
		t.Fatalf("scrape: %d %s", page.Code, page.Body)
	}
	return page.Body.String()
}
