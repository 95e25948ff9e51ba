package notify

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/messages"
)

// TestPostOnTheWire: CloudEvents over HTTP, binary mode, the data as it is.
func TestPostOnTheWire(t *testing.T) {
	t.Parallel()
	got := make(chan *http.Request, 1)
	data := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		data <- string(body)
		got <- r
		w.WriteHeader(http.StatusAccepted)
	}))
	defer server.Close()
	n, _, _ := notifier(t, strings.Replace(server.URL, "://", "://me:p%40ss@", 1)+"/hook?token=x%20y")
	_, header, body := ended(t, 7, messages.StateFailed)
	if a := n.to.post(t.Context(), header, body); a.outcome != taken {
		t.Fatalf("got %+v", a)
	}
	r := <-got
	if said := <-data; said != string(body) {
		t.Errorf("body %s", said)
	}
	user, password, _ := r.BasicAuth()
	if r.Method != http.MethodPost || r.URL.Path != "/hook" || r.URL.Query().Get("token") != "x y" || user != "me" || password != "p@ss" {
		t.Errorf("%s %s as %s:%s", r.Method, r.URL, user, password)
	}
	for _, unwanted := range []string{"Authorization", "Accept-Encoding", "Content-Length"} {
		r.Header.Del(unwanted)
	}
	want := http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"imsworker/test"},
		"Ce-Specversion": {"1.0"}, "Ce-Type": {"io.imsworker.event.failed.v1"}, "Ce-Source": {"/imsworker/demo"},
		"Ce-Subject": {messages.Key("demo", "/test", "7")}, "Ce-Id": {idOf(7, messages.StateFailed)}, "Ce-Time": {"2026-11-22T03:00:00Z"},
		"Ce-Dataschema": {"https://imsworker.io/schemas/event.v1.json"}, "Ce-Sequence": {"0000000000000003"}, "Ce-Causationid": {"Z%C3%BCrich%20%227%22"},
	}
	if !reflect.DeepEqual(r.Header, want) {
		t.Errorf("headers\n got %v\nwant %v", r.Header, want)
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]outcome{
		200: taken, 202: taken, 204: taken, 301: failed, 307: failed, 400: refused, 401: failed, 403: failed, 404: failed, 405: failed,
		408: failed, 409: refused, 410: failed, 413: refused, 415: refused, 422: refused, 429: failed, 500: failed, 502: failed, 503: failed,
	} {
		if got := judge(code, http.Header{}); got.outcome != want {
			t.Errorf("%d: got %v, want %v", code, got.outcome, want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"": 0, "x": 0, "-1": 0, "30": 30 * time.Second, "99999999999": mostAsked, "86400": mostAsked, "Sat, 21 Nov 2020 03:00:00 GMT": 0,
		"Sat, 21 Nov 2099 03:00:00 GMT": mostAsked,
	} {
		if got := retryAfter(value); got != want {
			t.Errorf("%q: got %s, want %s", value, got, want)
		}
	}
}

// TestNotSucceeded: what is posted is the contract's set, bulks by their counts.
func TestNotSucceeded(t *testing.T) {
	t.Parallel()
	counts := func(c messages.Counts) func(*messages.Event) {
		return func(e *messages.Event) { e.Batch = &messages.Batch{Counts: c} }
	}
	due := func(s messages.State, change ...func(*messages.Event)) bool {
		subject, header, body := ended(t, 1, s, change...)
		id, got, err := notSucceeded(broker.Delivery{Subject: subject, Header: header}, body)
		if err != nil || id != idOf(1, s) {
			t.Errorf("%s: read %q, %v", s, id, err)
		}
		return got
	}
	for s, want := range map[messages.State]bool{
		messages.StateFailed: true, messages.StateRejected: true, messages.StateUnresolved: true, messages.StateSucceeded: false, messages.StateCancelled: false,
	} {
		if got := due(s); got != want {
			t.Errorf("%s: got %v", s, got)
		}
	}
	if due(messages.StateBatchCompleted, counts(messages.Counts{Legs: 2, Succeeded: 2})) {
		t.Error("a bulk that succeeded is posted")
	}
	if !due(messages.StateBatchCompleted, counts(messages.Counts{Legs: 2, Succeeded: 1, Failed: 1})) {
		t.Error("a bulk with a failed leg is not posted")
	}
	if _, got, err := notSucceeded(broker.Delivery{Subject: "ims.event.a.b.final.failed.c.1"}, []byte("rubbish")); got || err == nil {
		t.Errorf("rubbish: %v %v", got, err)
	}
}

// TestNoSecretIsTold makes calls fail in every way and searches all that is
// given away for the parts of the URL that may be secret.
func TestNoSecretIsTold(t *testing.T) {
	t.Parallel()
	const user, password, path, query = "user-s3cret", "password-s3cret", "path-s3cret", "query-s3cret"
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Ce-Subject") {
		case messages.Key("demo", "/test", "1"):
			http.Redirect(w, r, "http://"+user+":"+password+"@127.0.0.1:1/"+path+"?"+r.URL.RawQuery, http.StatusTemporaryRedirect)
		case messages.Key("demo", "/test", "2"):
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		default:
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, r.URL, r.Header)
		}
	}))
	defer echo.Close()
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone := silent.Addr().String()
	_ = silent.Close()
	at := strings.TrimPrefix(echo.URL, "http://")
	for _, base := range []string{"http://%s" + at, "https://%s" + at, "http://%s" + gone} {
		url := fmt.Sprintf(base, user+":"+password+"@") + "/" + path + "?t=" + query
		n, log, reg := notifier(t, url)
		said := n.Receiver()
		for i := 1; i <= 3; i++ {
			subject, header, body := ended(t, i, messages.StateFailed)
			d := broker.Delivery{Subject: subject, Header: header, StreamSequence: uint64(i), Deliveries: 1}
			a := n.to.post(t.Context(), header, body)
			if a.outcome == taken || a.why == "" {
				t.Errorf("%s: got %+v", base, a)
			}
			n.hear(t.Context(), pass{}, a)
			for range mostRefusals {
				n.again(t.Context(), broker.Hand(t.Context(), d, body), d, idOf(i, messages.StateFailed), answer{outcome: refused, why: a.why})
			}
			said += fmt.Sprintf("%v %+v", a, a)
		}
		said += log.String() + gathered(t, reg)
		for _, secret := range []string{user, password, path, query} {
			if strings.Contains(said, secret) {
				t.Errorf("%s: tells %s:\n%s", base, secret, said)
			}
		}
	}
	for _, bad := range []string{"%" + password, "https://" + password + "%@h/", "/" + path, "http://h\x7f/" + path} {
		if _, err := New(Options{URL: bad}, prometheus.NewRegistry()); err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

// gathered is everything that a registry shows.
func gathered(t *testing.T, reg *prometheus.Registry) string {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(families)
}

// TestRedirectIsNotFollowed: nobody but the receiver that was named is called.
func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the other address was called") }))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusPermanentRedirect))
	defer server.Close()
	n, _, _ := notifier(t, server.URL)
	_, header, body := ended(t, 1, messages.StateFailed)
	if a := n.to.post(t.Context(), header, body); a.outcome != failed || !strings.Contains(a.why, "308") {
		t.Errorf("got %+v", a)
	}
}

// TestPostThatIsCutOff: our own end is told apart from the receiver's silence.
func TestPostThatIsCutOff(t *testing.T) {
	t.Parallel()
	called, release := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(called); <-release }))
	defer server.Close()
	defer close(release)
	n, _, _ := notifier(t, server.URL)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-called; cancel() }()
	_, header, body := ended(t, 1, messages.StateFailed)
	if a := n.to.post(ctx, header, body); a.outcome != cut {
		t.Errorf("got %+v", a)
	}
}
