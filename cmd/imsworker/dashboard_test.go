//go:build rules

package main

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/internal/promtest"
	"github.com/imsworker/imsworker/messages"
)

// TestDashboard has a worker do a bit of everything while it is scraped, and
// asks a Prometheus for what each panel shows: none may be empty.
func TestDashboard(t *testing.T) {
	t.Parallel()
	p := newPlant(t, build(t, ""), false)
	p.rules()
	p.env = append(p.env, "IMSWORKER_NOTIFY_URL=http://127.0.0.1:1/") // where nobody listens
	p.withToken()
	defer p.end(p.start(""))
	p.connect()
	storage, begin := promtest.New(t), time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	at := begin
	scrape := func() {
		at = at.Add(15 * time.Second)
		storage.Scraped(at, promtest.Target{Job: "imsworker", Instance: "a:8080"}, p.page("/metrics"))
	}
	scrape()
	final := p.doOfEverything()
	p.await("everything to have ended", func() bool {
		scrape()
		for _, key := range final {
			if n, _ := p.finals(key); n == 0 {
				return false
			}
		}
		return true
	})
	scrape()
	prometheus := storage.Open("", 15*time.Second)
	for title, exprs := range panelsOf(t) {
		for _, expr := range exprs {
			if !shows(prometheus, expr, begin, at) {
				t.Errorf("%s shows nothing: %s", title, expr)
			}
		}
	}
}

// withToken has the worker use a user's password in place of keys.
func (p *plant) withToken() {
	p.t.Helper()
	path := filepath.Join(p.dir, "clouds.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		p.t.Fatal(err)
	}
	keys := fmt.Sprintf("ak: %s, sk: %s", fakecloud.DemoAccessKey, fakecloud.DemoSecretKey)
	user := fmt.Sprintf("username: %s, password: %s, user_domain_name: %s", fakecloud.DemoUsername, fakecloud.DemoPassword, fakecloud.DemoDomain)
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), keys, user, 1)), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// doOfEverything publishes what succeeds, what is refused, what is no request,
// and a notice of a backup, and has a call refused for coming too fast. It
// returns the keys of what ends.
func (p *plant) doOfEverything() (keys []string) {
	p.t.Helper()
	if err := p.fake.Order(fakecloud.DemoCloud, fakecloud.Fault{Call: "CopyImage", Kind: "status_before", Status: http.StatusTooManyRequests}); err != nil {
		p.t.Fatal(err)
	}
	for id, body := range map[string]string{
		"good": `{"image_id":"` + fakecloud.DemoImage + `","name":"good"}`,
		"bad":  `{"image_id":"00000000-0000-4000-8000-000000000000","name":"bad"}`,
		"dead": `{"image_id":`,
	} {
		m := &nats.Msg{Subject: "ims.request.demo.copy-image", Data: []byte(body), Header: nats.Header{"Nats-Msg-Id": {id}}}
		if _, err := p.conn.JetStream().PublishMsg(p.t.Context(), m); err != nil {
			p.t.Fatal(err)
		}
		keys = append(keys, messages.Key(fakecloud.DemoCloud, messages.PlainSource, id))
	}
	later := `{"image_id":"` + fakecloud.DemoImage + `","name":"later","options":{"not_before":"` + time.Now().Add(24*time.Hour).UTC().Format(time.RFC3339) + `"}}`
	if _, err := p.conn.JetStream().Publish(p.t.Context(), "ims.request.demo.copy-image", []byte(later)); err != nil { // it does not end
		p.t.Fatal(err)
	}
	backup := p.backup(0)
	identity := messages.BackupIdentity(fakecloud.DemoCloud, backup)
	if _, err := p.conn.JetStream().Publish(p.t.Context(), messages.NoticeSubject("demo"), []byte(`{"backup":{"id":"`+backup+`"}}`)); err != nil {
		p.t.Fatal(err)
	}
	return append(keys, messages.Key(fakecloud.DemoCloud, identity.Source, identity.ID))
}

// panelsOf are the expressions of the shipped dashboard, by panel, for all that
// a reader can choose and an hour.
func panelsOf(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../deployments/grafana/imsworker.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	chosen := strings.NewReplacer("$job", ".*", "$cloud", ".*", "$operation", ".*", "$__rate_interval", "5m", "$__range", "1h")
	panels := make(map[string][]string)
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			panels[p.Title] = append(panels[p.Title], chosen.Replace(target.Expr))
		}
	}
	if len(panels) < 30 {
		t.Fatalf("the dashboard has %d panels", len(panels))
	}
	return panels
}

// shows reports whether an expression has a number at any time.
func shows(p *promtest.Server, expr string, begin, end time.Time) bool {
	for at := end; at.After(begin); at = at.Add(-15 * time.Second) {
		if slices.ContainsFunc(p.Query(expr, at), func(s promtest.Sample) bool { return !math.IsNaN(s.Value) }) {
			return true
		}
	}
	return false
}
