package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// cloudServer is the least that can stand for a cloud: it takes every creating
// call, tells of every job that it is over, takes the tags of its
// image, and knows every image that it is asked for by its id, but lists none.
// The floors and the worker call the same one.
type cloudServer struct {
	url    string
	server *http.Server
	ended  chan struct{}
	calls  atomic.Int64
	jobs   atomic.Int64
	busy   bool              // no job ever ends
	asked  func(path string) // told of every query; may be nil
}

func startCloud(ctx context.Context) (*cloudServer, error) {
	return (&cloudServer{}).start(ctx)
}

func (c *cloudServer) start(ctx context.Context) (*cloudServer, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the cloud: %w", err)
	}
	c.url, c.ended = "http://"+listener.Addr().String(), make(chan struct{})
	c.server = &http.Server{Handler: c, ReadHeaderTimeout: time.Minute}
	go func() {
		defer close(c.ended)
		_ = c.server.Serve(listener) // it ends with stop
	}()
	return c, nil
}

func (c *cloudServer) stop() {
	_ = c.server.Close()
	<-c.ended
}

// ServeHTTP answers at once.
func (c *cloudServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.calls.Add(1)
	w.Header().Set("Content-Type", "application/json")
	if strings.HasSuffix(r.URL.Path, "/tags/action") {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if r.Method == http.MethodPost {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"job_id":"`+jobID(c.jobs.Add(1))+`"}`)
		return
	}
	if id := r.URL.Query().Get("id"); id != "" {
		_, _ = io.WriteString(w, `{"images":[{"id":"`+id+`","status":"active","__imagetype":"private"}]}`)
		return
	}
	if strings.HasSuffix(r.URL.Path, "/cloudimages") || strings.HasSuffix(r.URL.Path, "/images") {
		_, _ = io.WriteString(w, `{"images":[]}`)
		return
	}
	if c.asked != nil {
		c.asked(r.URL.Path)
	}
	if c.busy {
		_, _ = io.WriteString(w, jobAnswer(r.URL.Path, "RUNNING", `{}`))
		return
	}
	_, _ = io.WriteString(w, jobAnswer(r.URL.Path, "SUCCESS", `{"image_id":"ea0d5dce-ddb2-4f6f-83e3-55da065347fd","image_name":"copy"}`))
}

// jobID writes a number as the cloud writes the ids of jobs.
func jobID(n int64) string { return fmt.Sprintf("%032x", n) }

// jobNumber is the number in a path that ends with a job's id.
func jobNumber(path string) int64 {
	n, err := strconv.ParseInt(path[strings.LastIndexByte(path, '/')+1:], 16, 64)
	if err != nil {
		return -1
	}
	return n
}

// jobAnswer is what the cloud says of the job that the path ends with.
func jobAnswer(path, status, entities string) string {
	return `{"job_id":"` + path[strings.LastIndexByte(path, '/')+1:] + `","job_type":"imsCopyImageInRegionJob","status":"` + status +
		`","begin_time":"2026-01-02T03:04:05.000Z","end_time":"","error_code":null,"fail_reason":null,"entities":` + entities + `}`
}

// shards is the number of shards that everything here is made with.
const shards = 16

// cloudNames returns n names that the broker spreads evenly over the shards:
// its partition of a subject token is this hash.
func cloudNames(n int) []string {
	var names []string
	taken := map[uint32]int{}
	for i := 0; len(names) < n; i++ {
		name := fmt.Sprintf("cloud-%d", i)
		h := fnv.New32a()
		_, _ = io.WriteString(h, name)
		if shard := h.Sum32() % shards; taken[shard] <= len(names)/shards {
			taken[shard]++
			names = append(names, name)
		}
	}
	return names
}

// projectID is the project of the n-th cloud: no two may share one.
func projectID(n int) string { return fmt.Sprintf("%032x", n+1) }

// cloudsYAML is the clouds.yaml that leads to the cloud at url, without limits
// and with a clock so fast that a job is asked for after 50 ms.
func cloudsYAML(url string, names []string) string {
	return cloudsWith(url, names, "limits: off, time_factor: 100")
}

// cloudsWith is a clouds.yaml with these settings for every cloud.
func cloudsWith(url string, names []string, settings string) string {
	var b strings.Builder
	b.WriteString("clouds:\n")
	for i, name := range names {
		fmt.Fprintf(&b, `  %s:
    profile: otc
    region_name: eu-de
    auth: {auth_url: %[2]s/v3, project_id: %[3]q, ak: AK, sk: SK}
    image_endpoint_override: %[2]s
    cbr_endpoint_override: %[2]s
    imsworker: {%[4]s}
`, name, url, projectID(i), settings)
	}
	return b.String()
}
