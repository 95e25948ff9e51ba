package hooks_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/internal/hooks"
	"github.com/imsworker/imsworker/messages"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "t0ps3cret-t0ps3cret"

// shelf is a broker that keeps what it gets.
type shelf struct {
	mu   sync.Mutex
	kept []broker.Message
	err  error
}

func (s *shelf) Put(_ context.Context, _ string, m broker.Message) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	s.kept = append(s.kept, m)
	return uint64(len(s.kept)), nil
}

func (s *shelf) Last(_ context.Context, _, subject string) (broker.Stored, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.kept {
		if m.Subject == subject {
			return broker.Stored{Subject: subject}, nil
		}
	}
	return broker.Stored{}, broker.ErrNone
}

// notices are those that were stored.
func (s *shelf) notices(t *testing.T) (all []messages.Notice) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.kept {
		if m.Subject == "ims.backup.demo.ready" {
			n, problems := messages.ReadNotice(m.Header, m.Data)
			if len(problems) > 0 {
				t.Errorf("a notice that no worker takes: %v", problems)
			}
			all = append(all, n)
		}
	}
	return all
}

// site is the hooks of a worker, a fake cloud that may call them, and an
// address that nobody may call.
type site struct {
	t      *testing.T
	shelf  *shelf
	fake   *fakecloud.Fake
	cloud  *httptest.Server
	hooks  *httptest.Server
	wrong  *httptest.Server
	called atomic.Int64 // calls of the wrong address
	logs   lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func newSite(t *testing.T, with string) *site {
	t.Helper()
	fake, err := fakecloud.New(fakecloud.Options{Clouds: []fakecloud.CloudOptions{fakecloud.Demo()}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, shelf: &shelf{}, fake: fake}
	mux := http.NewServeMux()
	mux.Handle("/", fake.Handler())
	mux.HandleFunc("/demo/smn/away.pem", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, s.wrong.URL+"/x.pem", http.StatusFound)
	})
	mux.HandleFunc("/demo/smn/away", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, s.wrong.URL, http.StatusFound) })
	mux.HandleFunc("/demo/smn/large.pem", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) })
	mux.HandleFunc("/demo/smn/gone", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/demo/smn/gone.pem", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/demo/smn/busy.pem", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	s.cloud = httptest.NewServer(mux)
	other, err := fakecloud.New(fakecloud.Options{Clouds: []fakecloud.CloudOptions{fakecloud.Demo()}})
	if err != nil {
		t.Fatal(err)
	}
	s.wrong = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.called.Add(1)
		other.Handler().ServeHTTP(w, r)
	}))
	h := hooks.New(hooks.Options{
		Token: with, Store: s.shelf, Log: slog.New(slog.NewTextHandler(&s.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Cloud: func(name string) (hooks.Cloud, bool) {
			return hooks.Cloud{Topics: []string{fakecloud.Demo().Topic("backups")}, SMN: s.cloud.URL + "/demo"}, name == "demo"
		},
	}, prometheus.NewRegistry())
	s.hooks = httptest.NewServer(h.Handler())
	t.Cleanup(func() {
		for _, server := range []*httptest.Server{s.hooks, s.cloud, s.wrong} {
			server.Close()
		}
		h.Close()
		if err := errors.Join(fake.Close(), other.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *site) post(path string, header http.Header, body []byte) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.hooks.URL+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Close = true
	maps.Copy(req.Header, header)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	said, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(said)
}

func (s *site) message(m fakecloud.SMNMessage) []byte {
	s.t.Helper()
	body, err := s.fake.SMN("demo", s.cloud.URL, m)
	if err != nil {
		s.t.Fatal(err)
	}
	return body
}

// changed is a message in which a field was changed after it was signed.
func changed(t *testing.T, body []byte, field, value string) []byte {
	t.Helper()
	var fields map[string]string
	if err := json.Unmarshal(body, &fields); err != nil {
		t.Fatal(err)
	}
	fields[field] = value
	body, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

const backup = fakecloud.DemoBackup

// TestSMNIsBelieved: Cloud Eye's events and words for people, with a subject and without.
func TestSMNIsBelieved(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	text, err := s.fake.CloudEyeEvent("demo", backup)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []fakecloud.SMNMessage{
		{Message: text}, {Message: text, Subject: "Cloud Eye"}, {Message: "the backup " + strings.ToUpper(backup) + " is done"},
		{Message: `{"cts":{"trace_name":"createBackup","resource_type":"backup","resource_id":"` + backup + `"}}`},
	} {
		if status, said := s.post("/hooks/demo/smn", nil, s.message(m)); status != http.StatusOK {
			t.Errorf("%+v: %d %s", m, status, said)
		}
	}
	all := s.shelf.notices(t)
	for _, n := range all {
		if n.Backup.ID != backup && (len(n.IDs) != 1 || n.IDs[0] != backup) || n.Evidence.Channel != "smn" {
			t.Errorf("notice %+v", n)
		}
	}
	if len(all) != 4 {
		t.Errorf("%d notices", len(all))
	}
	for _, nothing := range []string{`{"event_name":"backupFailed","detail":{"resource_id":"` + backup + `"}}`, "hello", `{"trace_name":"deleteBackup","resource_id":"` + backup + `"}`} {
		if status, said := s.post("/hooks/demo/smn", nil, s.message(fakecloud.SMNMessage{Message: nothing})); status != http.StatusOK || !strings.Contains(said, "it ") {
			t.Errorf("%s: %d %s", nothing, status, said)
		}
	}
	if got := len(s.shelf.notices(t)); got != 4 {
		t.Errorf("%d notices after what tells of no finished backup", got)
	}
}

func TestSMNSubscription(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	if status, said := s.post("/hooks/demo/smn", nil, s.message(fakecloud.SMNMessage{Type: "SubscriptionConfirmation", ID: "s3cret-of-the-link"})); status != http.StatusOK {
		t.Fatalf("%d %s", status, said)
	}
	if got, err := s.fake.Confirmed("demo"); err != nil || len(got) != 1 {
		t.Errorf("confirmed %v, %v", got, err)
	}
	if status, _ := s.post("/hooks/demo/smn", nil, s.message(fakecloud.SMNMessage{Type: "UnsubscribeConfirmation"})); status != http.StatusOK {
		t.Errorf("%d", status)
	}
	if got, _ := s.fake.Confirmed("demo"); len(got) != 1 {
		t.Errorf("an end of a subscription was answered with a call: %v", got)
	}
	if strings.Contains(s.logs.String(), "token=") {
		t.Error("the log holds the link's token")
	}
}

// TestSMNAttacks: each is refused with a line in the log that says why, none
// leads to a notice or to a call of an address outside of the list.
func TestSMNAttacks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		message fakecloud.SMNMessage
		change  [2]string // a field, and what it is changed to behind the signature
		status  int
		why     string
	}{
		"text_changed":         {change: [2]string{"message", backup + " x"}, status: 403, why: "the signature is wrong"},
		"no_signature":         {change: [2]string{"signature", ""}, status: 403, why: "no signature"},
		"not_base64":           {change: [2]string{"signature", "%%"}, status: 403, why: "no signature"},
		"topic_changed":        {change: [2]string{"topic_urn", "urn:smn:eu-de:x:y"}, status: 403, why: "not in smn_topics"},
		"foreign_topic":        {message: fakecloud.SMNMessage{Topic: "urn:smn:eu-de:0:other"}, status: 403, why: "not in smn_topics"},
		"foreign_host":         {message: fakecloud.SMNMessage{CertURL: "WRONG/demo/smn/SMN_eu-de_0a1b2c3d.pem"}, status: 403, why: "signing_cert_url"},
		"host_in_user":         {message: fakecloud.SMNMessage{CertURL: "http://HOST@WRONGHOST/demo/smn/a.pem"}, status: 403, why: "signing_cert_url"},
		"other_scheme":         {message: fakecloud.SMNMessage{CertURL: "file:///etc/passwd"}, status: 403, why: "signing_cert_url"},
		"above_the_path":       {message: fakecloud.SMNMessage{CertURL: "CLOUD/demo/../_admin/truth.pem"}, status: 403, why: "signing_cert_url"},
		"redirecting_cert":     {message: fakecloud.SMNMessage{CertURL: "CLOUD/demo/smn/away.pem"}, status: 403, why: "redirects"},
		"no_pem":               {message: fakecloud.SMNMessage{CertURL: "CLOUD/demo/smn/subscriptions/confirm?token=1"}, status: 403, why: ".pem"},
		"large_cert":           {message: fakecloud.SMNMessage{CertURL: "CLOUD/demo/smn/large.pem"}, status: 403, why: "more than"},
		"old":                  {message: fakecloud.SMNMessage{Timestamp: time.Now().Add(-25 * time.Hour)}, status: 403, why: "older than"},
		"to_come":              {message: fakecloud.SMNMessage{Timestamp: time.Now().Add(time.Hour)}, status: 403, why: "still to come"},
		"made_young":           {message: fakecloud.SMNMessage{Timestamp: time.Now().Add(-25 * time.Hour)}, change: [2]string{"timestamp", time.Now().UTC().Format(time.RFC3339)}, status: 403, why: "the signature is wrong"},
		"other_type":           {message: fakecloud.SMNMessage{Type: "Hello"}, status: 400, why: "none of SMN's"},
		"confirm_elsewhere":    {message: fakecloud.SMNMessage{Type: "SubscriptionConfirmation", SubscribeURL: "WRONG/x"}, status: 403, why: "subscribe_url"},
		"confirm_redirects":    {message: fakecloud.SMNMessage{Type: "SubscriptionConfirmation", SubscribeURL: "CLOUD/demo/smn/away"}, status: 502, why: "redirects"},
		"confirm_link_changed": {message: fakecloud.SMNMessage{Type: "SubscriptionConfirmation"}, change: [2]string{"subscribe_url", "CLOUD/demo/smn/subscriptions/confirm?token=2"}, status: 403, why: "the signature is wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "")
			fill := strings.NewReplacer("WRONGHOST", strings.TrimPrefix(s.wrong.URL, "http://"), "WRONG", s.wrong.URL, "CLOUD", s.cloud.URL, "HOST", strings.TrimPrefix(s.cloud.URL, "http://"))
			c.message.CertURL, c.message.SubscribeURL = fill.Replace(c.message.CertURL), fill.Replace(c.message.SubscribeURL)
			c.message.Message = backup
			body := s.message(c.message)
			if c.change[0] != "" {
				body = changed(t, body, c.change[0], fill.Replace(c.change[1]))
			}
			s.refused(body, c.status, c.why)
		})
	}
}

func (s *site) refused(body []byte, status int, why string) {
	s.t.Helper()
	before := len(s.shelf.notices(s.t))
	got, said := s.post("/hooks/demo/smn", nil, body)
	if got != status || !strings.Contains(said, why) {
		s.t.Errorf("answered %d %q, want %d and %q", got, said, status, why)
	}
	if log := s.logs.String(); !strings.Contains(log, "result=refused") || !strings.Contains(log, why) {
		s.t.Errorf("the log does not say why:\n%s", log)
	}
	if after := len(s.shelf.notices(s.t)); after != before {
		s.t.Error("it led to a notice")
	}
	if s.called.Load() != 0 {
		s.t.Error("an address outside of the list was called")
	}
	if tokens, _ := s.fake.Confirmed("demo"); len(tokens) > 0 {
		s.t.Error("a subscription was confirmed")
	}
}

// TestSMNFaultsThatMayPass are no fault of the message: its sender is to try
// again, and is believed no more than before.
func TestSMNFaultsThatMayPass(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	for name, c := range map[string]struct {
		message fakecloud.SMNMessage
		why     string
	}{
		"no_cert_there": {fakecloud.SMNMessage{CertURL: s.cloud.URL + "/demo/smn/none.pem"}, "SMN answers 404"},
		"busy":          {fakecloud.SMNMessage{CertURL: s.cloud.URL + "/demo/smn/busy.pem"}, "SMN answers 502"},
		"no_answer":     {fakecloud.SMNMessage{CertURL: s.cloud.URL + "/demo/smn/gone.pem"}, "SMN does not answer"},
		"no_confirm":    {fakecloud.SMNMessage{Type: "SubscriptionConfirmation", SubscribeURL: s.cloud.URL + "/demo/smn/gone"}, "cannot be confirmed now"},
	} {
		c.message.Message = backup
		if status, said := s.post("/hooks/demo/smn", nil, s.message(c.message)); status != http.StatusServiceUnavailable || !strings.Contains(said, c.why) || !strings.Contains(said, "try again") {
			t.Errorf("%s: %d %s", name, status, said)
		}
	}
	if n := len(s.shelf.notices(t)); n > 0 || !strings.Contains(s.logs.String(), "result=unavailable") {
		t.Errorf("%d notices; the log:\n%s", n, &s.logs)
	}
}

// TestCallsThatAreNone are told what is wanted, and logged, as all that is
// refused is.
func TestCallsThatAreNone(t *testing.T) {
	t.Parallel()
	s := newSite(t, token)
	s.refused(nil, http.StatusBadRequest, "the body is empty; want a message of SMN, in JSON")
	if status, said := s.post("/hooks/demo/cloudevents", structured(token), nil); status != http.StatusBadRequest || !strings.Contains(said, "the body is empty") {
		t.Errorf("no event: %d %s", status, said)
	}
	if status, said := s.post("/hooks/demo/cloudevent", structured(token), nil); status != http.StatusNotFound || !strings.Contains(said, "/hooks/<cloud>/cloudevents") {
		t.Errorf("no hook: %d %s", status, said)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.hooks.URL+"/hooks/demo/smn", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") != http.MethodPost {
		t.Errorf("GET is answered %d, allowed is %q", resp.StatusCode, resp.Header.Get("Allow"))
	}
	for _, want := range []string{"hook=other", "status=404", "status=405", "the method is GET; want POST"} {
		if !strings.Contains(s.logs.String(), want) {
			t.Errorf("no %q in the log:\n%s", want, &s.logs)
		}
	}
}

// TestSMNForeignCertificate is signed well, but by a key of somebody else.
func TestSMNForeignCertificate(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	other, err := fakecloud.New(fakecloud.Options{Clouds: []fakecloud.CloudOptions{fakecloud.Demo()}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	body, err := other.SMN("demo", s.cloud.URL, fakecloud.SMNMessage{Message: backup})
	if err != nil {
		t.Fatal(err)
	}
	s.refused(body, 403, "the signature is wrong")
}

func TestSMNReplayAndSize(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	body := s.message(fakecloud.SMNMessage{Message: backup})
	if status, said := s.post("/hooks/demo/smn", nil, body); status != http.StatusOK {
		t.Fatalf("%d %s", status, said)
	}
	s.refused(body, http.StatusConflict, "was taken before")
	s.refused(s.message(fakecloud.SMNMessage{Message: strings.Repeat("x", 1<<20)}), http.StatusRequestEntityTooLarge, "more than 262144 bytes")
	s.refused([]byte("{"), http.StatusBadRequest, "no message of SMN")
	if status, _ := s.post("/hooks/elsewhere/smn", nil, body); status != http.StatusNotFound {
		t.Errorf("an unknown cloud: %d", status)
	}
}

// TestStoreAway: nothing is answered well, or noted, that is not stored.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, token)
	body := s.message(fakecloud.SMNMessage{Message: backup})
	s.shelf.err = broker.ErrFull
	if status, _ := s.post("/hooks/demo/smn", nil, body); status != http.StatusServiceUnavailable {
		t.Errorf("SMN is answered %d", status)
	}
	event, err := s.fake.EventGridEvent("demo", backup)
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := s.post("/hooks/demo/cloudevents", structured(token), event); status != http.StatusServiceUnavailable {
		t.Errorf("EventGrid is answered %d", status)
	}
	s.shelf.err = nil
	if status, said := s.post("/hooks/demo/smn", nil, body); status != http.StatusOK || len(s.shelf.notices(t)) != 1 {
		t.Errorf("the second try: %d %s", status, said)
	}
}

func structured(token string) http.Header {
	return http.Header{"Content-Type": {"application/cloudevents+json; charset=utf-8"}, "Authorization": {"Bearer " + token}, "X-Forwarded-For": {"a", "b"}}
}

func TestCloudEvents(t *testing.T) {
	t.Parallel()
	s := newSite(t, token)
	event, err := s.fake.EventGridEvent("demo", backup)
	if err != nil {
		t.Fatal(err)
	}
	binary := http.Header{"Content-Type": {"application/json"}, "Ce-Specversion": {"1.0"}, "Ce-Type": {messages.NoticeType}, "Ce-Source": {"/me"}, "Ce-Id": {"1"}, "Authorization": {"bearer " + token}}
	data := []byte(`{"backup":{"id":"` + backup + `"}}`)
	for name, c := range map[string]struct {
		header http.Header
		body   []byte
	}{"eventgrid": {structured(token), event}, "binary": {binary, data}, "structured": {structured(token), []byte(`{"specversion":"1.0","type":"` + messages.NoticeType + `","source":"/me","id":"2","dataschema":"","data":` + string(data) + `}`)}} {
		if status, said := s.post("/hooks/demo/cloudevents", c.header, c.body); status != http.StatusOK {
			t.Errorf("%s: %d %s", name, status, said)
		}
	}
	for _, n := range s.shelf.notices(t) {
		if n.Backup.ID != backup || n.Evidence.Channel != "cloudevents" {
			t.Errorf("notice %+v", n)
		}
	}
	if got := len(s.shelf.notices(t)); got != 3 {
		t.Errorf("%d notices", got)
	}
}

func TestCloudEventsAreRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, token)
	event, err := s.fake.EventGridEvent("demo", backup)
	if err != nil {
		t.Fatal(err)
	}
	plain := structured(token)
	plain.Set("Content-Type", "application/json")
	basic := structured(token)
	basic.Set("Authorization", "Basic "+token)
	for name, c := range map[string]struct {
		header http.Header
		body   []byte
		status int
		why    string
	}{
		"no_token":    {structured(""), event, 401, "token"},
		"wrong_token": {structured(token[1:]), event, 401, "token"},
		"basic":       {basic, event, 401, "token"},
		"no_event":    {plain, []byte(`{}`), 400, "ce-specversion"},
		"no_json":     {structured(token), []byte(`{`), 400, "not JSON"},
		"bad_notice":  {structured(token), []byte(`{"specversion":"1.0","type":"` + messages.NoticeType + `","source":"/me","id":"2","data":{"backup":{"id":"x"}}}`), 400, "backup.id"},
		"large":       {structured(token), make([]byte, 1<<20), 413, "more than"},
	} {
		if status, said := s.post("/hooks/demo/cloudevents", c.header, c.body); status != c.status || !strings.Contains(said, c.why) {
			t.Errorf("%s: %d %s", name, status, said)
		}
	}
	if len(s.shelf.notices(t)) > 0 || strings.Contains(s.logs.String(), token[1:]) {
		t.Errorf("notices %v, or the token stands in the log:\n%s", s.shelf.notices(t), &s.logs)
	}
	off := newSite(t, "")
	if status, _ := off.post("/hooks/demo/cloudevents", structured(""), event); status != http.StatusForbidden {
		t.Errorf("without a token the hook answers %d", status)
	}
}
