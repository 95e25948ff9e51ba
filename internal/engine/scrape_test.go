package engine

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/imsworker/imsworker/handlers"
	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/ims"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// usualCalls are calls that every cloud has been made, each with success
// and with two kinds of failure.
var usualCalls = []string{
	"CreateWholeImage", "CreateImage", "CreateDataImage", "ImportImage", "CreateMetadata", "RegisterImage", "CopyImage", "CopyImageCrossRegion",
	"ExportImage", "ExportVolume", "AddMembers", "DeleteMembers", "AnswerMembers", "Members", "UpdateImage", "DeleteImage", "ImageTags", "AddTags",
	"ShowJob", "Images", "Image", "NativeImage", "Quotas", "Backup", "Backups", "Volume", "Token", "Project",
}

// fleet is a worker of so many clouds at which everything is in use that has a
// cloud among its labels: each operation has requests in each state, late,
// stuck, put off and unresolved ones, has ended in every way, and has failed for some
// reasons; each call has failed, each limit is in use.
func fleet(t testing.TB, clouds int, used bool) *prometheus.Registry {
	t.Helper()
	reg := prometheus.NewRegistry()
	var names []string
	for i := range clouds {
		names = append(names, fmt.Sprintf("cloud-%03d", i))
	}
	m := NewMetrics(reg, names, handlers.Names())
	calls, err := ims.NewMetrics(reg)
	if err != nil {
		t.Fatal(err)
	}
	engines := make([]*Engine, 16)
	for i := range engines {
		engines[i] = New(Options{Metrics: m, Log: slog.New(slog.DiscardHandler)})
	}
	for i, name := range names {
		if !used {
			break
		}
		g := engines[i%len(engines)]
		g.accounts[name] = busy(name)
		for _, operation := range handlers.Names() {
			g.inUse(m, name, operation)
		}
		see := calls.For(name)
		for _, call := range usualCalls {
			see.Called(call, "200", time.Second, "")
			see.Called(call, "502", time.Second, "")
			see.Called(call, "IMG.0136", time.Second, "")
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	for _, g := range engines {
		go func() { // stands for the loop
			for {
				select {
				case look := <-g.asked:
					look()
				case <-ctx.Done():
					close(g.over)
					return
				}
			}
		}()
	}
	t.Cleanup(func() {
		cancel()
		for _, g := range engines {
			<-g.over
		}
	})
	reg.MustRegister(NewCollector(m, func() []*Engine { return engines }))
	return reg
}

// busy is an account of which each bucket has been used.
func busy(name string) *account {
	a := newAccount(name, &Account{Name: name, TimeFactor: 1, Limits: map[string]budget.Limit{}})
	limit := budget.Limit{Count: 20, Window: 2 * time.Minute}
	for _, bucket := range append(questionBuckets(), "update", "tags", "evs") {
		a.conf.Limits[bucket] = limit
		a.query(bucket).Take(time.Now())
	}
	for _, operation := range handlers.Names() {
		a.conf.Limits[bucketOf(operation)] = limit
		a.window(bucketOf(operation)).Take(time.Now())
	}
	a.conf.Slots = map[string]int{slotOf("copy-image-cross-region"): 5}
	a.slot("copy-image-cross-region")
	return a
}

// inUse gives an operation requests of every kind.
func (g *Engine) inUse(m *Metrics, cloud, operation string) {
	a, now := g.accounts[cloud], time.Now()
	entered := func(kind string, change func(*entry)) {
		e := &entry{key: cloud + operation + kind, account: a, operation: operation, index: -1, place: -1}
		e.accepted, e.deadline = instantOf(now.Add(-3*time.Hour)), instantOf(now.Add(-2*time.Hour))
		change(e)
		g.entries[e.key] = e
	}
	for _, state := range ledger.States() {
		entered(string(state), func(e *entry) { e.state = state })
	}
	entered("put off", func(e *entry) { e.state, e.until, e.named = ledger.Accepted, instantOf(now.Add(time.Hour)), true })
	entered("unresolved", func(e *entry) { e.state, e.resting = ledger.Finished, true })
	for i, reason := range []messages.Reason{messages.ReasonJobFailed, messages.ReasonConflict, messages.ReasonConstraint, messages.ReasonUnresolved, messages.ReasonTimeout} {
		r := &ledger.Record{
			Key: fmt.Sprint(cloud, operation, i), Cloud: cloud, Operation: operation, Outcome: messages.StateFailed, Accepted: now, Submitted: now, Finished: now,
			Failure: &messages.Failure{Reason: reason}, Job: &messages.Job{Polls: i},
		}
		m.submitted(r)
		m.detected(r, time.Second)
		m.finished(r, "")
		m.ended(r)
	}
	m.Hold(cloud, operation, true)
}

// scrape reads a registry's metrics as Prometheus does.
func scrape(t testing.TB, reg *prometheus.Registry) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3")
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{EnableOpenMetrics: true}).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%d %.500s", w.Code, w.Body)
	}
	body, err := gzip.NewReader(bytes.NewReader(w.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// seriesOf counts the series of so many clouds, by the name of their metric.
func seriesOf(t testing.TB, clouds int) (all int, by map[string]int, took time.Duration) {
	t.Helper()
	reg, by := fleet(t, clouds, true), map[string]int{}
	began := time.Now()
	text := scrape(t, reg)
	took = time.Since(began)
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			all++
			name, _, _ := strings.Cut(line, "{")
			by[name]++
		}
	}
	return all, by, took
}

// TestSeries: 100 clouds with all operations in use have at most 80,000 series,
// and are scraped within a second. Each cloud has as many as the others, so that
// a few tell how many 100 have; with LONG set all are there, and are timed.
func TestSeries(t *testing.T) {
	t.Parallel()
	const promised, clouds = 80_000, 100
	two, _, _ := seriesOf(t, 2)
	three, by, _ := seriesOf(t, 3)
	five, _, _ := seriesOf(t, 5)
	each := three - two
	expected := two + (clouds-2)*each
	if five != two+3*each {
		t.Errorf("2, 3 and 5 clouds have %d, %d and %d series: not as many each", two, three, five)
	}
	t.Logf("%d series of a cloud, %d of %d", each, expected, clouds)
	if expected < promised/2 || expected > promised {
		t.Errorf("%d series of %d clouds, at most %d are promised; of 3: %v", expected, clouds, promised, by)
	}
	if os.Getenv("LONG") == "" {
		return
	}
	all, _, took := seriesOf(t, clouds)
	t.Logf("a scrape of %d clouds takes %v", clouds, took)
	if all != expected || took > 20*time.Second { // the promise is a second; the machine may be slow, and runs under the race detector
		t.Errorf("%d clouds have %d series, want %d; a scrape takes %v", clouds, all, expected, took)
	}
}

// TestHistograms: each has classic and native buckets together, an empty one too.
func TestHistograms(t *testing.T) {
	t.Parallel()
	families, err := fleet(t, 1, true).Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			h := m.GetHistogram()
			if h == nil {
				continue
			}
			seen++
			if native := h.Schema != nil; len(h.GetBucket()) < 10 || !native {
				t.Errorf("%s: %d classic buckets, native: %v", f.GetName(), len(h.GetBucket()), native)
			}
		}
	}
	if seen < 6*len(handlers.Names()) {
		t.Errorf("%d histograms", seen)
	}
}

// BenchmarkScrape is one look at the metrics of 200 clouds, with everything in
// use and with nothing.
func BenchmarkScrape(b *testing.B) {
	for name, used := range map[string]bool{"used": true, "idle": false} {
		b.Run(name, func(b *testing.B) {
			reg := fleet(b, 200, used)
			for b.Loop() {
				scrape(b, reg)
			}
		})
	}
}
