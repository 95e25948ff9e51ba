package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

const (
	secretKey   = "SK-nobody-may-read-this-0001"
	secretPass  = "password-nobody-may-read-0002"
	secretToken = "token-nobody-may-read-0003"
	secretSTS   = "sts-nobody-may-read-0004"
	secretNATS  = "nats-nobody-may-read-0005"
)

// echo is a proxy that answers every call with an error page that shows the
// whole request, as some do; it hands out a token first.
func echo(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dump, err := httputil.DumpRequest(r, true)
		if err != nil {
			t.Error(err)
		}
		if strings.HasSuffix(r.URL.Path, "/auth/tokens") && r.Method == http.MethodPost {
			w.Header().Set("X-Subject-Token", secretToken)
			w.WriteHeader(http.StatusCreated)
			fmt.Fprintf(w, `{"token":{"expires_at":%q,"issued_at":%q,"project":{"id":%q,"name":"eu-de"}}}`,
				time.Now().Add(time.Hour).UTC().Format(time.RFC3339Nano), time.Now().UTC().Format(time.RFC3339Nano), fakecloud.DemoProjectID)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprintf(w, "<html><body>Bad gateway. Your request was: <pre>%s</pre></body></html>", dump)
	}))
	t.Cleanup(server.Close)
	return server
}

// TestSecretsStayInside drives the worker through errors of every kind, with
// debug logs on, and searches whatever it gives away for what it was told to
// keep.
func TestSecretsStayInside(t *testing.T) {
	t.Parallel()
	s := newSystem(t, "", nil)
	proxy := echo(t)
	wrong := s.cloud.URL + "/" + fakecloud.DemoCloud
	text := fmt.Sprintf(`clouds:
  badsign:
    profile: otc
    region_name: eu-de
    auth: {auth_url: %[1]s/v3, project_id: %[2]q, ak: %[3]s, sk: %[4]s}
    image_endpoint_override: %[1]s
    cbr_endpoint_override: %[1]s
    imsworker: {time_factor: 50}
  proxied:
    profile: huaweicloud
    region_name: eu-nl
    auth: {auth_url: %[5]s/v3, project_id: 00000000000000000000000000000001, ak: AK, sk: %[4]s, security_token: %[6]s}
    image_endpoint_override: %[5]s
    cbr_endpoint_override: %[5]s
    imsworker: {time_factor: 50}
  badpass:
    profile: otc
    region_name: eu-de
    auth: {auth_url: %[1]s/v3/, project_name: eu-de, username: %[7]s, password: %[8]s, user_domain_name: %[9]s}
    image_endpoint_override: %[1]s
    cbr_endpoint_override: %[1]s
    imsworker: {time_factor: 50}
  tokened:
    profile: otc
    region_name: eu-de
    auth: {auth_url: %[5]s/token/v3, project_id: 00000000000000000000000000000002, username: u, password: %[8]s, user_domain_name: d}
    image_endpoint_override: %[5]s
    cbr_endpoint_override: %[5]s
    imsworker: {time_factor: 50}
`, wrong, fakecloud.DemoProjectID, fakecloud.DemoAccessKey, secretKey, proxy.URL, secretSTS, fakecloud.DemoUsername, secretPass, fakecloud.DemoDomain)
	if err := os.WriteFile(filepath.Join(s.dir, "clouds.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s.cfg.NATS.Password, s.cfg.NATS.User = secretNATS, "somebody"
	spans := s.trace()
	s.start()
	clouds := []string{"badsign", "proxied", "badpass", "tokened"}
	for _, cloud := range clouds {
		s.publish("ims.request."+cloud+".copy-image", `{"image_id":"`+fakecloud.DemoImage+`","name":"copy","options":{"preflight":false}}`, copyEvent("a"))
		s.publish("ims.request."+cloud+".create-whole-image", `{"backup_id":"`+fakecloud.DemoBackup+`","whole_image_type":"CBR","name":"n"}`, func() map[string][]string {
			h := copyEvent("b")
			h["ce-type"] = []string{messages.RequestType("create-whole-image")}
			return h
		}())
		s.publish("ims.request."+cloud+".copy-image", `{"image_id":"`+secretShaped+`"}`, copyEvent("c"))
	}
	s.await("every cloud to have refused or failed", func() bool {
		log := s.logs.String()
		for _, want := range []string{"cloud paused", "state=uncertain"} {
			if !strings.Contains(log, want) {
				return false
			}
		}
		for _, cloud := range clouds {
			if !strings.Contains(log, "cloud="+cloud) {
				return false
			}
		}
		return strings.Contains(fmt.Sprintf("%+v", spans.GetSpans()), "Name:POST /v1/cloudimages/{id}/copy")
	})
	_, metrics := s.get("/metrics")
	_, page := s.get("/")
	_, ready := s.get("/readyz")
	given := map[string]string{
		"spans": fmt.Sprintf("%+v", spans.GetSpans()),
		"logs":  s.logs.String(), "metrics": metrics, "start page": page, "readyz": ready,
		"configuration": fmt.Sprintf("%v %+v %#v", s.cfg, s.cfg, s.cfg),
		"events":        s.everything(broker.StreamEvents, "ims.event.>"), "dead letters": s.everything(broker.StreamDead, "ims.dead.>"),
	}
	for shard := range s.cfg.Shards {
		given[broker.TrackStream(shard)] = s.everything(broker.TrackStream(shard), broker.TrackFilter(shard))
	}
	for where, what := range given {
		for _, secret := range []string{secretKey, secretPass, secretToken, secretSTS, secretNATS, "Signature="} {
			if at := strings.Index(what, secret); at >= 0 {
				t.Errorf("%s give away %q: …%s", where, secret, what[max(0, at-200):at+len(secret)])
			}
		}
	}
	if !strings.Contains(given["logs"], "X-Auth-Token") && !strings.Contains(given["logs"], "level=DEBUG") {
		t.Error("the debug log shows no call: the test shows nothing")
	}
}

// secretShaped is no secret: what a publisher sends is the publisher's.
const secretShaped = "not-an-image-id"

// everything is all that stands in a stream, headers and bodies.
func (s *system) everything(stream, filter string) string {
	s.t.Helper()
	var b strings.Builder
	ctx, cancel := contextWithPatience(s.t)
	_ = s.conn.Tail(ctx, stream, filter, func(m broker.Stored) {
		fmt.Fprintf(&b, "%s %v %s\n", m.Subject, m.Header, m.Data)
	}, cancel)
	return b.String()
}

// TestConfigurationErrorsShowNoSecret starts with configurations that cannot
// work and reads what the start says.
func TestConfigurationErrorsShowNoSecret(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(s *system){
		"clouds_yaml": func(s *system) {
			text := "clouds:\n  demo:\n    auth: {ak: a, sk: " + secretKey + ", passwort: " + secretPass + "}\n    imsworker: {time_factor: much}\n"
			if err := os.WriteFile(s.cfg.CloudsFile, []byte(text), 0o600); err != nil {
				s.t.Fatal(err)
			}
		},
		"broker": func(s *system) {
			s.cfg.NATS.URL = config.Secret("nats://me:" + secretNATS + "@127.0.0.1:1,rubbish://:" + secretNATS + "@%")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSystem(t, "", nil)
			change(s)
			ctx, cancel := contextWithPatience(t)
			defer cancel()
			err := runFor(ctx, s, 3*time.Second)
			said := fmt.Sprintf("%v %+v %s", err, err, s.logs)
			for _, secret := range []string{secretKey, secretPass, secretNATS} {
				if strings.Contains(said, secret) {
					t.Errorf("says %s", said)
				}
			}
		})
	}
}
