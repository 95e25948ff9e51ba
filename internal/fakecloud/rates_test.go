package fakecloud

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestCopyWindow: 15 copies in any 5 minutes, counted in virtual time.
func TestCopyWindow(t *testing.T) {
	t.Parallel()
	for name, factor := range map[string]float64{"wall": 1, "sixty times faster": 60} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDemo(t, func(o *Options) { o.TimeFactor = factor })
				wait := func(virtual time.Duration) { time.Sleep(time.Duration(float64(virtual) / factor)) }
				for range 10 {
					d.copy(named("n"))
				}
				wait(2 * time.Minute)
				for range 5 {
					d.copy(named("n"))
				}
				refused := d.post(copyPath, named("n")).want(429, "APIGW.0308")
				if !strings.Contains(refused.raw, "limit:15,time:5 minute") || refused.header.Get("Retry-After") != "" {
					t.Errorf("%v %s", refused.header, refused.raw)
				}
				wait(3 * time.Minute)
				for range 10 {
					d.copy(named("n"))
				}
				d.post(copyPath, named("n")).want(429, "APIGW.0308")
			})
		})
	}
}

func TestDocumentedLimits(t *testing.T) {
	t.Parallel()
	for call, c := range map[string]struct {
		path  string
		limit int
	}{
		"ShowJob":         {"/v1/" + DemoProjectID + "/jobs/x", 1400},
		"ShowJobProgress": {"/v1/cloudimages/job/x", 200},
		"ListImages":      {"/v2/cloudimages?id=x", 1400},
		"GetImage":        {"/v2/images/x", 400},
	} {
		t.Run(call, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { // time stands still
				d := newDemo(t, huawei)
				for range c.limit {
					d.get(c.path)
				}
				d.get(c.path).want(429, "APIGW.0308")
				for _, made := range d.fake.Calls(DemoCloud)[:c.limit] {
					if made.Call != call || made.Status == 429 {
						t.Fatalf("call %+v", made)
					}
				}
			})
		})
	}
}

func TestRatesOff(t *testing.T) {
	t.Parallel()
	d := newDemo(t, switched(func(s *Switches) { s.RatesOff = true }))
	for range 30 {
		d.copy(named("n"))
	}
}

func TestIdentityRate(t *testing.T) {
	t.Parallel()
	d := newDemo(t, switched(func(s *Switches) { s.Limits = map[string]Limit{"iam": {Count: 1, Window: minutes(1)}} }))
	d.get("/v3/projects").ok()
	d.get("/v3/projects").want(429, "IAM.0012")
}
