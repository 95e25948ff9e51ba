package ims

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

const tokenBody = `{"token":{"expires_at":"2026-01-03T03:04:05.123456Z","project":{"id":"` + testProject + `","name":"eu-de"}}}`

func tokenStep(value string) step {
	return step{
		method: "POST", path: "/v3/auth/tokens", status: 201, reply: tokenBody,
		header: map[string]string{"X-Subject-Token": value, "Date": "Fri, 02 Jan 2026 03:04:05 GMT"},
	}
}

func carries(token string) func(*testing.T, *http.Request) {
	return func(t *testing.T, r *http.Request) {
		if got := r.Header.Get("X-Auth-Token"); got != token {
			t.Errorf("token %q, want %q", got, token)
		}
		if r.Header.Get("Authorization") != "" || r.Header.Get("X-Project-Id") != "" {
			t.Error("a call with a token is signed too")
		}
	}
}

func TestTokenRequest(t *testing.T) {
	t.Parallel()
	first := tokenStep("token-one")
	first.body = `{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"img-worker","password":"hush-hush-password","domain":{"name":"OTC-1"}}}},"scope":{"project":{"name":"eu-de"}}}}`
	s := play(t, first,
		step{method: "GET", path: "/v1/" + testProject + "/jobs/j", status: 200, reply: `{"status":"INIT"}`, check: carries("token-one")},
		step{method: "GET", path: "/v2/cloudimages?limit=1", status: 200, reply: `{"images":[]}`, check: carries("token-one")},
	)
	c := dial(t, tokenConfig(s.URL))
	if _, err := c.Job(t.Context(), "j"); err != nil {
		t.Error(err)
	}
	if err := c.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if left := time.Until(c.CredentialExpiry()); left < 23*time.Hour || left > 24*time.Hour+time.Minute {
		t.Errorf("the token ends in %s", left)
	}
}

func TestTokenScopes(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*Config){
		`"scope":{"project":{"id":"p-1"}}`:                                          func(c *Config) { c.ProjectID = "p-1" },
		`"scope":{"project":{"name":"eu-de_web"}}`:                                  func(c *Config) { c.Credentials.ProjectName = "eu-de_web" },
		`"scope":{"project":{"name":"eu-de"}}`:                                      func(c *Config) { c.Credentials.ProjectName = "" },
		`"scope":{"project":{"name":"p","domain":{"id":"d"}}}`:                      func(c *Config) { c.Credentials.ProjectName, c.Credentials.ProjectDomainID = "p", "d" },
		`"user":{"id":"u-1","password":"hush-hush-password"}`:                       func(c *Config) { c.Credentials.UserID = "u-1" },
		`"user":{"name":"img-worker","password":"hush-hush-password","domain":{"id`: func(c *Config) { c.Credentials.UserDomainID = "d" },
	}
	for want, change := range tests {
		cfg := tokenConfig("http://127.0.0.1:1")
		change(&cfg)
		body, err := encode(dial(t, cfg).tokens.request())
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%v\n got %s\nwant %s", err, body, want)
		}
	}
}

// TestTokenRenewedOnce: a 401 costs one new token and one replay, also of a
// creating call; a second 401 is the end.
func TestTokenRenewedOnce(t *testing.T) {
	t.Parallel()
	refused := step{method: "POST", path: "/v1/cloudimages/i/copy", status: 401, reply: `{"error":{"code":401,"message":"The token must be updated"}}`}
	accepted := step{method: "POST", path: "/v1/cloudimages/i/copy", status: 200, reply: `{"job_id":"j"}`, body: `{"name":"n"}`, check: carries("token-two")}
	s := play(t, tokenStep("token-one"), refused, tokenStep("token-two"), accepted, refused, tokenStep("token-three"), refused)
	c := dial(t, tokenConfig(s.URL))
	if _, err := c.CopyImage(t.Context(), "i", ImageCopy{Name: "n"}); err != nil {
		t.Error(err)
	}
	if _, err := c.CopyImage(t.Context(), "i", ImageCopy{Name: "n"}); VerdictOf(err) != Account {
		t.Errorf("got %v, %s", err, VerdictOf(err))
	}
}

// TestNoToken: whatever happens to the token, the call itself was not sent.
func TestNoToken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer  step
		verdict Verdict
	}{
		"wrong password": {step{status: 401, reply: `{"error":{"code":401,"message":"wrong"}}`}, Account},
		"locked":         {step{status: 401, reply: `{"error_code":"IAM.0061","error_msg":"locked"}`}, Account},
		"no such domain": {step{status: 404, reply: `{"error":{"code":404,"message":"no domain"}}`}, Account},
		"bad body":       {step{status: 400, reply: `{"error":{"code":400,"message":"bad"}}`}, Account},
		"throttled":      {step{status: 429, reply: `{"error_code":"IAM.0012","error_msg":"slow"}`}, Throttled},
		"down":           {step{status: 503}, NotSent},
		"cut":            {step{status: 0}, NotSent},
		"page":           {step{status: 200, reply: "<html>"}, NotSent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := play(t, tt.answer)
			_, err := dial(t, tokenConfig(s.URL)).CopyImage(t.Context(), "i", ImageCopy{Name: "n"})
			e, ok := errors.AsType[*Error](err)
			if !ok || VerdictOf(err) != tt.verdict || !e.NotSent || e.Call != "CopyImage" || e.Remedy() == "" {
				t.Errorf("got %v, %s", err, VerdictOf(err))
			}
		})
	}
}

// iam is a link that hands out tokens with a life of an hour.
type iam struct {
	asked atomic.Int32
	fail  atomic.Bool
	delay time.Duration
}

func (i *iam) do(ctx context.Context, _ call) (*reply, error) {
	n := i.asked.Add(1)
	if !pause(ctx, i.delay) {
		return nil, &Error{NotSent: true, Err: ctx.Err()}
	}
	if i.fail.Load() {
		return nil, &Error{Status: 503}
	}
	now := time.Now()
	h := http.Header{}
	h.Set(subjectHeader, fmt.Sprintf("token-%d", n))
	body := fmt.Sprintf(`{"token":{"expires_at":%q}}`, now.Add(time.Hour).Format(time.RFC3339Nano))
	return &reply{status: 201, header: h, body: []byte(body), at: now}, nil
}

func newTestTokens(i *iam) *tokens {
	cfg := tokenConfig("http://iam.example").withDefaults()
	cfg.Logger = slog.New(slog.DiscardHandler)
	return newTokens(cfg, i.do, newVeil(cfg.Credentials))
}

func TestTokenSingleFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &iam{delay: time.Second}
		tokens := newTestTokens(i)
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if now, err := tokens.get(t.Context()); err != nil || now.value != "token-1" {
					t.Errorf("got %q, %v", now.value, err)
				}
			})
		}
		all.Wait()
		if n := i.asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

// TestTokenRenewedEarly: one caller renews at 80 % of the life, the others go
// on; if that fails, the old token serves to its end.
func TestTokenRenewedEarly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &iam{delay: time.Second}
		tokens := newTestTokens(i)
		expect := func(value string, asked int32) {
			t.Helper()
			if now, err := tokens.get(t.Context()); err != nil || now.value != value || i.asked.Load() != asked {
				t.Errorf("got %q, %v, asked %d; want %q, asked %d", now.value, err, i.asked.Load(), value, asked)
			}
		}
		expect("token-1", 1)
		time.Sleep(47 * time.Minute)
		expect("token-1", 1)
		time.Sleep(2 * time.Minute)
		expect("token-2", 2)
		i.fail.Store(true)
		time.Sleep(49 * time.Minute)
		expect("token-2", 3)
		expect("token-2", 3)
		time.Sleep(2 * time.Minute)
		expect("token-2", 4)
		i.fail.Store(false)
		time.Sleep(20 * time.Minute)
		expect("token-5", 5)
	})
}

func TestTokenWaitEndsWithContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tokens := newTestTokens(&iam{delay: time.Minute})
		done := make(chan struct{})
		go func() { defer close(done); _, _ = tokens.get(t.Context()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := tokens.get(ctx); err == nil {
			t.Error("no error")
		}
		<-done
	})
}

// TestProjectOfKeys finds the project by its name, once.
func TestProjectOfKeys(t *testing.T) {
	t.Parallel()
	s := play(t,
		step{method: "GET", path: "/v3/projects?name=eu-de", status: 200, reply: `{"projects":[{"id":"other","name":"eu-de_x"},{"id":"p-9","name":"eu-de"}]}`,
			check: func(t *testing.T, r *http.Request) {
				if !strings.Contains(r.Header.Get("Authorization"), "SignedHeaders=") {
					t.Error("not signed")
				}
			}},
		step{method: "GET", path: "/v1/p-9/jobs/j", status: 200, reply: `{"status":"INIT"}`},
		step{method: "GET", path: "/v1/p-9/jobs/j", status: 200, reply: `{"status":"INIT"}`},
	)
	cfg := keyConfig(s.URL)
	cfg.ProjectID = ""
	c := dial(t, cfg)
	for range 2 {
		if _, err := c.ShowJob(t.Context(), "j"); err != nil {
			t.Error(err)
		}
	}
}

func TestNoProject(t *testing.T) {
	t.Parallel()
	s := play(t, step{method: "GET", path: "/v3/projects?name=eu-de", status: 200, reply: `{"projects":[]}`})
	cfg := keyConfig(s.URL)
	cfg.ProjectID = ""
	_, err := dial(t, cfg).CopyImage(t.Context(), "i", ImageCopy{Name: "n"})
	if VerdictOf(err) != Account || !strings.Contains(err.Error(), `no project "eu-de"`) {
		t.Errorf("got %v, %s", err, VerdictOf(err))
	}
}
