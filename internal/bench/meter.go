package main

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/imsworker/imsworker/internal/fakecloud"
)

// call is one call that reached the cloud.
type call struct {
	at     time.Time // of its answer, by the cloud's clock
	method string
	list   bool   // of images
	create bool   // it begins a job
	job    string // that was asked for, if one was
	status int
}

// meter notes the calls of every account before it hands them on, and lets
// each take its time.
type meter struct {
	cloud http.Handler
	now   func() time.Time
	each  time.Duration

	mu    sync.Mutex
	calls map[string][]call // by account
}

func newMeter(f *fakecloud.Fake, each time.Duration) *meter {
	return &meter{cloud: f.Handler(), now: f.Now, each: each, calls: map[string][]call{}}
}

// ServeHTTP implements http.Handler.
func (m *meter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	time.Sleep(m.each)
	noted := &statusWriter{ResponseWriter: w, status: http.StatusOK}
	m.cloud.ServeHTTP(noted, r)
	account, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	c := call{at: m.now(), method: r.Method, list: path == "v2/cloudimages", create: creates(r.Method, path), status: noted.status}
	if before, id := cutLast(path); strings.HasSuffix(before, "/jobs") || strings.HasSuffix(before, "/job") {
		c.job = id
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls[account] = append(m.calls[account], c)
}

// creates reports whether a call begins a job.
func creates(method, path string) bool {
	return method == http.MethodPost && (strings.HasSuffix(path, "/copy") || strings.HasSuffix(path, "wholeimages/action"))
}

func cutLast(path string) (before, last string) {
	at := strings.LastIndexByte(path, '/')
	if at < 0 {
		return "", path
	}
	return path[:at], path[at+1:]
}

// of are the calls of an account from a moment on, up to another.
func (m *meter) of(account string, from, to time.Time) []call {
	m.mu.Lock()
	defer m.mu.Unlock()
	var some []call
	for _, c := range m.calls[account] {
		if !c.at.Before(from) && c.at.Before(to) {
			some = append(some, c)
		}
	}
	return some
}

// statusWriter keeps the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}
