package ims

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

type answering struct{ body string }

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(a.body)), Request: r,
	}, nil
}

// BenchmarkJob is one status query without the network.
func BenchmarkJob(b *testing.B) {
	m, err := NewMetrics(prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	c, err := New(Config{
		Cloud: "demo", Profile: ProfileOTC, Region: "eu-de", ProjectID: "0123456789abcdef0123456789abcdef",
		Endpoints:   Endpoints{Image: "http://cloud.example", Identity: "http://cloud.example"},
		Credentials: Credentials{AccessKey: "AK", SecretKey: "SK"}, Observe: m.For("demo"),
		Transport: answering{`{"job_id":"9a175ac892fa13420193002961972392","job_type":"imsCopyImageInRegionJob","status":"RUNNING","begin_time":"2026-01-02T03:04:05.000Z","end_time":"","error_code":null,"fail_reason":null,"entities":{}}`},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Job(b.Context(), "9a175ac892fa13420193002961972392"); err != nil {
			b.Fatal(err)
		}
	}
}
