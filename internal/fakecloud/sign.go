package fakecloud

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	algorithm     = "SDK-HMAC-SHA256"
	sdkDateLayout = "20060102T150405Z"
	maxSkew       = 15 * time.Minute
	variantA      = "A" // simple key, as the Huawei SDK signs
	variantB      = "B" // derived key, as the SDK of the other cloud signs
)

// signature is a parsed Authorization header (API reference 1.4).
type signature struct {
	variant string
	access  string
	scope   string // variant B: date/region/service/sdk_request
	headers []string
	mac     string
}

// parseAuthorization takes the header apart; which variant it is follows from
// Access= or Credential=.
func parseAuthorization(header string) (signature, error) {
	var s signature
	rest, found := strings.CutPrefix(header, algorithm+" ")
	if !found {
		return s, errors.New("unknown signing algorithm")
	}
	for part := range strings.SplitSeq(rest, ",") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		s.set(key, value)
	}
	if s.access == "" || s.mac == "" || len(s.headers) == 0 {
		return s, errors.New("authorization header is incomplete")
	}
	return s, nil
}

func (s *signature) set(key, value string) {
	switch key {
	case "Access":
		s.variant, s.access = variantA, value
	case "Credential":
		s.variant = variantB
		s.access, s.scope, _ = strings.Cut(value, "/")
	case "SignedHeaders":
		s.headers = strings.Split(value, ";")
	case "Signature":
		s.mac = value
	}
}

// verify recomputes the signature from what was received: the body's raw
// bytes, and exactly the headers named in SignedHeaders.
func (s signature) verify(r *http.Request, body []byte, secret string) error {
	canonical, err := s.canonicalRequest(r, body)
	if err != nil {
		return err
	}
	want := s.sum(secret, s.stringToSign(r.Header.Get("X-Sdk-Date"), canonical))
	if !hmac.Equal([]byte(want), []byte(s.mac)) {
		return errors.New("verify aksk signature fail")
	}
	return nil
}

// checkTime refuses a signature that is more than 15 minutes away from the
// wall's time as well as from the virtual one.
func (s signature) checkTime(r *http.Request, wall, virtual time.Time) error {
	date := r.Header.Get("X-Sdk-Date")
	if !slices.Contains(s.headers, "x-sdk-date") {
		return errors.New("x-sdk-date is not signed")
	}
	signed, err := time.Parse(sdkDateLayout, date)
	if err != nil {
		return errors.New("x-sdk-date is malformed")
	}
	if wall.Sub(signed).Abs() > maxSkew && virtual.Sub(signed).Abs() > maxSkew {
		return errors.New("the signature is expired or too far in the future")
	}
	if s.variant == variantB && !strings.HasPrefix(s.scope, date[:8]+"/") {
		return errors.New("the credential scope is of another date")
	}
	return nil
}

func (s signature) canonicalRequest(r *http.Request, body []byte) (string, error) {
	headers, err := s.canonicalHeaders(r)
	if err != nil {
		return "", err
	}
	query, err := canonicalQuery(r.URL.RawQuery)
	if err != nil {
		return "", err
	}
	if s.variant == variantB && r.Method == http.MethodPost && len(body) == 0 {
		query, body = "", []byte(query)
	}
	hash, err := bodyHash(r, body)
	return strings.Join([]string{r.Method, canonicalURI(r.URL.Path), query, headers, strings.Join(s.headers, ";"), hash}, "\n"), err
}

func (s signature) canonicalHeaders(r *http.Request) (string, error) {
	var lines strings.Builder
	for _, name := range s.headers {
		value, found := receivedHeader(r, name)
		if !found {
			return "", fmt.Errorf("signed header %q is missing", name)
		}
		value = strings.TrimSpace(value)
		if s.variant == variantB {
			value = strings.Join(strings.Fields(value), " ")
		}
		lines.WriteString(name + ":" + value + "\n")
	}
	return lines.String(), nil
}

func receivedHeader(r *http.Request, name string) (string, bool) {
	switch name {
	case "host":
		return r.Host, true
	case "content-length":
		return strconv.FormatInt(r.ContentLength, 10), true
	}
	values := r.Header.Values(name)
	return strings.Join(values, ","), len(values) > 0
}

// stringToSign has three lines in variant A and four, with the scope, in B.
func (s signature) stringToSign(date, canonical string) string {
	lines := []string{algorithm, date}
	if s.variant == variantB {
		lines = append(lines, s.scope)
	}
	return strings.Join(append(lines, hexHash([]byte(canonical))), "\n")
}

// sum signs the text with the variant's key.
func (s signature) sum(secret, text string) string {
	key := []byte(secret)
	if s.variant == variantB {
		key = derivedKey(secret, s.scope)
	}
	return hex.EncodeToString(hmacOf(key, text))
}

// derivedKey follows the parts of the scope, empty ones included.
func derivedKey(secret, scope string) []byte {
	key := []byte("SDK" + secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = hmacOf(key, part)
	}
	return key
}

func hmacOf(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func hexHash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// bodyHash is the hash of the received bytes. A hash that the caller declares
// must be theirs, or say that the body is not signed.
func bodyHash(r *http.Request, body []byte) (string, error) {
	hash := hexHash(body)
	declared := r.Header.Get("X-Sdk-Content-Sha256")
	if declared != "" && declared != hash && declared != "UNSIGNED-PAYLOAD" {
		return "", errors.New("x-sdk-content-sha256 is not the hash of the body")
	}
	return orElse(declared, hash), nil
}

// canonicalURI encodes each segment and ends with a slash, whatever the wire has.
func canonicalURI(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		segments[i] = escape(segment)
	}
	return strings.TrimSuffix(strings.Join(segments, "/"), "/") + "/"
}

func canonicalQuery(raw string) (string, error) {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return "", errors.New("the query is malformed")
	}
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(query)) {
		for _, value := range slices.Sorted(slices.Values(query[key])) {
			pairs = append(pairs, escape(key)+"="+escape(value))
		}
	}
	return strings.Join(pairs, "&"), nil
}

// escape leaves letters, digits, - _ . and ~ and writes all else as %XX.
func escape(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}
