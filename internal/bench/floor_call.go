package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// post makes the creating call and returns the job's id.
func (f *floor) post(ctx context.Context) (string, error) {
	var answer struct {
		JobID string `json:"job_id"`
	}
	err := f.call(ctx, http.MethodPost, f.cloud+"/v1/cloudimages/wholeimages/action", []byte(requestData), &answer)
	return answer.JobID, err
}

// ask asks for the job.
func (f *floor) ask(ctx context.Context, job string) error {
	var answer struct {
		Status string `json:"status"`
	}
	if err := f.call(ctx, http.MethodGet, f.cloud+"/v1/"+projectID(0)+"/jobs/"+job, nil, &answer); err != nil {
		return err
	}
	if answer.Status != "SUCCESS" {
		return fmt.Errorf("job %s is %s", job, answer.Status)
	}
	return nil
}

func (f *floor) call(ctx context.Context, method, url string, body []byte, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := f.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, answer)
}

// errorOnce keeps the first error of many goroutines.
type errorOnce struct {
	mu  sync.Mutex
	err error
}

func (e *errorOnce) note(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.err == nil {
		e.err = err
	}
}

func (e *errorOnce) first() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.err
}
