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
	asked  atomic.Int32
	status atomic.Int32 // of a refusal, 0 for a token
	delay  time.Duration
}

func (i *iam) do(ctx context.Context, _ call) (*reply, error) {
	n, status := i.asked.Add(1), int(i.status.Load())
	if !pause(ctx, i.delay) {
		return nil, &Error{NotSent: true, Err: ctx.Err()}
	}
	if status != 0 {
		return nil, &Error{Status: status, Code: statusCode(status)}
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

// TestTokenRefusedOnce: however many calls wait for a login, and however many
// come after it was refused, a wrong password is sent only now and then.
func TestTokenRefusedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &iam{delay: time.Second}
		i.status.Store(401)
		tokens := newTestTokens(i)
		expect := func(asked int32, v Verdict) {
			t.Helper()
			var all sync.WaitGroup
			for range 64 {
				all.Go(func() {
					if _, err := tokens.get(t.Context()); VerdictOf(err) != v {
						t.Errorf("got %v, %s, want %s", err, VerdictOf(err), v)
					}
				})
			}
			all.Wait()
			if n := i.asked.Load(); n != asked {
				t.Errorf("asked %d times, want %d", n, asked)
			}
		}
		asked := int32(0)
		for _, wait := range []time.Duration{5, 10, 20, 40, 80, 160, 300, 300} {
			asked++
			expect(asked, Account)
			time.Sleep(wait*time.Second - time.Millisecond)
			expect(asked, Account)
			time.Sleep(time.Millisecond)
		}
		i.status.Store(429)
		expect(asked+1, Throttled)
		time.Sleep(refusedMost)
		i.status.Store(0)
		expect(asked+2, Accepted)
		tokens.renew(stamp{token: tokens.login.peek().value})
		i.status.Store(401)
		expect(asked+3, Account)
		time.Sleep(refusedFirst)
		expect(asked+4, Account)
	})
}

// TestTokenLostIsAskedAgain: where IAM refuses nothing but does not answer,
// the next try comes soon, yet not from every call.
func TestTokenLostIsAskedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &iam{}
		i.status.Store(503)
		tokens := newTestTokens(i)
		for range 10 {
			if _, err := tokens.get(t.Context()); VerdictOf(err) != NotSent {
				t.Errorf("got %v, %s", err, VerdictOf(err))
			}
		}
		if n := i.asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
		i.status.Store(0)
		time.Sleep(silentWait)
		if now, err := tokens.get(t.Context()); err != nil || now.value != "token-2" {
			t.Errorf("got %q, %v", now.value, err)
		}
	})
}

// TestTokenLoginOutlivesItsCaller: that the call which logs in is given up is
// no answer to the others.
func TestTokenLoginOutlivesItsCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &iam{delay: time.Second}
		tokens := newTestTokens(i)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := tokens.get(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if now, err := tokens.get(t.Context()); err != nil || now.value != "token-1" {
				t.Errorf("got %q, %v", now.value, err)
			}
		})
		cancel()
		all.Wait()
		if _, err := tokens.get(ctx); !errors.Is(err, context.Canceled) || i.asked.Load() != 1 {
			t.Errorf("got %v, asked %d times", err, i.asked.Load())
		}
	})
}

// TestTokenRenewedEarly renews at 80 % of the life, while all calls go on with
// the old token; if that fails, it serves to its end.
func TestTokenRenewedEarly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &iam{delay: time.Second}
		tokens := newTestTokens(i)
		expect := func(value string, asked int32) {
			t.Helper()
			synctest.Wait()
			now, err := tokens.get(t.Context())
			synctest.Wait()
			if err != nil || now.value != value || i.asked.Load() != asked {
				t.Errorf("got %q, %v, asked %d; want %q, asked %d", now.value, err, i.asked.Load(), value, asked)
			}
		}
		expect("token-1", 1)
		time.Sleep(47 * time.Minute)
		expect("token-1", 1)
		time.Sleep(2 * time.Minute)
		expect("token-1", 2)
		expect("token-1", 2)
		time.Sleep(time.Second)
		expect("token-2", 2)
		i.status.Store(503)
		time.Sleep(49 * time.Minute)
		expect("token-2", 3)
		time.Sleep(2 * time.Second)
		expect("token-2", 3)
		time.Sleep(time.Minute)
		expect("token-2", 4)
		i.status.Store(401)
		time.Sleep(time.Minute)
		expect("token-2", 5)
		i.status.Store(0)
		time.Sleep(4 * time.Minute)
		expect("token-2", 6)
		time.Sleep(time.Second)
		expect("token-6", 6)
	})
}

// TestTokenRefusedStaysForgotten: a renewal that fails does not bring back a
// token that the cloud has refused meanwhile.
func TestTokenRefusedStaysForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		i := &iam{delay: time.Second}
		tokens := newTestTokens(i)
		old, err := tokens.get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(49 * time.Minute)
		i.status.Store(401)
		_, _ = tokens.get(t.Context()) // begins the renewal
		tokens.renew(stamp{token: old.value})
		if now, err := tokens.get(t.Context()); VerdictOf(err) != Account || i.asked.Load() != 2 {
			t.Errorf("got %q, %v, asked %d times", now.value, err, i.asked.Load())
		}
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

// TestWrongPasswordIsSentOnce: all calls that need a login share its refusal.
func TestWrongPasswordIsSentOnce(t *testing.T) {
	t.Parallel()
	s := play(t, step{method: "POST", path: "/v3/auth/tokens", status: 401, reply: `{"error_code":"IAM.0062","error_msg":"wrong password"}`})
	c := dial(t, tokenConfig(s.URL))
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			_, err := c.Job(t.Context(), "j")
			if e, ok := errors.AsType[*Error](err); !ok || e.Verdict() != Account || e.Code != "IAM.0062" || e.Call != "ShowJob" {
				t.Errorf("got %v", err)
			}
		})
	}
	all.Wait()
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

// TestProjectOfKeysWithWrongClock: a look-up that is signed at the wrong time
// is signed again by the cloud's.
func TestProjectOfKeysWithWrongClock(t *testing.T) {
	t.Parallel()
	date := map[string]string{"Date": time.Now().Add(-3 * time.Hour).UTC().Format(http.TimeFormat)}
	s := play(t,
		step{method: "GET", path: "/v3/projects?name=eu-de", status: 401, header: date, reply: `{"error_code":"APIGW.0301","error_msg":"clock skew"}`},
		step{method: "GET", path: "/v3/projects?name=eu-de", status: 200, header: date, reply: `{"projects":[{"id":"p-9","name":"eu-de"}]}`},
		step{method: "GET", path: "/v1/p-9/jobs/j", status: 200, header: date, reply: `{"status":"INIT"}`},
	)
	cfg := keyConfig(s.URL)
	cfg.ProjectID = ""
	if _, err := dial(t, cfg).ShowJob(t.Context(), "j"); err != nil {
		t.Error(err)
	}
}

// TestNoProject: a look-up that is refused is not repeated by every call.
func TestNoProject(t *testing.T) {
	t.Parallel()
	s := play(t, step{method: "GET", path: "/v3/projects?name=eu-de", status: 200, reply: `{"projects":[]}`})
	cfg := keyConfig(s.URL)
	cfg.ProjectID = ""
	c := dial(t, cfg)
	for range 2 {
		_, err := c.CopyImage(t.Context(), "i", ImageCopy{Name: "n"})
		if VerdictOf(err) != Account || !strings.Contains(err.Error(), `no project "eu-de"`) {
			t.Errorf("got %v, %s", err, VerdictOf(err))
		}
	}
}
