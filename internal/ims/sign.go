package ims

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	algorithm     = "SDK-HMAC-SHA256"
	dateHeader    = "X-Sdk-Date"
	dateLayout    = "20060102T150405Z"
	contentHeader = "X-Sdk-Content-Sha256"
)

// signable is what a signature covers.
type signable struct {
	method string
	url    *url.URL
	header http.Header // all that is to be signed; Host among them if it is to be
	body   []byte
}

// signSimple signs as the Huawei SDK does (API reference 1.4, variant A): the
// secret key is the key. It adds X-Sdk-Date and Authorization to the header.
func signSimple(s signable, access, secret string, at time.Time) {
	date := at.UTC().Format(dateLayout)
	s.header.Set(dateHeader, date)
	names := signedNames(s.header, false)
	request := s.canonical(names, strings.TrimSpace)
	toSign := algorithm + "\n" + date + "\n" + hashed([]byte(request))
	signature := hex.EncodeToString(mac([]byte(secret), toSign))
	s.header.Set("Authorization", algorithm+" Access="+access+
		", SignedHeaders="+strings.Join(names, ";")+", Signature="+signature)
}

// signDerived signs as gophertelekomcloud does (API reference 1.4, variant B):
// every header, with a key derived from date, region and service, both empty.
func signDerived(s signable, access, secret string, at time.Time) {
	date := at.UTC().Format(dateLayout)
	s.header.Set(dateHeader, date)
	names := signedNames(s.header, true)
	scope := date[:8] + "///sdk_request"
	request := s.canonical(names, collapse)
	toSign := algorithm + "\n" + date + "\n" + scope + "\n" + hashed([]byte(request))
	signature := hex.EncodeToString(mac(derivedKey(secret, date[:8]), toSign))
	s.header.Set("Authorization", algorithm+" Credential="+access+"/"+scope+
		", SignedHeaders="+strings.Join(names, ";")+", Signature="+signature)
}

func derivedKey(secret, day string) []byte {
	key := []byte("SDK" + secret)
	for _, part := range []string{day, "", "", "sdk_request"} {
		key = mac(key, part)
	}
	return key
}

// signedNames lists the headers to sign. Variant A leaves out Content-Type,
// which proxies like to rewrite, and names with an underscore.
func signedNames(h http.Header, all bool) []string {
	names := make([]string, 0, len(h))
	for name := range h {
		name = strings.ToLower(name)
		if all || !strings.HasPrefix(name, "content-type") && !strings.Contains(name, "_") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (s signable) canonical(names []string, clean func(string) string) string {
	var b strings.Builder
	b.Grow(ordinarySize)
	line := func(parts ...string) {
		for _, part := range parts {
			b.WriteString(part)
		}
		b.WriteByte('\n')
	}
	line(s.method)
	line(canonicalPath(s.url.Path))
	line(s.query())
	for _, name := range names {
		line(name, ":", clean(s.header.Get(name)))
	}
	line()
	line(strings.Join(names, ";"))
	b.WriteString(s.bodyHash())
	return b.String()
}

// ordinarySize is room for what most requests have to be signed.
const ordinarySize = 512

func (s signable) query() string {
	if s.url.RawQuery == "" {
		return ""
	}
	return canonicalQuery(s.url.Query())
}

func (s signable) bodyHash() string {
	return cmp.Or(s.header.Get(contentHeader), hashed(s.body))
}

// canonicalPath ends in a slash, which the path on the wire does not.
func canonicalPath(path string) string {
	canonical := escapeAllBut(path, func(c byte) bool { return c == '/' || unreserved(c) })
	if !strings.HasSuffix(canonical, "/") {
		canonical += "/"
	}
	return canonical
}

// canonicalQuery is also what is sent, so that both sides read the same.
func canonicalQuery(q url.Values) string {
	var parts []string
	for key, values := range q {
		for _, value := range values {
			parts = append(parts, escape(key)+"="+escape(value))
		}
	}
	slices.SortFunc(parts, comparePairs)
	return strings.Join(parts, "&")
}

// comparePairs sorts by key first: "a=1" comes before "a-b=1" although "-"
// sorts before "=".
func comparePairs(a, b string) int {
	keyA, valueA, _ := strings.Cut(a, "=")
	keyB, valueB, _ := strings.Cut(b, "=")
	return cmp.Or(strings.Compare(keyA, keyB), strings.Compare(valueA, valueB))
}

const upperHex = "0123456789ABCDEF"

// escape percent-encodes all but the unreserved characters of RFC 3986.
func escape(s string) string { return escapeAllBut(s, unreserved) }

// escapeAllBut percent-encodes all but some bytes. What has no other bytes is
// returned as it is.
func escapeAllBut(s string, kept func(byte) bool) string {
	clean := 0
	for clean < len(s) && kept(s[clean]) {
		clean++
	}
	if clean == len(s) {
		return s
	}
	var b strings.Builder
	b.WriteString(s[:clean])
	for _, c := range []byte(s[clean:]) {
		if kept(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(upperHex[c>>4])
			b.WriteByte(upperHex[c&15])
		}
	}
	return b.String()
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0
}

func collapse(s string) string { return strings.Join(strings.Fields(s), " ") }

func hashed(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func mac(key []byte, data string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(data))
	return h.Sum(nil)
}
