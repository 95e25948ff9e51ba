package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Limits of one call.
const (
	dialLimit  = 5 * time.Second
	postLimit  = 15 * time.Second // with connecting, until the answer's end
	answerRead = 4 << 10          // of the answer's body, which says nothing to us
)

// outcome is what became of one call.
type outcome int

const (
	taken     outcome = iota // 2xx
	refused                  // 4xx that is about this event
	failed                   // answered, or not, in a way that may be about this event or not
	unreached                // nothing of it was sent
	cut                      // we stop; nobody knows whether it was taken
)

// answer is the outcome of one call, and why. It never holds a secret, nor
// anything of the answer's body, which may repeat the call.
type answer struct {
	outcome    outcome
	why        string
	retryAfter time.Duration // 0: the receiver asks for none
}

// receiver is where events are posted.
type receiver struct {
	url    string
	shown  string // scheme and host alone
	agent  string
	client *http.Client
}

// errURL says what is wrong without repeating it.
var errURL = errors.New("the address of the receiver of notices is no URL like https://host/path, or the environment's proxy for it is none")

func newReceiver(address, agent string) (*receiver, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, errURL
	}
	if _, err := http.ProxyFromEnvironment(&http.Request{URL: u}); err != nil {
		return nil, errURL
	}
	dialer := &net.Dialer{Timeout: dialLimit, KeepAlive: 30 * time.Second}
	return &receiver{
		url: address, shown: u.Scheme + "://" + u.Host, agent: agent,
		client: &http.Client{
			Timeout: postLimit,
			// A redirect would show the event, and perhaps the secrets, to somebody
			// who was not named.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSHandshakeTimeout: dialLimit,
				MaxIdleConnsPerHost: atOnce, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 64 << 10,
			},
		},
	}, nil
}

// post makes one call. It ends with ctx, whose end is not the receiver's fault.
func (r *receiver) post(ctx context.Context, header map[string][]string, body []byte) answer {
	connected := false
	trace := &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { connected = true }}
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, trace), http.MethodPost, r.url, bytes.NewReader(body))
	if err != nil {
		return answer{outcome: unreached, why: errURL.Error()}
	}
	req.Header = r.headers(header)
	resp, err := r.client.Do(req)
	switch {
	case err != nil && ctx.Err() != nil:
		return answer{outcome: cut}
	case err != nil && !connected:
		return answer{outcome: unreached, why: r.words(err)}
	case err != nil:
		return answer{outcome: failed, why: r.words(err)}
	}
	_, _ = io.CopyN(io.Discard, resp.Body, answerRead) // so that the connection can be used again
	_ = resp.Body.Close()
	return judge(resp.StatusCode, resp.Header)
}

// headers are the event's attributes as HTTP has them: the form of the values is
// the same, only the content type has a header of its own.
func (r *receiver) headers(event map[string][]string) http.Header {
	h := http.Header{"User-Agent": {r.agent}, "Content-Type": {"application/json"}}
	for name, values := range event {
		attribute, ours := strings.CutPrefix(strings.ToLower(name), "ce-")
		switch {
		case !ours || len(values) == 0 || !isName(attribute) || !plain(values[0]):
		case attribute == "datacontenttype":
			h.Set("Content-Type", values[0])
		default:
			h.Set("Ce-"+attribute, values[0])
		}
	}
	return h
}

// isName says whether an attribute may have that name.
func isName(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') })
}

// plain is false for what no header takes.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' })
}

// judge says what an answer means. What concerns every event, like a wrong path
// or a wrong password, is no refusal of this one.
func judge(code int, header http.Header) answer {
	a := answer{outcome: failed, why: "it answers " + strconv.Itoa(code), retryAfter: retryAfter(header.Get("Retry-After"))}
	switch {
	case code >= 200 && code < 300:
		a.outcome = taken
	case code >= 300 && code < 400:
		a.why += ", and redirects are not followed: give the address that it leads to"
	case code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusNotFound, code == http.StatusMethodNotAllowed,
		code == http.StatusProxyAuthRequired, code == http.StatusRequestTimeout, code == http.StatusGone, code == http.StatusTooManyRequests:
	case code >= 400 && code < 500:
		a.outcome = refused
	}
	return a
}

// retryAfter reads seconds or a time; 0: neither.
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return min(time.Duration(min(seconds, 1<<20))*time.Second, mostAsked)
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, min(time.Until(at), mostAsked))
	}
	return 0
}

// words are what went wrong without the URL, which stands in the client's own
// words.
func (r *receiver) words(err error) string {
	if e, ok := errors.AsType[*url.Error](err); ok {
		if e.Timeout() {
			return fmt.Sprintf("no answer within %s", postLimit)
		}
		err = e.Err
	}
	if e, ok := errors.AsType[*net.OpError](err); ok { // its own words name our port, another one each time
		return fmt.Sprintf("%s %v: %v", e.Op, e.Addr, e.Err)
	}
	return err.Error()
}
