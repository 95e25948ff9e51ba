package fakecloud

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const showQuotaPath = "/v1/cloudimages/quota"

// TestGatewayOrder: 404 for the path, 401 for the caller, 429 for the rate,
// and only then the service.
func TestGatewayOrder(t *testing.T) {
	t.Parallel()
	d := newDemo(t, switched(func(s *Switches) { s.Limits = map[string]Limit{"whole": {Count: 1, Window: minutes(2)}} }))
	d.send(d.request("POST", "/v1/nothing", "{")).want(404, "APIGW.0101")
	d.send(d.request("POST", wholePath, "{")).want(401, "APIGW.0301")
	d.post(wholePath, "{").want(400, "IMG.0001")
	d.post(wholePath, "{").want(429, "APIGW.0308")
	d.send(d.request("POST", wholePath, "{")).want(401, "APIGW.0301")
	d.get(showQuotaPath).ok()
}

func TestCallers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keys   keys
		skew   time.Duration
		change func(*http.Request)
		status int
		code   string
	}{
		"right":              {keys: demoKeys, status: 200},
		"unknown key":        {keys: keys{access: "AKOTHER", secret: DemoSecretKey, project: DemoProjectID}, status: 401, code: "APIGW.0301"},
		"wrong secret":       {keys: keys{access: DemoAccessKey, secret: "wrong", project: DemoProjectID}, status: 401, code: "APIGW.0301"},
		"other project":      {keys: keys{access: DemoAccessKey, secret: DemoSecretKey, project: strings.Repeat("f", 32)}, status: 403, code: "IMG.0030"},
		"no project":         {keys: keys{access: DemoAccessKey, secret: DemoSecretKey}, status: 403, code: "IMG.0030"},
		"14 minutes ago":     {keys: demoKeys, skew: -14 * time.Minute, status: 200},
		"16 minutes ago":     {keys: demoKeys, skew: -16 * time.Minute, status: 401, code: "APIGW.0301"},
		"16 minutes ahead":   {keys: demoKeys, skew: 16 * time.Minute, status: 401, code: "APIGW.0301"},
		"changed query":      {keys: demoKeys, change: func(r *http.Request) { r.URL.RawQuery = "type=image" }, status: 401, code: "APIGW.0301"},
		"changed header":     {keys: demoKeys, change: func(r *http.Request) { r.Header.Set("X-Sdk-Date", "x") }, status: 401, code: "APIGW.0301"},
		"signature and junk": {keys: demoKeys, change: func(r *http.Request) { r.Header.Set("X-Auth-Token", "junk") }, status: 200},
		"junk token": {keys: demoKeys, change: func(r *http.Request) {
			r.Header.Del("Authorization")
			r.Header.Set("X-Auth-Token", "junk")
		}, status: 401, code: "APIGW.0301"},
	} {
		for variant, sign := range map[string]func(*http.Request, string, keys, time.Time){"A": signA, "B": signB} {
			t.Run(variant+"/"+name, func(t *testing.T) {
				t.Parallel()
				d := newDemo(t)
				r := d.request("GET", showQuotaPath, "")
				sign(r, "", c.keys, time.Now().Add(c.skew))
				if c.change != nil {
					c.change(r)
				}
				d.send(r).want(c.status, c.code)
			})
		}
	}
}

// TestBodyIsHashedAsReceived: one byte more than was signed is refused.
func TestBodyIsHashedAsReceived(t *testing.T) {
	t.Parallel()
	for variant, sign := range map[string]func(*http.Request, string, keys, time.Time){"A": signA, "B": signB} {
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			d := newDemo(t)
			r := d.request("POST", wholePath, wholeBody(DemoBackup)+"\n")
			sign(r, wholeBody(DemoBackup), demoKeys, time.Now())
			d.send(r).want(401, "APIGW.0301")
		})
	}
}

// TestSkewOnAFasterClock: callers sign with the wall's time, or with the
// cloud's.
func TestSkewOnAFasterClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDemo(t, func(o *Options) { o.TimeFactor = 100 })
		time.Sleep(time.Hour)
		d.get(showQuotaPath).ok()
		r := d.request("GET", showQuotaPath, "")
		signA(r, "", demoKeys, d.fake.Now())
		d.send(r).ok()
		r = d.request("GET", showQuotaPath, "")
		signA(r, "", demoKeys, time.Now().Add(time.Hour))
		d.send(r).want(401, "APIGW.0301")
	})
}

func TestTemporaryKeys(t *testing.T) {
	t.Parallel()
	d := newDemo(t, func(o *Options) { o.Clouds[0].SecurityToken = "STSTOKEN==" })
	d.get(showQuotaPath).want(401, "APIGW.0301")
	d.keys.security = "STSTOKEN=="
	d.get(showQuotaPath).ok()
	d.sign = signB
	d.get(showQuotaPath).ok()
}

func TestEveryAnswerHasItsHeaders(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	for _, answered := range []reply{d.get(showQuotaPath), d.get("/v1/nothing"), d.send(d.request("GET", showQuotaPath, ""))} {
		if len(answered.header.Get("X-Request-Id")) != 32 || answered.header.Get("Date") == "" {
			t.Errorf("headers %v", answered.header)
		}
		if answered.status >= 400 && answered.text("request_id") != answered.header.Get("X-Request-Id") {
			t.Errorf("body %s", answered.raw)
		}
	}
}

func TestCloudsAreApart(t *testing.T) {
	t.Parallel()
	other := Demo()
	other.Name, other.AccessKey, other.ProjectID = "other", "AKOTHER", strings.Repeat("a", 32)
	d := newDemo(t, func(o *Options) { o.Clouds = append(o.Clouds, other) })
	d.copy(named("n"))
	if got := len(d.fake.Truth("other")); got != 0 {
		t.Errorf("the other cloud accepted %d", got)
	}
	r := d.request("GET", showQuotaPath, "")
	r.URL.Path = "/other" + showQuotaPath
	signA(r, "", demoKeys, time.Now())
	d.send(r).want(401, "APIGW.0301")
}

func TestNewRefusesBadOptions(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Options){
		"no cloud":    func(o *Options) { o.Clouds = nil },
		"twice":       func(o *Options) { o.Clouds = append(o.Clouds, o.Clouds[0]) },
		"name":        func(o *Options) { o.Clouds[0].Name = "_admin" },
		"profile":     func(o *Options) { o.Clouds[0].Profile = "azure" },
		"project":     func(o *Options) { o.Clouds[0].ProjectID = "short" },
		"time factor": func(o *Options) { o.TimeFactor = -1 },
	} {
		options := Options{Clouds: []CloudOptions{Demo()}}
		change(&options)
		if _, err := New(options); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
