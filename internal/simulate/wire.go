package simulate

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"
)

// errRefused is a connection that could not be made.
var errRefused = errors.New("connection refused")

// errReset is a connection that ended without an answer.
var errReset = errors.New("connection reset by peer")

// roads are the ways from processes to the clouds.
type roads struct {
	handler http.Handler
	draws   *draws
	// arrived is told of each call that reaches the cloud, before it is worked
	// on; done when the cloud has answered.
	arrived func(cloud string, r *http.Request, body []byte)

	mu     sync.Mutex
	slow   time.Time     // calls take their time until then
	most   time.Duration // so much at most, each way
	closed time.Time     // nothing gets through until then: no connection is made
}

// delays are how long a call takes there and its answer back.
func (r *roads) delays(what string, creates bool) (there, back time.Duration) {
	r.mu.Lock()
	most, slow := r.most, time.Now().Before(r.slow)
	r.mu.Unlock()
	there, back = r.draws.delay(what+" there", time.Millisecond, 40*time.Millisecond), r.draws.delay(what+" back", time.Millisecond, 40*time.Millisecond)
	if slow && creates {
		there += r.draws.delay(what+" slowly", 0, most)
	}
	return there, back
}

func (r *roads) open() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !time.Now().Before(r.closed)
}

// wire is a process's way to one cloud. It is an http.RoundTripper.
type wire struct {
	process *process
	roads   *roads
	traps   *traps
	cloud   string
}

// RoundTrip sends one call. A call that is on its way arrives also when its
// caller dies or gives up, but never after its time limit.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := w.process.gate(); err != nil {
		return nil, err
	}
	trace := httptrace.ContextClientTrace(req.Context()) // by it the client knows whether anything was sent
	trace.GetConn(req.URL.Host)
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	body, err := read(req)
	if err != nil {
		return nil, err
	}
	if !w.roads.open() {
		return nil, errRefused
	}
	w.traps.spring(w.process, "before", "call", req.Method)
	if err := w.process.gate(); err != nil {
		return nil, err
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	trace.GotConn(httptrace.GotConnInfo{})
	return w.send(req, body)
}

func read(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	defer req.Body.Close()
	return io.ReadAll(req.Body)
}

type reply struct {
	response *http.Response
	err      error
}

func (w *wire) send(req *http.Request, body []byte) (*http.Response, error) {
	creates := req.Method == http.MethodPost
	there, back := w.roads.delays(w.cloud+" "+req.Method+" "+req.URL.Path, creates)
	server, hangUp := context.WithCancel(context.Background())
	answer := make(chan reply, 1)
	limit, limited := req.Context().Deadline()
	arrives := !limited || time.Now().Add(there).Before(limit)
	go func() {
		time.Sleep(there)
		if !arrives {
			answer <- reply{err: errReset}
			return
		}
		response, err := w.serve(server, req, body) //nolint:bodyclose // its reader closes it, and it is memory
		time.Sleep(back)
		answer <- reply{response, err}
	}()
	var got reply
	select {
	case got = <-answer:
	case <-req.Context().Done():
		got.err = req.Context().Err()
	case <-w.process.dead:
		got.err = errKilled
	}
	hangUp()
	w.traps.spring(w.process, "after", "call", req.Method)
	if err := w.process.gate(); err != nil {
		return nil, err
	}
	return got.response, got.err
}

// serve is the cloud's end of the wire.
func (w *wire) serve(ctx context.Context, req *http.Request, body []byte) (response *http.Response, err error) {
	in := req.Clone(ctx)
	in.Body, in.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	in.RequestURI, in.RemoteAddr = req.URL.RequestURI(), "192.0.2.1:1"
	if in.Host == "" {
		in.Host = req.URL.Host
	}
	w.roads.arrived(w.cloud, in, body)
	w.traps.spring(w.process, "during", "call", req.Method)
	recorder := httptest.NewRecorder()
	defer func() {
		if recover() == nil {
			return
		}
		response, err = nil, errReset // the handler closed the connection
		if recorder.Body.Len() > 0 {
			response, err = recorder.Result(), nil
			response.Body = io.NopCloser(io.MultiReader(strings.NewReader(recorder.Body.String()), cutOff{}))
		}
	}()
	w.roads.handler.ServeHTTP(recorder, in)
	response = recorder.Result()
	response.Request = req
	return response, nil
}

// cutOff is the end of an answer that was cut off.
type cutOff struct{}

func (cutOff) Read([]byte) (int, error) { return 0, errReset }
