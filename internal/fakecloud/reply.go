package fakecloud

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// answer is what a handler says; body is written as JSON, raw as it stands.
type answer struct {
	status int
	body   any
	raw    string
	header map[string]string

	half    bool // only the first half is written
	cut     bool // only the first half is written, though all of it is announced
	padding int  // a JSON object of that many bytes is written instead
}

// The shapes of errors are those of the API reference's section 6.1.

// flatError is E2, E7 and E9: gateway, CBR, newer services.
type flatError struct {
	Code      string `json:"error_code"`
	Message   string `json:"error_msg"`
	RequestID string `json:"request_id,omitempty"`
}

// nestedError is E1 (code a text) and E8 (code a number).
type nestedError struct {
	Error nestedDetail `json:"error"`
}

type nestedDetail struct {
	Message string `json:"message"`
	Code    any    `json:"code"`
	Title   string `json:"title,omitempty"`
}

// nativeError is E4, the image service's native paths.
type nativeError struct {
	Message string `json:"message"`
	Code    string `json:"code"`
	Title   string `json:"title"`
}

// timeoutError is E3, the gateway that gave up waiting.
type timeoutError struct {
	Message   string `json:"message"`
	RequestID string `json:"request_id,omitempty"`
}

func ok(body any) *answer { return &answer{status: http.StatusOK, body: body} }

func noContent() *answer { return &answer{status: http.StatusNoContent} }

func imsError(code, message string) nestedError {
	return nestedError{nestedDetail{Message: message, Code: code}}
}

// refuse is E1: what the image service answers to nearly every mistake.
func refuse(code, message string) *answer {
	return &answer{status: http.StatusBadRequest, body: imsError(code, message)}
}

// gateway is E2; the request id is filled in when it is written.
func gateway(status int, code, message string) *answer {
	return &answer{status: status, body: flatError{Code: code, Message: message}}
}

// native is E4.
func native(status int, message string) *answer {
	title := http.StatusText(status)
	return &answer{status: status, body: nativeError{Message: message, Code: codeText(status, title), Title: title}}
}

func codeText(status int, title string) string {
	return strings.TrimSpace(string(rune('0'+status/100)) + string(rune('0'+status/10%10)) + string(rune('0'+status%10)) + " " + title)
}

// keystone is E8, with the numeric code.
func keystone(status int, message string) *answer {
	return &answer{status: status, body: nestedError{nestedDetail{Message: message, Code: status, Title: http.StatusText(status)}}}
}

// proxyPage is E11.
func proxyPage(status int) *answer {
	text := codeText(status, http.StatusText(status))
	return &answer{status: status, raw: "<html>\r\n<head><title>" + text + "</title></head>\r\n<body><center><h1>" + text + "</h1></center></body>\r\n</html>\r\n",
		header: map[string]string{"Content-Type": "text/html"}}
}

// code is the error code inside the answer, for the call log.
func (a *answer) code() string {
	switch body := a.body.(type) {
	case flatError:
		return body.Code
	case nestedError:
		text, _ := body.Error.Code.(string)
		return text
	case cinderError:
		return body.kind()
	default:
		return ""
	}
}

// write sends the answer with the headers that every answer has.
func (a *answer) write(w http.ResponseWriter, requestID string, now time.Time) {
	header := w.Header()
	header.Set("Date", now.UTC().Format(http.TimeFormat))
	header.Set("X-Request-Id", requestID)
	body := a.encode(requestID)
	if len(body) > 0 || a.padding > 0 {
		header.Set("Content-Type", "application/json")
	}
	if a.cut {
		header.Set("Content-Length", strconv.Itoa(len(body)))
	}
	if a.half || a.cut {
		body = body[:len(body)/2]
	}
	for key, value := range a.header {
		header.Set(key, value)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // a caller that hung up is its own affair
	a.pad(w)
	if a.cut {
		_ = http.NewResponseController(w).Flush()
	}
}

// pad writes a long object in pieces, until the caller has had enough.
func (a *answer) pad(w io.Writer) {
	if a.padding == 0 {
		return
	}
	const begin, end = `{"padding":"`, `"}`
	piece := bytes.Repeat([]byte("x"), 64<<10)
	_, err := io.WriteString(w, begin)
	for left := a.padding - len(begin) - len(end); left > 0 && err == nil; left -= len(piece) {
		_, err = w.Write(piece[:min(left, len(piece))])
	}
	_, _ = io.WriteString(w, end)
}

func (a *answer) encode(requestID string) []byte {
	switch body := a.body.(type) {
	case nil:
		return []byte(a.raw)
	case flatError:
		if !strings.HasPrefix(body.Code, "BackupService.") && !strings.HasPrefix(body.Code, "IAM.") {
			body.RequestID = requestID
		}
		return mustJSON(body)
	case timeoutError:
		body.RequestID = requestID
		return mustJSON(body)
	default:
		return mustJSON(body)
	}
}

// mustJSON writes one of our own types, which always can be written.
func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return data
}
