package fakecloud

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const (
	vectorBody   = `{"name":"nightly-web-01","instance_id":"877a2cda-ba63-4e1e-b95f-e67e48b6129a","vault_id":"8a4c4b3b-0f5c-4a43-9d0b-1f6c0c5c9b11"}`
	vectorAccess = "AKEXAMPLE0000000TEST"
	vectorSecret = "SKexample0000000000000000000000000000TEST"
	vectorURL    = "https://ims.eu-de.otc.t-systems.com"
	wholePath    = "/v1/cloudimages/wholeimages/action"
)

// vector is one signed request of the API reference's section 1.5.
type vector struct {
	name, method, path, body, authorization string
	header                                  map[string]string
}

var vectors = []vector{
	{
		name: "A", method: http.MethodPost, path: wholePath, body: vectorBody,
		authorization: "Access=" + vectorAccess + ", SignedHeaders=host;x-project-id;x-sdk-date, Signature=b31a995aa2627e49c853a94762cfbe81f934aa8572475b63bd89566d01ca3c51",
		header:        map[string]string{"Content-Type": "application/json;charset=UTF-8"},
	},
	{
		name: "B", method: http.MethodGet, path: "/v2/cloudimages?__imagetype=private&limit=50&tag=run%3D4%202",
		authorization: "Access=" + vectorAccess + ", SignedHeaders=host;x-project-id;x-sdk-date;x-security-token, Signature=dcea42ae8dc61035027d0e8b3b397280ebeb26db6a187440709d89b70392710d",
		header:        map[string]string{"X-Security-Token": "STSTOKEN=="},
	},
	{
		name: "C", method: http.MethodPost, path: wholePath, body: vectorBody,
		authorization: "Credential=" + vectorAccess + "/20260102///sdk_request, SignedHeaders=accept;content-type;host;user-agent;x-sdk-date, Signature=b8b96df342a43fd1c55ac1c219cdce798d8d8c159e185b3ae9da54420b8218c7",
		header:        map[string]string{"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "ims-go-test/1.0"},
	},
	{
		name: "D", method: http.MethodPost, path: wholePath, body: vectorBody + "\n",
		authorization: "Access=" + vectorAccess + ", SignedHeaders=user-agent;x-project-id;x-sdk-date, Signature=f39fe77b5f4c884222c10659dd671c7e971f9bf11de984e7ce075a544e4d7eaf",
		header:        map[string]string{"User-Agent": "ims-go-test/1.0"},
	},
}

func (v vector) request() *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), v.method, vectorURL+v.path, strings.NewReader(v.body))
	r.Header.Set("X-Sdk-Date", "20260102T030405Z")
	r.Header.Set("X-Project-Id", "0123456789abcdef0123456789abcdef")
	for key, value := range v.header {
		r.Header.Set(key, value)
	}
	r.Header.Set("Authorization", "SDK-HMAC-SHA256 "+v.authorization)
	return r
}

func (v vector) verify(r *http.Request, body string) error {
	s, err := parseAuthorization(r.Header.Get("Authorization"))
	if err != nil {
		return err
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := s.checkTime(r, at, at); err != nil {
		return err
	}
	return s.verify(r, []byte(body), vectorSecret)
}

func TestSignatureVectors(t *testing.T) {
	t.Parallel()
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			if err := v.verify(v.request(), v.body); err != nil {
				t.Error(err)
			}
			if err := v.verify(v.request(), v.body+" "); err == nil {
				t.Error("another body was accepted")
			}
			other := v.request()
			other.URL.Path += "x"
			if err := v.verify(other, v.body); err == nil {
				t.Error("another path was accepted")
			}
			late := v.request()
			late.Header.Set("X-Sdk-Date", "20260102T031906Z")
			if err := v.verify(late, v.body); err == nil {
				t.Error("another time was accepted")
			}
		})
	}
}

// TestUnsignedExtras shows that what the derived-key SDK adds after signing
// does not matter to the signature, and that signed headers do.
func TestUnsignedExtras(t *testing.T) {
	t.Parallel()
	v := vectors[2]
	r := v.request()
	r.Header.Set("X-Project-Id", "another")
	r.Header.Set("X-Security-Token", "added later")
	if err := v.verify(r, v.body); err != nil {
		t.Error(err)
	}
	r.Header.Set("User-Agent", "somebody else")
	if err := v.verify(r, v.body); err == nil {
		t.Error("another signed header was accepted")
	}
}

func TestAuthorizationIncomplete(t *testing.T) {
	t.Parallel()
	for _, header := range []string{
		"", "SDK-HMAC-SHA256", "SDK-HMAC-SHA256 Access=a, SignedHeaders=host", "SDK-HMAC-SM3 Access=a, SignedHeaders=host, Signature=0",
		"SDK-HMAC-SHA256 SignedHeaders=host, Signature=0",
	} {
		if _, err := parseAuthorization(header); err == nil {
			t.Errorf("%q was accepted", header)
		}
	}
}
