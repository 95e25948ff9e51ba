package ims

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
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
func (w *scribe) signSimple(s signable, access, secret string, at time.Time) {
	date := at.UTC().Format(dateLayout)
	s.header.Set(dateHeader, date)
	w.gather(s.header, false)
	request := w.hash(s, strings.TrimSpace)
	w.begin(secret)
	w.text = appendAll(w.text[:0], algorithm, "\n", date, "\n")
	w.text = hex.AppendEncode(w.text, request[:])
	s.header.Set("Authorization", w.sign(" Access=", access))
}

// signDerived signs as gophertelekomcloud does (API reference 1.4, variant B):
// every header, with a key derived from date, region and service, both empty.
func (w *scribe) signDerived(s signable, access, secret string, at time.Time) {
	date := at.UTC().Format(dateLayout)
	s.header.Set(dateHeader, date)
	w.gather(s.header, true)
	scope := date[:8] + "///sdk_request"
	request := w.hash(s, collapse)
	w.begin(w.derived(secret, date[:8]))
	w.text = appendAll(w.text[:0], algorithm, "\n", date, "\n", scope, "\n")
	w.text = hex.AppendEncode(w.text, request[:])
	s.header.Set("Authorization", w.sign(" Credential=", access, "/", scope))
}

// scribe makes one signature after another; what it keeps between them costs
// more to make than a signature. It is not safe for concurrent use.
type scribe struct {
	mac hash.Hash
	key string // of mac

	day, secret, dayKey string // the key of a day, and what it is derived from

	lower  map[string]string // names of headers as they are signed
	signed []signedHeader
	text   []byte
	sum    []byte
}

// signedHeader is one header that a signature covers.
type signedHeader struct{ name, value string }

// begin makes a mac with that key ready.
func (w *scribe) begin(key string) {
	if w.mac == nil || w.key != key {
		w.mac, w.key = hmac.New(sha256.New, []byte(key)), key
		return
	}
	w.mac.Reset()
}

// sign signs the text and returns the header that tells of it.
func (w *scribe) sign(who ...string) string {
	w.mac.Write(w.text)
	w.sum = w.mac.Sum(w.sum[:0])
	w.text = appendAll(append(w.text[:0], algorithm...), who...)
	w.text = append(w.text, ", SignedHeaders="...)
	w.names()
	w.text = append(w.text, ", Signature="...)
	w.text = hex.AppendEncode(w.text, w.sum)
	return string(w.text)
}

// derived is the key of a day.
func (w *scribe) derived(secret, day string) string {
	if w.day == day && w.secret == secret {
		return w.dayKey
	}
	key := "SDK" + secret
	for _, part := range []string{day, "", "", "sdk_request"} {
		w.begin(key)
		w.mac.Write([]byte(part))
		key = string(w.mac.Sum(nil))
	}
	w.day, w.secret, w.dayKey = day, secret, key
	return key
}

// gather lists the headers to sign. Variant A leaves out Content-Type, which
// proxies like to rewrite, and names with an underscore.
func (w *scribe) gather(h http.Header, all bool) {
	w.signed = w.signed[:0]
	for name := range h {
		lower := w.lowered(name)
		if all || !strings.HasPrefix(lower, "content-type") && !strings.Contains(lower, "_") {
			w.signed = append(w.signed, signedHeader{lower, h.Get(name)})
		}
	}
	slices.SortFunc(w.signed, func(a, b signedHeader) int { return strings.Compare(a.name, b.name) })
}

// lowered is a header's name in small letters. The names are ours, and few.
func (w *scribe) lowered(name string) string {
	lower, known := w.lower[name]
	if !known {
		lower = strings.ToLower(name)
		if w.lower == nil {
			w.lower = map[string]string{}
		}
		w.lower[name] = lower
	}
	return lower
}

// names adds the names of the signed headers to the text.
func (w *scribe) names() {
	for i, h := range w.signed {
		if i > 0 {
			w.text = append(w.text, ';')
		}
		w.text = append(w.text, h.name...)
	}
}

// hash is that of the canonical request.
func (w *scribe) hash(s signable, clean func(string) string) [sha256.Size]byte {
	w.text = appendAll(w.text[:0], s.method, "\n")
	w.text = append(appendPath(w.text, s.url.Path), '\n')
	w.text = appendAll(w.text, s.query(), "\n")
	for _, h := range w.signed {
		w.text = appendAll(w.text, h.name, ":", clean(h.value), "\n")
	}
	w.text = append(w.text, '\n')
	w.names()
	w.text = append(w.text, '\n')
	w.text = s.appendBodyHash(w.text)
	return sha256.Sum256(w.text)
}

func (s signable) query() string {
	if s.url.RawQuery == "" {
		return ""
	}
	return canonicalQuery(s.url.Query())
}

func (s signable) appendBodyHash(b []byte) []byte {
	if told := s.header.Get(contentHeader); told != "" {
		return append(b, told...)
	}
	sum := sha256.Sum256(s.body)
	return hex.AppendEncode(b, sum[:])
}

// appendPath adds the canonical path, which ends in a slash; the one on the
// wire does not.
func appendPath(b []byte, path string) []byte {
	b = append(b, escapeAllBut(path, func(c byte) bool { return c == '/' || unreserved(c) })...)
	if !strings.HasSuffix(path, "/") {
		b = append(b, '/')
	}
	return b
}

func appendAll(b []byte, parts ...string) []byte {
	for _, part := range parts {
		b = append(b, part...)
	}
	return b
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
