package ims

import (
	"net/http"
	"slices"
	"strings"
)

// Codes that the client itself has to know.
const (
	codeNoSuchAPI = "APIGW.0101"
	codeBadToken  = "IMG.0087"
	codeMalformed = "APIGW.0201"
)

// Meaning is what a code of the cloud means to the worker and to a person.
type Meaning struct {
	Code    string
	Verdict Verdict
	Reason  string // one of the closed list of reasons of events
	Text    string // what the cloud means by it
	Remedy  string // what a person can do
}

// Explain returns the meaning of a code of the cloud; the older prefix "APIG."
// of the gateway is understood, case and space around it do not matter.
func Explain(code string) (Meaning, bool) {
	code = strings.ToUpper(strings.TrimSpace(code))
	if rest, ok := strings.CutPrefix(code, "APIG."); ok {
		code = "APIGW." + rest
	}
	m, ok := codes[code]
	return m, ok
}

// Codes returns every documented code with its meaning, in the order of the
// API reference (6.5 to 6.7).
func Codes() []Meaning { return slices.Clone(table) }

// codes finds a row of the table by its code in upper case.
var codes = indexed(table)

func indexed(rows []Meaning) map[string]Meaning {
	index := make(map[string]Meaning, len(rows))
	for _, m := range rows {
		index[strings.ToUpper(m.Code)] = m
	}
	return index
}

// byStatus is the meaning of an answer whose code is not in the table.
func byStatus(status int, code string) Meaning {
	if m, ok := statuses[status]; ok {
		m.Code = code
		return m
	}
	switch {
	case status == 0 && code != "":
		return Meaning{code, Uncertain, reasonUnavailable, "a code that is not documented", "Read the cloud's words in the message; if they do not help, give code and request or job id to its support."}
	case status == 0:
		return Meaning{code, Uncertain, reasonUnavailable, "no answer came", askNetwork}
	case status >= 500 || status < 400:
		return Meaning{code, Uncertain, reasonUnavailable, "an answer that says nothing about the request", askSupport}
	default:
		return Meaning{code, Refused, reasonInvalid, "the request was refused", "Read the cloud's words in the message, correct the request and send it again."}
	}
}

// redirected is the meaning of an answer that sends us elsewhere: who gives it
// has not done the work. Only 303 can also mean that it was done and that its
// result is to be read elsewhere.
var redirected = Meaning{"", NotSent, reasonUnavailable, "a redirect, which is never followed", askEndpoint}

// statuses says what an HTTP status means where there is no code (API
// reference 6.3).
var statuses = map[int]Meaning{
	http.StatusMultipleChoices:       redirected,
	http.StatusMovedPermanently:      redirected,
	http.StatusFound:                 redirected,
	http.StatusSeeOther:              {"", Uncertain, reasonUnavailable, "a redirect, as it can also follow work that was done", askEndpoint},
	http.StatusUseProxy:              redirected,
	http.StatusTemporaryRedirect:     redirected,
	http.StatusPermanentRedirect:     redirected,
	http.StatusUnauthorized:          {"", Account, reasonUnauthorized, "the credentials were not accepted", askCredentials},
	http.StatusPaymentRequired:       {"", Park, reasonQuota, "the account has to pay first", askBilling},
	http.StatusForbidden:             {"", Account, reasonUnauthorized, "the account may not do this", askRights},
	http.StatusNotFound:              {"", Refused, reasonNotFound, "the object does not exist", askID},
	http.StatusMethodNotAllowed:      {"", Refused, reasonConstraint, "this cloud has no such call", askEndpoint},
	http.StatusProxyAuthRequired:     {"", NotSent, reasonUnavailable, "a proxy on the way wants a password", "Give the proxy's user and password to the worker, or let it bypass the proxy."},
	http.StatusRequestTimeout:        {"", Uncertain, reasonTimeout, "the request arrived too slowly", askNetwork},
	http.StatusConflict:              {"", Already, reasonConflict, "the object's state does not allow this now", askState},
	http.StatusGone:                  {"", Refused, reasonNotFound, "the object is gone", askID},
	http.StatusRequestEntityTooLarge: {"", Park, reasonQuota, "a quota is used up, or the request is too large", askQuota},
	http.StatusLocked:                {"", Park, reasonConflict, "the object is locked by other work", askWait},
	http.StatusTooManyRequests:       {"", Throttled, reasonRateLimited, "too many calls", askRate},
	http.StatusInternalServerError:   {"", Uncertain, reasonUnavailable, "an error inside the cloud", askSupport},
	http.StatusNotImplemented:        {"", Refused, reasonConstraint, "this cloud does not offer the call", askEndpoint},
	http.StatusBadGateway:            {"", Uncertain, reasonUnavailable, "the gateway got no answer from the service", askSupport},
	http.StatusServiceUnavailable:    {"", Uncertain, reasonUnavailable, "the service is not there at the moment", askSupport},
	http.StatusGatewayTimeout:        {"", Uncertain, reasonTimeout, "the service did not answer the gateway in time", askSupport},
}
