package fakecloud

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

const projectScope = `,"scope":{"project":{"name":"eu-de"}}`

func tokenBody(password, scope string) string {
	return `{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"` + DemoUsername + `","password":"` + password +
		`","domain":{"name":"` + DemoDomain + `"}}}}` + scope + `}}`
}

// token asks for one and returns it.
func (d *demo) token(scope string) string {
	d.t.Helper()
	answered := d.send(d.request("POST", "/v3/auth/tokens", tokenBody(DemoPassword, scope))).want(201, "")
	return answered.header.Get("X-Subject-Token")
}

func (d *demo) withToken(token string) reply {
	d.t.Helper()
	r := d.request("GET", showQuotaPath, "")
	r.Header.Set("X-Auth-Token", token)
	return d.send(r)
}

func TestToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDemo(t)
		token := d.token(projectScope)
		if len(token) < 2000 {
			t.Errorf("a token of %d bytes", len(token))
		}
		d.withToken(token).ok()
		d.withToken(token+"x").want(401, "APIGW.0301")
		d.withToken(d.token("")).want(403, "APIGW.0302")
		time.Sleep(24*time.Hour - time.Nanosecond)
		d.withToken(token).ok()
		time.Sleep(time.Nanosecond)
		d.withToken(token).want(401, "APIGW.0307")
	})
}

func TestTokenDiesEarly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDemo(t, switched(func(s *Switches) { s.TokenLife = Duration(time.Minute) }))
		token := d.token(projectScope)
		time.Sleep(time.Second)
		if err := d.fake.InvalidateTokens(DemoCloud); err != nil {
			t.Fatal(err)
		}
		d.withToken(token).want(401, "APIGW.0307")
		time.Sleep(time.Second)
		token = d.token(projectScope)
		d.withToken(token).ok()
		time.Sleep(time.Minute)
		d.withToken(token).want(401, "APIGW.0307")
	})
}

func TestTokenBody(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	answered := d.send(d.request("POST", "/v3/auth/tokens?nocatalog=true", tokenBody(DemoPassword, projectScope))).want(201, "")
	if answered.text("token", "project", "id") != DemoProjectID || answered.length("token", "catalog") != 0 {
		t.Errorf("token %s", answered.raw)
	}
	if _, err := time.Parse("2006-01-02T15:04:05.999999Z", answered.text("token", "expires_at")); err != nil {
		t.Error(err)
	}
}

// TestTokenRefused: the identity service's own shape has a numeric code.
func TestTokenRefused(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"wrong password":  {tokenBody("wrong", projectScope), http.StatusUnauthorized},
		"unknown project": {tokenBody(DemoPassword, `,"scope":{"project":{"name":"eu-nl"}}`), http.StatusUnauthorized},
		"not JSON":        {"{", http.StatusBadRequest},
		"no method":       {"{}", http.StatusBadRequest},
	} {
		got := d.send(d.request("POST", "/v3/auth/tokens", c.body))
		if got.status != c.status || got.at("error", "code") != float64(c.status) {
			t.Errorf("%s: %d %s", name, got.status, got.raw)
		}
	}
}

func TestProjects(t *testing.T) {
	t.Parallel()
	d := newDemo(t)
	d.keys.project = ""
	if got := d.get("/v3/projects?name=eu-de").ok().text("projects", 0, "id"); got != DemoProjectID {
		t.Errorf("project %q", got)
	}
	if got := d.get("/v3/projects?name=eu-nl").ok().length("projects"); got != 0 {
		t.Errorf("%d projects", got)
	}
	d.send(d.request("GET", "/v3/projects", "")).want(401, "APIGW.0301")
}
