package ims

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

const (
	shortestSecret = 4 // shorter ones would blank out ordinary words
	keptTokens     = 4
)

// secretHeaders are never shown.
var secretHeaders = []string{"Authorization", "Proxy-Authorization", "X-Auth-Token", "X-Security-Token", subjectHeader, "Cookie", "Set-Cookie"}

// echoed finds such headers where a proxy's error page repeats the request. It
// finds nothing without a colon or an equals sign, which spares most texts the
// search.
var echoed = regexp.MustCompile(`(?i)((?:proxy-)?authorization|x-(?:auth|security|subject)-token|(?:set-)?cookie)(["']?\s*[:=]\s*["']?)[^\r\n<"']+`)

// veil covers the secrets of an account in any text, since the other side may
// repeat what it was sent.
type veil struct {
	fixed []string

	mu     sync.RWMutex // guards the rest
	tokens []string     // the latest, newest last
	cover  *strings.Replacer
}

func newVeil(c Credentials) *veil {
	v := &veil{}
	for _, s := range []Secret{c.AccessKey, c.SecretKey, c.SecurityToken, c.Password} {
		v.fixed = append(v.fixed, s.Reveal())
	}
	v.cover = covering(v.fixed)
	return v
}

// add covers a token too; the latest few are remembered.
func (v *veil) add(token string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.tokens = append(v.tokens, token)
	v.tokens = v.tokens[max(0, len(v.tokens)-keptTokens):]
	v.cover = covering(slices.Concat(v.fixed, v.tokens))
}

// text returns s without any secret.
func (v *veil) text(s string) string {
	if s == "" {
		return s
	}
	s = v.covered(s)
	if !strings.ContainsAny(s, ":=") {
		return s
	}
	return echoed.ReplaceAllString(s, "${1}${2}"+hidden)
}

func (v *veil) covered(s string) string {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.cover.Replace(s)
}

// header returns a copy of h without any secret.
func (v *veil) header(h http.Header) http.Header {
	shown := h.Clone()
	for name, values := range shown {
		for i := range values {
			values[i] = v.text(values[i])
		}
		if slices.ContainsFunc(secretHeaders, func(s string) bool { return strings.EqualFold(s, name) }) {
			shown[name] = []string{hidden}
		}
	}
	return shown
}

// covering finds secrets also in the forms that encoders give them.
func covering(secrets []string) *strings.Replacer {
	var forms []string
	for _, s := range secrets {
		if len(s) >= shortestSecret {
			forms = append(forms, formsOf(s)...)
		}
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(forms))
	for _, f := range forms {
		pairs = append(pairs, f, hidden)
	}
	return strings.NewReplacer(pairs...)
}

func formsOf(s string) []string {
	quoted, _ := json.Marshal(s) // a string can always be marshalled
	sent, _ := encode(s)
	forms := []string{
		s, html.EscapeString(s), url.QueryEscape(s), url.PathEscape(s), escape(s), unquoted(quoted), unquoted(sent),
		base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)),
	}
	slices.Sort(forms)
	return slices.Compact(forms)
}

func unquoted(b []byte) string { return strings.TrimSuffix(strings.TrimPrefix(string(b), `"`), `"`) }
