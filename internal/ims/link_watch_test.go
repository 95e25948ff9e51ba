package ims

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestWatched: each try is told, and nothing of what it carried.
func TestWatched(t *testing.T) {
	t.Parallel()
	s := play(t,
		step{method: http.MethodGet, path: "/v3/" + testProject + "/backups/secret-id", status: 503},
		step{method: http.MethodGet, path: "/v3/" + testProject + "/backups/secret-id", status: 200, header: map[string]string{"X-Request-Id": "r-1"}, reply: `{"backup":{"id":"secret-id","name":"secret-name"}}`},
	)
	c := dial(t, keyConfig(s.URL))
	var seen []string
	ctx := Watched(t.Context(), func(x Exchange) {
		if x.Ended.Before(x.Begun) || x.Begun.IsZero() {
			t.Errorf("times of %+v", x)
		}
		seen = append(seen, fmt.Sprintf("%s %s %s %s %d %s %s", x.Call, x.Method, x.Host, x.Path, x.Status, x.RequestID, x.Failed))
	})
	if _, err := c.Backup(ctx, "secret-id"); err != nil {
		t.Error(err)
	}
	s.Close()
	_, _ = c.Image(ctx, "secret-id")
	want := []string{
		"Backup GET 127.0.0.1 /v3/{project_id}/backups/{id} 503  ",
		"Backup GET 127.0.0.1 /v3/{project_id}/backups/{id} 200 r-1 ",
		"Image GET 127.0.0.1 /v2/cloudimages 0  connection",
	}
	if !slices.Equal(seen, append(want, want[2], want[2])) {
		t.Errorf("got\n%q\nwant\n%q", seen, want)
	}
	for _, secret := range []string{testAccess, testSecret, testProject, "secret"} {
		if strings.Contains(strings.Join(seen, "\n"), secret) {
			t.Errorf("%q is told: %q", secret, seen)
		}
	}
}

func TestBrokenBy(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"": nil, "timeout": &wireError{err: context.DeadlineExceeded}, "cancelled": &wireError{err: context.Canceled}, "connection": &wireError{err: errors.New("reset")},
	} {
		if got := brokenBy(err); got != want {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
}

// TestExemplar: how long a call of a trace took names the trace.
func TestExemplar(t *testing.T) {
	t.Parallel()
	s := play(t,
		step{method: http.MethodGet, path: "/v3/" + testProject + "/backups/b", status: 200, reply: `{"backup":{"id":"b"}}`},
		step{method: http.MethodGet, path: "/v3/" + testProject + "/backups/b", status: 200, reply: `{"backup":{"id":"b"}}`},
	)
	reg := prometheus.NewRegistry()
	m, err := NewMetrics(reg)
	if err != nil {
		t.Fatal(err)
	}
	cfg := keyConfig(s.URL)
	cfg.Observe = m.For("demo")
	c := dial(t, cfg)
	for _, ctx := range []context.Context{InTrace(t.Context(), "0af7651916cd43dd8448eb211c80319c"), t.Context()} {
		if _, err := c.Backup(ctx, "b"); err != nil {
			t.Error(err)
		}
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, f := range families {
		for _, series := range f.GetMetric() {
			for _, b := range series.GetHistogram().GetBucket() {
				for _, l := range b.GetExemplar().GetLabel() {
					named = append(named, f.GetName()+" "+l.GetName()+"="+l.GetValue())
				}
			}
		}
	}
	if want := []string{"imsworker_api_call_duration_seconds trace_id=0af7651916cd43dd8448eb211c80319c"}; !slices.Equal(named, want) {
		t.Errorf("got %q, want %q", named, want)
	}
}
