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
	err := f.call(ctx, http.MethodPost, f.cloud+"/v1/cloudimages/465076de-dc36-4aec-80f5-ef9d8009428f/copy", []byte(requestData), &answer)
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

// mark puts a tag on the image: the creating call takes none.
func (f *floor) mark(ctx context.Context, key string) error {
	body := []byte(`{"action":"create","tags":[{"key":"ims-request","value":"` + key + `"}]}`)
	return f.call(ctx, http.MethodPost, f.cloud+"/v2/"+projectID(0)+"/images/ea0d5dce-ddb2-4f6f-83e3-55da065347fd/tags/action", body, nil)
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
	if answer == nil {
		return nil
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
