package ims

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// secrets are what no output may hold, in any form that an encoder gives them.
var secrets = []string{`SK&<sec"ret>/0123`, "AKLEAKTEST012345", "STS+LEAK/TOKEN==", `pass&<word>"9876`, "MIItokenLEAK+/=="}

// output collects everything that a client says.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) search(t *testing.T, secrets []string) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	said := o.b.String()
	if len(said) < 500 {
		t.Errorf("only %d bytes were said, the search proves nothing", len(said))
	}
	for _, secret := range secrets {
		sent, _ := encode(secret)
		for _, form := range []string{secret, html.EscapeString(secret), url.QueryEscape(secret), unquoted([]byte(quoted(secret))), unquoted(sent)} {
			if i := strings.Index(said, form); i >= 0 {
				t.Errorf("secret %q is told: …%s…", form, said[max(0, i-200):min(len(said), i+100)])
			}
		}
	}
}

// echoing answers with everything it was sent, the way proxies and debug pages
// do, in the given shape.
func echoing(status int, shape func(string) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var head strings.Builder
		_ = r.Header.Write(&head)
		if strings.HasSuffix(r.URL.Path, "/v3/auth/tokens") && status != http.StatusUnauthorized {
			w.Header().Set("X-Subject-Token", secrets[4])
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, tokenBody)
			return
		}
		w.Header().Set("X-Echo", secrets[0])
		w.Header().Set("X-Request-Id", secrets[2])
		w.WriteHeader(status)
		known := secrets
		if strings.HasSuffix(r.URL.Path, "/v3/auth/tokens") {
			known = secrets[:4] // the client has no token yet
		}
		_, _ = io.WriteString(w, shape(head.String()+string(body)+strings.Join(known, " ")))
	}
}

func quoted(s string) string { b, _ := json.Marshal(s); return string(b) }

// TestNoSecretIsTold fails calls in every way and searches errors, logs at
// debug level and dumps of all values for secrets.
func TestNoSecretIsTold(t *testing.T) {
	t.Parallel()
	shapes := map[string]func(string) string{
		"page":    func(s string) string { return "<html><body><pre>" + html.EscapeString(s) + "</pre></body></html>" },
		"raw":     func(s string) string { return s },
		"gateway": func(s string) string { return `{"error_code":"APIGW.0301","error_msg":` + quoted(s) + `}` },
		"code":    func(s string) string { return `{"error":{"message":"m","code":` + quoted(s) + `}}` },
		"wrong": func(s string) string {
			return `{"job_id":{"a":` + quoted(s) + `},"images":` + quoted(s) + `,"status":[` + quoted(s) + `]}`
		},
		"query": func(s string) string { return `{"message":` + quoted(url.QueryEscape(s)) + `}` },
	}
	for name, shape := range shapes {
		for _, status := range []int{200, 302, 400, 401, 403, 429, 500, 502} {
			t.Run(fmt.Sprintf("%s/%d", name, status), func(t *testing.T) {
				t.Parallel()
				s := httptest.NewServer(echoing(status, shape))
				t.Cleanup(s.Close)
				failAndSearch(t, s.URL)
			})
		}
	}
}

func TestNoSecretIsToldWithoutAnswer(t *testing.T) {
	t.Parallel()
	cut := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(cut.Close)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for _, base := range []string{cut.URL, closed.URL} {
		failAndSearch(t, base)
	}
}

// failAndSearch fails a client that has keys and one that has a password; each
// knows, and hides, its own secrets.
func failAndSearch(t *testing.T, base string) {
	t.Helper()
	keys, token := keyConfig(base), tokenConfig(base)
	keys.Credentials = Credentials{AccessKey: Secret(secrets[1]), SecretKey: Secret(secrets[0]), SecurityToken: Secret(secrets[2])}
	token.Credentials.Password = Secret(secrets[3])
	failOne(t, keys, secrets[:3])
	failOne(t, token, secrets[3:])
}

func failOne(t *testing.T, cfg Config, secrets []string) {
	t.Helper()
	out := &output{}
	cfg.Logger = slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c := dial(t, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, create := c.CreateWholeImage(ctx, WholeImage{Name: "n"})
	_, job := c.Job(ctx, "j")
	_, list := c.Images(ctx, ImageFilter{})
	for _, err := range []error{create, job, list} {
		tell(out, cfg.Logger, err)
	}
	dump(out, c, cfg)
	out.search(t, secrets)
}

// tell prints an error in every way.
func tell(w io.Writer, log *slog.Logger, err error) {
	if err == nil {
		return
	}
	log.Error("error", "error", err)
	for e := err; e != nil; e = errors.Unwrap(e) {
		fmt.Fprintf(w, "%v %+v %#v %q\n", e, e, e, e)
	}
	b, _ := json.Marshal(err)
	_, _ = w.Write(b)
	if e, ok := errors.AsType[*Error](err); ok {
		fmt.Fprintln(w, e.Remedy(), e.Code, e.Message, e.RequestID)
	}
}

func dump(w io.Writer, c *Client, cfg Config) {
	b, _ := json.Marshal(cfg.Credentials)
	fmt.Fprintf(w, "%v %+v %#v %s\n", c, cfg.Credentials, cfg.Credentials, b)
	fmt.Fprintf(w, "%+v %#v %x %q\n", cfg, cfg.Credentials, cfg.Credentials, cfg.Credentials)
}
