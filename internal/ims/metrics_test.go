package ims

import (
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	m, err := NewMetrics(reg)
	if err != nil {
		t.Fatal(err)
	}
	s := play(t,
		step{status: 502}, step{status: 200, reply: `{"images":[]}`},
		step{status: 400, reply: `{"error":{"code":"IMG.0144","message":"m"}}`},
		step{status: 400, reply: `{"error":{"code":"anything at all","message":"m"}}`},
		step{status: 0},
	)
	cfg := keyConfig(s.URL)
	cfg.Observe = m.For("demo")
	c := dial(t, cfg)
	_, first := c.Images(t.Context(), ImageFilter{})
	var failed error
	for range 3 {
		_, err := c.CopyImage(t.Context(), "i", ImageCopy{Name: "n"})
		failed = errors.Join(failed, err)
	}
	if first != nil || failed == nil {
		t.Error(first, failed)
	}
	want := `
# HELP imsworker_api_calls_total Calls of the cloud's API; rises with each try that was sent, under the client's method and the HTTP status or the cloud's code.
# TYPE imsworker_api_calls_total counter
imsworker_api_calls_total{call="CopyImage",cloud="demo",code="400"} 1
imsworker_api_calls_total{call="CopyImage",cloud="demo",code="IMG.0144"} 1
imsworker_api_calls_total{call="CopyImage",cloud="demo",code="other"} 1
imsworker_api_calls_total{call="Images",cloud="demo",code="200"} 1
imsworker_api_calls_total{call="Images",cloud="demo",code="502"} 1
# HELP imsworker_api_errors_total Calls of the cloud's API that failed; rises when one is answered otherwise than with 2xx, or not at all (other).
# TYPE imsworker_api_errors_total counter
imsworker_api_errors_total{call="CopyImage",code="400"} 1
imsworker_api_errors_total{call="CopyImage",code="IMG.0144"} 1
imsworker_api_errors_total{call="CopyImage",code="other"} 1
imsworker_api_errors_total{call="Images",code="502"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "imsworker_api_calls_total", "imsworker_api_errors_total"); err != nil {
		t.Error(err)
	}
	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	buckets(t, reg)
	m.Forget("demo")
	if n := testutil.CollectAndCount(m.calls); n != 0 {
		t.Errorf("%d series of a cloud that is gone", n)
	}
}

// buckets checks that the histogram has classic and native buckets together.
func buckets(t *testing.T, reg prometheus.Gatherer) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "imsworker_api_call_duration_seconds" {
			continue
		}
		h := f.GetMetric()[0].GetHistogram()
		if len(h.GetBucket()) == 0 || h.Schema == nil || len(h.GetPositiveSpan()) == 0 {
			t.Errorf("buckets are missing: %v", h)
		}
	}
}
