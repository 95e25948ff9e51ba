package ims

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestErrorShapes sends every documented shape of an error (API reference 6.1)
// through a creating call.
func TestErrorShapes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		status     int
		body       string
		header     map[string]string
		code       string
		message    string
		request    string
		verdict    Verdict
		reason     string
		retryAfter time.Duration
	}{
		{name: "E1 image service", status: 400, body: `{"error":{"message":"Image not found","code":"IMG.0144"}}`, code: "IMG.0144", message: "Image not found", verdict: Refused, reason: "not_found"},
		{name: "E1 space around the code", status: 400, body: `{"error":{"message":"busy","code":" IMG.0136 "}}`, code: "IMG.0136", message: "busy", verdict: Park, reason: "conflict"},
		{name: "E2 gateway", status: 429, body: `{"error_code":"APIGW.0308","error_msg":"The throttling threshold has been reached: policy user over ratelimit,limit:200,time:5 minute","request_id":"6d55b"}`, code: "APIGW.0308", message: "The throttling threshold has been reached: policy user over ratelimit,limit:200,time:5 minute", request: "6d55b", verdict: Throttled, reason: "rate_limited", retryAfter: 5 * time.Minute},
		{name: "E2 old prefix", status: 429, body: `{"request_id":"x","error_msg":"policy ip,limit:5,time:1 second","error_code":"APIG.0308"}`, code: "APIG.0308", message: "policy ip,limit:5,time:1 second", request: "x", verdict: Throttled, reason: "rate_limited", retryAfter: time.Second},
		{name: "E2 retry after", status: 429, header: map[string]string{"Retry-After": "7"}, body: `{"error_code":"APIGW.0308","error_msg":"limit:200,time:5 minute"}`, code: "APIGW.0308", message: "limit:200,time:5 minute", verdict: Throttled, reason: "rate_limited", retryAfter: 7 * time.Second},
		{name: "E2 unauthorised", status: 401, body: `{"error_code":"APIGW.0301","error_msg":"Incorrect IAM authentication information"}`, header: map[string]string{"X-Request-Id": "abc"}, code: "APIGW.0301", message: "Incorrect IAM authentication information", request: "abc", verdict: Account, reason: "unauthorized"},
		{name: "E2 no such path", status: 404, body: `{"error_code":"APIGW.0101","error_msg":"The API does not exist"}`, code: "APIGW.0101", message: "The API does not exist", verdict: Refused, reason: "constraint"},
		{name: "E3 upstream time-out", status: 504, body: `{"message":"Wait response timeout.","request_id":"hex"}`, code: "HTTP.504", message: "Wait response timeout.", request: "hex", verdict: Uncertain, reason: "timeout"},
		{name: "E4 Glance", status: 403, body: `{"message":"text","code":"403 Forbidden","title":"Forbidden"}`, code: "403 Forbidden", message: "text", verdict: Account, reason: "unauthorized"},
		{name: "E4 Glance page", status: 404, body: "<html><head><title>404 Not Found</title><style>x{}</style></head><body><h1>404</h1>No image\nhere</body></html>", code: "HTTP.404", message: "404 Not Found 404 No image here", verdict: Refused, reason: "not_found"},
		{name: "E5 Cinder number", status: 400, body: `{"badRequest":{"message":"Invalid volume","code":400}}`, code: "400", message: "Invalid volume", verdict: Refused, reason: "invalid"},
		{name: "E5 Cinder string", status: 404, body: `{"itemNotFound":{"message":"no volume","code":"404"}}`, code: "404", message: "no volume", verdict: Refused, reason: "not_found"},
		{name: "E5 Cinder conflict", status: 409, body: `{"conflictingRequest":{"code":409,"message":"busy"}}`, code: "409", message: "busy", verdict: Park, reason: "conflict"},
		{name: "E5 Cinder rights", status: 403, body: `{"forbidden":{"code":403,"message":"no"}}`, code: "403", message: "no", verdict: Account, reason: "unauthorized"},
		{name: "E5 busy disk", status: 400, body: `{"badRequest":{"message":"Invalid volume: Volume v status must be available or in-use, but current status is: backing-up.","code":400}}`, code: "400", message: "Invalid volume: Volume v status must be available or in-use, but current status is: backing-up.", verdict: Park, reason: "conflict"},
		{name: "E5 disk in use", status: 400, body: `{"badRequest":{"message":"Volume v status must be available, but current status is: in-use.","code":"400"}}`, code: "400", message: "Volume v status must be available, but current status is: in-use.", verdict: Refused, reason: "constraint"},
		{name: "E6 broken disk", status: 400, body: `{"error":{"message":"current status is: error_extending","code":"EVS.5400"}}`, code: "EVS.5400", message: "current status is: error_extending", verdict: Refused, reason: "constraint"},
		{name: "E6 disk going away", status: 409, body: `{"error":{"message":"current status is: deleting","code":"EVS.5400"}}`, code: "EVS.5400", message: "current status is: deleting", verdict: Refused, reason: "not_found"},
		{name: "E6 locked disk", status: 400, body: `{"error":{"message":"current status is: in-use","code":"EVS.2068"}}`, code: "EVS.2068", message: "current status is: in-use", verdict: Park, reason: "conflict"},
		{name: "E5 Cinder quota", status: 413, body: `{"overLimit":{"code":413,"message":"too many"}}`, code: "413", message: "too many", verdict: Park, reason: "quota"},
		{name: "E6 EVS", status: 404, body: `{"error":{"message":"text","code":"EVS.5404"}}`, code: "EVS.5404", message: "text", verdict: Refused, reason: "not_found"},
		{name: "E7 CBR", status: 400, body: `{"error_code":"BackupService.6114","error_msg":"vault full"}`, code: "BackupService.6114", message: "vault full", verdict: Park, reason: "quota"},
		{name: "E8 Keystone", status: 401, body: `{"error":{"message":"The request you have made requires authentication.","code":401,"title":"Unauthorized"}}`, code: "401", message: "The request you have made requires authentication.", verdict: Account, reason: "unauthorized"},
		{name: "E9 new IAM", status: 429, body: `{"error_msg":"slow down","error_code":"IAM.0012"}`, code: "IAM.0012", message: "slow down", verdict: Throttled, reason: "rate_limited"},
		{name: "E11 page", status: 502, body: "<html><body><h1>502 Bad Gateway</h1></body></html>", code: "HTTP.502", message: "502 Bad Gateway", verdict: Uncertain, reason: "unavailable"},
		{name: "E11 empty", status: 503, code: "HTTP.503", verdict: Uncertain, reason: "unavailable"},
		{name: "E12 malformed", status: 400, body: `{"error_code":"APIGW.0201","error_msg":"Bad request"}`, code: "APIGW.0201", message: "Bad request", verdict: Refused, reason: "invalid"},
		{name: "E12 service lost", status: 400, body: `{"error_code":"APIGW.0201","error_msg":"Backend timeout."}`, code: "APIGW.0201", message: "Backend timeout.", verdict: Uncertain, reason: "timeout"},
		{name: "torn, its code lost", status: 400, body: `{"error":{"message":"The operation is not su`, code: "HTTP.400", message: `{"error":{"message":"The operation is not su`, verdict: Uncertain, reason: "unavailable"},
		{name: "torn, its status enough", status: 404, body: `{"error":{"mess`, code: "HTTP.404", message: `{"error":{"mess`, verdict: Refused, reason: "not_found"},
		{name: "unknown code", status: 400, body: `{"error":{"message":"new","code":"IMG.9999"}}`, code: "IMG.9999", message: "new", verdict: Refused, reason: "invalid"},
		{name: "unknown code, forbidden", status: 403, body: `{"error":{"message":"new","code":"IMG.9999"}}`, code: "IMG.9999", message: "new", verdict: Refused, reason: "unauthorized"},
		{name: "unknown code, throttled", status: 429, body: `{"error_code":"X.1","error_msg":"new"}`, code: "X.1", message: "new", verdict: Throttled, reason: "rate_limited"},
		{name: "rights of the image service", status: 403, body: `{"error":{"message":"no","code":"IMG.0026"}}`, code: "IMG.0026", message: "no", verdict: Refused, reason: "unauthorized"},
		{name: "ambiguous", status: 400, body: `{"error":{"message":"submit failed","code":"IMG.0018"}}`, code: "IMG.0018", message: "submit failed", verdict: Uncertain, reason: "unavailable"},
		{name: "redirect", status: 302, header: map[string]string{"Location": "https://login.example/"}, code: "HTTP.302", verdict: NotSent, reason: "unavailable"},
		{name: "see other", status: 303, header: map[string]string{"Location": "https://image.example/v1/jobs/j"}, code: "HTTP.303", verdict: Uncertain, reason: "unavailable"},
		{name: "array", status: 400, body: `[1,2]`, code: "HTTP.400", message: "[1,2]", verdict: Refused, reason: "invalid"},
		{name: "null fields", status: 400, body: `{"error_code":null,"error_msg":null,"error":null}`, code: "HTTP.400", verdict: Refused, reason: "invalid"},
		{name: "control characters", status: 400, body: `{"error":{"message":"a\u0000b\nc","code":"IMG.0001"}}`, code: "IMG.0001", message: "a b c", verdict: Refused, reason: "invalid"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := play(t, step{method: "POST", path: "/v1/cloudimages/wholeimages/action", status: tt.status, header: tt.header, reply: tt.body})
			_, err := dial(t, keyConfig(s.URL)).CreateWholeImage(t.Context(), WholeImage{Name: "n"})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if e.Call != "CreateWholeImage" || e.Cloud != "demo" || e.Status != tt.status || e.NotSent {
				t.Errorf("call %q, cloud %q, status %d, not sent %t", e.Call, e.Cloud, e.Status, e.NotSent)
			}
			if e.Code != tt.code || e.Message != tt.message || e.RequestID != tt.request {
				t.Errorf("said\n got %q, %q, request %q\nwant %q, %q, request %q", e.Code, e.Message, e.RequestID, tt.code, tt.message, tt.request)
			}
			if VerdictOf(err) != tt.verdict || ReasonOf(err) != tt.reason || e.RetryAfter() != tt.retryAfter {
				t.Errorf("judged\n got %s, %s, %s\nwant %s, %s, %s", VerdictOf(err), ReasonOf(err), e.RetryAfter(), tt.verdict, tt.reason, tt.retryAfter)
			}
			if e.Remedy() == "" {
				t.Error("no remedy")
			}
		})
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	e := &Error{Call: "CopyImage", Cloud: "demo", Status: 400, Code: "IMG.0130", Message: "whole image", RequestID: "r1"}
	if got, want := e.Error(), "CopyImage on demo: status 400 IMG.0130: whole image (request id r1)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	e = &Error{Call: "CopyImage", Cloud: "demo", NotSent: true, Err: errors.New("connection refused")}
	if got, want := e.Error(), "CopyImage on demo: not sent: connection refused"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestHugeErrorBody: an error page without end is neither read to its end nor
// kept.
func TestHugeErrorBody(t *testing.T) {
	t.Parallel()
	s := play(t, step{status: 400, reply: "<p>" + strings.Repeat("x", 3<<20)})
	_, err := dial(t, keyConfig(s.URL)).CopyImage(t.Context(), "i", ImageCopy{Name: "n"})
	var e *Error
	if !errors.As(err, &e) || len(e.Message) > maxMessage+5 || e.Status != 400 || e.Verdict() != Refused {
		t.Errorf("got %.100v", err)
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	if got := cut("aüb", 2); got != "a…" {
		t.Errorf("got %q", got)
	}
	if got := cut("ab", 2); got != "ab" {
		t.Errorf("got %q", got)
	}
}

func TestRetryAfterDate(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	h.Set("Date", "Fri, 02 Jan 2026 03:04:05 GMT")
	h.Set("Retry-After", "Fri, 02 Jan 2026 03:05:05 GMT")
	if got := retryAfter(&reply{status: 503, header: h}, ""); got != time.Minute {
		t.Errorf("got %s, want a minute", got)
	}
}

func TestRetryAfterIsBounded(t *testing.T) {
	t.Parallel()
	for name, told := range map[string]struct{ header, message string }{
		"seconds": {header: "99999999999"},
		"date":    {header: "Fri, 02 Jan 2032 03:04:05 GMT"},
		"text":    {message: "policy user over ratelimit,limit:1,time:9999 hour"},
	} {
		h := http.Header{}
		h.Set("Retry-After", told.header)
		if got := retryAfter(&reply{status: 429, header: h}, told.message); got != mostWait {
			t.Errorf("%s: got %s, want %s", name, got, mostWait)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"error":{"message":"m","code":"IMG.0001"}}`), 400)
	f.Add([]byte(`{"a":{"code":1}}`), 500)
	f.Add([]byte("<html>"), 502)
	f.Fuzz(func(t *testing.T, body []byte, status int) {
		e := answered(&reply{status: status, header: http.Header{}, body: body}, newVeil(Credentials{}))
		if e.Code == "" || len(e.Message) > maxMessage+5 || len(e.Code) > 70 {
			t.Errorf("code %q, message of %d bytes", e.Code, len(e.Message))
		}
		_, _ = e.Verdict(), e.Error()
	})
}
