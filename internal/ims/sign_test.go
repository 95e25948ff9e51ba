package ims

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const vectorBody = `{"name":"nightly-web-01","instance_id":"877a2cda-ba63-4e1e-b95f-e67e48b6129a","vault_id":"8a4c4b3b-0f5c-4a43-9d0b-1f6c0c5c9b11"}`

var vectorTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// TestSignVectors checks the vectors of the API reference 1.5.
func TestSignVectors(t *testing.T) {
	t.Parallel()
	host := map[string]string{"Host": "ims.eu-de.otc.t-systems.com", "X-Project-Id": testProject}
	tests := []struct {
		name, method, address, body string
		header                      map[string]string
		sign                        func(*scribe, signable, string, string, time.Time)
		want                        string
	}{
		{
			name: "A/simple_key_with_host", method: http.MethodPost, address: "/v1/cloudimages/wholeimages/action", body: vectorBody,
			header: merge(host, "Content-Type", "application/json"), sign: (*scribe).signSimple,
			want: "SDK-HMAC-SHA256 Access=AKEXAMPLE0000000TEST, SignedHeaders=host;x-project-id;x-sdk-date, Signature=b31a995aa2627e49c853a94762cfbe81f934aa8572475b63bd89566d01ca3c51",
		},
		{
			name: "B/query_and_temporary_credentials", method: http.MethodGet, address: "/v2/cloudimages?tag=run%3D4%202&limit=50&__imagetype=private",
			header: merge(host, "X-Security-Token", "STSTOKEN=="), sign: (*scribe).signSimple,
			want: "SDK-HMAC-SHA256 Access=AKEXAMPLE0000000TEST, SignedHeaders=host;x-project-id;x-sdk-date;x-security-token, Signature=dcea42ae8dc61035027d0e8b3b397280ebeb26db6a187440709d89b70392710d",
		},
		{
			name: "C/derived_key", method: http.MethodPost, address: "/v1/cloudimages/wholeimages/action", body: vectorBody,
			header: map[string]string{"Accept": "application/json", "Content-Type": "application/json", "Host": "ims.eu-de.otc.t-systems.com", "User-Agent": "ims-go-test/1.0"},
			sign:   (*scribe).signDerived,
			want:   "SDK-HMAC-SHA256 Credential=AKEXAMPLE0000000TEST/20260102///sdk_request, SignedHeaders=accept;content-type;host;user-agent;x-sdk-date, Signature=b8b96df342a43fd1c55ac1c219cdce798d8d8c159e185b3ae9da54420b8218c7",
		},
		{
			name: "D/body_with_newline", method: http.MethodPost, address: "/v1/cloudimages/wholeimages/action", body: vectorBody + "\n",
			header: map[string]string{"User-Agent": "ims-go-test/1.0", "X-Project-Id": testProject, "Content-Type": "application/json;charset=UTF-8"}, sign: (*scribe).signSimple,
			want: "SDK-HMAC-SHA256 Access=AKEXAMPLE0000000TEST, SignedHeaders=user-agent;x-project-id;x-sdk-date, Signature=f39fe77b5f4c884222c10659dd671c7e971f9bf11de984e7ce075a544e4d7eaf",
		},
		{
			name: "D/without_newline", method: http.MethodPost, address: "/v1/cloudimages/wholeimages/action", body: vectorBody,
			header: map[string]string{"User-Agent": "ims-go-test/1.0", "X-Project-Id": testProject}, sign: (*scribe).signSimple,
			want: "SDK-HMAC-SHA256 Access=AKEXAMPLE0000000TEST, SignedHeaders=user-agent;x-project-id;x-sdk-date, Signature=c0c937c88640148d4c0e0c998ac1aa66c5fd971cc2c3b2912d5bf2c5ac42731b",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			u, err := url.Parse("https://ims.eu-de.otc.t-systems.com" + tt.address)
			if err != nil {
				t.Fatal(err)
			}
			h := http.Header{}
			for name, value := range tt.header {
				h.Set(name, value)
			}
			w := &scribe{} // one that has signed before, with another key and on another day
			tt.sign(w, signable{http.MethodGet, &url.URL{Path: "/a/b"}, http.Header{"X-Other": {"x"}}, nil}, "OTHER", "other", vectorTime.AddDate(0, 0, -1))
			tt.sign(w, signable{tt.method, u, h, []byte(tt.body)}, testAccess, testSecret, vectorTime)
			if got := h.Get("Authorization"); got != tt.want {
				t.Errorf("Authorization\n got %s\nwant %s", got, tt.want)
			}
			if got := h.Get("X-Sdk-Date"); got != "20260102T030405Z" {
				t.Errorf("X-Sdk-Date is %s", got)
			}
		})
	}
}

func merge(m map[string]string, name, value string) map[string]string {
	n := maps.Clone(m)
	n[name] = value
	return n
}

func TestCanonicalForms(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"":                 "/",
		"/":                "/",
		"/v2/cloudimages":  "/v2/cloudimages/",
		"/demo/v2/a b:c~d": "/demo/v2/a%20b%3Ac~d/",
	} {
		if got := string(appendPath(nil, path)); got != want {
			t.Errorf("path %q: got %q, want %q", path, got, want)
		}
	}
	q := url.Values{"b": {"2", "1"}, "a-b": {"x"}, "a": {"ü +"}}
	if got, want := canonicalQuery(q), "a=%C3%BC%20%2B&a-b=x&b=1&b=2"; got != want {
		t.Errorf("query: got %q, want %q", got, want)
	}
}

// TestSignedAsSent proves that a server can verify what the client signed, by
// what it received alone: path with prefix, query, headers, body.
func TestSignedAsSent(t *testing.T) {
	t.Parallel()
	for _, signing := range []string{SigningSimple, SigningDerived} {
		t.Run(signing, func(t *testing.T) {
			t.Parallel()
			s := play(t,
				step{method: "GET", path: "/demo/v2/cloudimages?limit=500&name=a%20%26%20b%2Fc&tag=run%3D4%202", status: 200, reply: `{"images":[]}`, check: verify(signing)},
				step{method: "POST", path: "/demo/v1/cloudimages/i-1/copy", status: 200, reply: `{"job_id":"j"}`, check: verify(signing)},
			)
			cfg := keyConfig(s.URL + "/demo")
			cfg.Signing, cfg.Credentials.SecurityToken = signing, "STSTOKEN=="
			c := dial(t, cfg)
			if _, err := c.Images(t.Context(), ImageFilter{Name: "a & b/c", Tag: "run=4 2"}); err != nil {
				t.Error(err)
			}
			if _, err := c.CopyImage(t.Context(), "i-1", ImageCopy{Name: "<copy & co>"}); err != nil {
				t.Error(err)
			}
		})
	}
}

// verify signs the received request again and compares.
func verify(signing string) func(*testing.T, *http.Request) {
	return func(t *testing.T, r *http.Request) {
		got := r.Header.Get("Authorization")
		_, list, _ := strings.Cut(got, "SignedHeaders=")
		list, _, _ = strings.Cut(list, ",")
		h := http.Header{}
		for name := range strings.SplitSeq(list, ";") {
			if value := r.Header.Get(name); value != "" {
				h.Set(name, value)
			}
		}
		h.Set("Host", r.Host)
		at, err := time.Parse(dateLayout, r.Header.Get(dateHeader))
		if err != nil {
			t.Error(err)
		}
		sign := (*scribe).signSimple
		if signing == SigningDerived {
			sign = (*scribe).signDerived
		}
		sign(&scribe{}, signable{r.Method, r.URL, h, []byte(bodyOf(r))}, testAccess, testSecret, at)
		if want := h.Get("Authorization"); got != want {
			t.Errorf("signature\n got %s\nwant %s", got, want)
		}
		if r.Header.Get("X-Project-Id") != testProject || r.Header.Get("X-Security-Token") != "STSTOKEN==" {
			t.Error("project or security token is missing")
		}
	}
}
