package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// plain does without the worker what the cloud's own kits do: it makes a call,
// then asks for the job again and again after a fixed time. Where the cloud
// throttles it, it sleeps a minute. It stands beside the worker in an account of
// its own that behaves the same.
type plain struct {
	stage   *stage
	account string
	every   time.Duration
	token   string

	mu    sync.Mutex
	ended []ending
}

// startPlain signs in.
func (s *stage) startPlain(ctx context.Context, account string, every time.Duration) (*plain, error) {
	p := &plain{stage: s, account: account, every: every}
	body := fmt.Sprintf(`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":%q,"password":%q,"domain":{"name":"bench"}}}},`+
		`"scope":{"project":{"id":%q}}}}`, userName, password, p.project())
	answer, err := p.send(ctx, http.MethodPost, "/v3/auth/tokens", body)
	if err != nil || answer.status != http.StatusCreated {
		return nil, fmt.Errorf("sign in to %s: status %d, %w", account, answer.status, err)
	}
	p.token = answer.header.Get("X-Subject-Token")
	return p, nil
}

func (p *plain) project() string {
	for n, a := range p.stage.accounts {
		if a.name == p.account {
			return projectID(n)
		}
	}
	return ""
}

// together makes so many copies, all begun at once, and follows each to its
// end.
func (p *plain) together(ctx context.Context, n int) {
	p.all(n, func() { p.copy(ctx) })
}

// steadily keeps so many copies under way until ctx ends.
func (p *plain) steadily(ctx context.Context, n int) {
	p.all(n, func() {
		for ctx.Err() == nil {
			p.copy(ctx)
		}
	})
}

func (p *plain) all(n int, one func()) {
	var running sync.WaitGroup
	for range n {
		running.Go(one)
	}
	running.Wait()
}

// copy makes one copy and follows it to its end, or until ctx ends.
func (p *plain) copy(ctx context.Context) {
	var begun struct {
		JobID string `json:"job_id"`
	}
	if !p.insist(ctx, http.MethodPost, "/v1/cloudimages/"+sourceImage+"/copy", `{"name":"copy"}`, &begun) {
		return
	}
	for p.stage.sleep(ctx, p.every) == nil {
		var job struct {
			Status string    `json:"status"`
			Begin  time.Time `json:"begin_time"`
			End    string    `json:"end_time"`
		}
		if !p.insist(ctx, http.MethodGet, "/v1/"+p.project()+"/jobs/"+begun.JobID, "", &job) {
			return
		}
		if end, err := time.Parse(time.RFC3339, job.End); err == nil {
			p.note(ending{cloud: p.account, job: begun.JobID, begin: job.Begin, end: end, told: p.stage.fake.Now(), succeeded: job.Status == "SUCCESS"})
			return
		}
	}
}

func (p *plain) note(e ending) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = append(p.ended, e)
}

// insist makes a call until it is not throttled; false: ctx has ended.
func (p *plain) insist(ctx context.Context, method, path, body string, into any) bool {
	for ctx.Err() == nil {
		answer, err := p.send(ctx, method, path, body)
		if err == nil && answer.status == http.StatusOK {
			return json.Unmarshal(answer.body.Bytes(), into) == nil
		}
		if p.stage.sleep(ctx, time.Minute) != nil {
			return false
		}
	}
	return false
}

// send makes one call, without a network between.
func (p *plain) send(ctx context.Context, method, path, body string) (*memoryAnswer, error) {
	answer := &memoryAnswer{header: http.Header{}, status: http.StatusOK}
	r, err := http.NewRequestWithContext(ctx, method, "http://cloud.example/"+p.account+path, strings.NewReader(body))
	if err != nil {
		return answer, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Auth-Token", p.token)
	p.stage.meter.ServeHTTP(answer, r)
	return answer, nil
}

// memoryAnswer takes an answer in memory.
type memoryAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (a *memoryAnswer) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *memoryAnswer) WriteHeader(status int) { a.status = status }

// Write implements http.ResponseWriter.
func (a *memoryAnswer) Write(data []byte) (int, error) { return a.body.Write(data) }
