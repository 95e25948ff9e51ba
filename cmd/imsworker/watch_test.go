package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/config"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// happened publishes an event of a request, which change makes different.
func happened(t *testing.T, conn *broker.Conn, r messages.Request, state messages.State, change func(*messages.Event)) {
	t.Helper()
	key := messages.Key(r.Cloud, r.Source, r.ID)
	now := time.Now().UTC()
	e := messages.Event{
		Request: messages.RequestInfo{ID: r.ID, Source: r.Source, Key: key, Cloud: r.Cloud, Operation: r.Operation, Attempt: 1},
		State:   state, Times: messages.Times{Accepted: &now},
	}
	if state != messages.StateAccepted {
		e.Times.Submitted = &now
	}
	if change != nil {
		change(&e)
	}
	header, body, err := messages.EncodeEvent(messages.EventMeta{Cloud: r.Cloud, Operation: r.Operation, Key: key, Attempt: 1, State: state, Time: now, CausationID: r.ID}, e)
	if err != nil {
		t.Fatal(err)
	}
	subject := messages.EventSubject(r.Cloud, r.Operation, state, key, 1)
	if _, err := conn.Put(t.Context(), broker.StreamEvents, broker.Message{Subject: subject, Header: header, Data: body}); err != nil {
		t.Fatal(err)
	}
}

func watchedRequest(id string) messages.Request {
	return messages.Request{Identity: messages.Identity{Source: submitSource, ID: id}, Cloud: "demo", Operation: "copy-image"}
}

// TestWatchLines: where no terminal is, each change is a line, an object or a document.
func TestWatchLines(t *testing.T) {
	conn := serving(t)
	good, bad := messages.Key("demo", submitSource, "good"), messages.Key("demo", submitSource, "bad")
	happened(t, conn, watchedRequest("good"), messages.StateAccepted, nil)
	happened(t, conn, watchedRequest("good"), messages.StateSucceeded, func(e *messages.Event) { e.Images = []messages.Image{{ID: "i1", Name: "x"}} })
	happened(t, conn, watchedRequest("bad"), messages.StateFailed, func(e *messages.Event) {
		e.Error = &messages.Failure{Reason: messages.ReasonJobFailed, Code: "IMG.1104", Message: "it broke"}
	})
	code, out, errOut := call(t, "", "requests", "watch", good, bad)
	for _, want := range []string{good + "  demo  copy-image  succeeded  image i1 x\n", bad + "  demo  copy-image  failed  job_failed IMG.1104: it broke\n", "1 of 2 requests succeeded, 1 failed\n"} {
		if code != exitNotSucceeded || !strings.Contains(out, want) || errOut != "" || strings.Count(out, "\n") != 3 {
			t.Errorf("got %d, %q, %q: %q is missing", code, out, errOut, want)
		}
	}
	for form, args := range map[string][]string{"json": {good}, "yaml": {"--cloud", "demo", "--id", "good"}} {
		code, out, _ := call(t, "", append([]string{"requests", "watch", "-o", form}, args...)...)
		var got change
		parse := json.Unmarshal
		if form == "yaml" {
			parse = parseYAML
		}
		if err := parse([]byte(out), &got); code != exitDone || err != nil || got.Summary.Key != good || got.Event == nil || got.Event.Images[0].ID != "i1" || got.Time.IsZero() {
			t.Errorf("%s: %d, %q, %v", form, code, out, err)
		}
	}
}

// TestWatchNews: lines come as things happen, of requests that a filter chose.
func TestWatchNews(t *testing.T) {
	conn := serving(t)
	key := recorded(t, conn, "a", nil)
	recorded(t, conn, "over", func(r *ledger.Record) { r.State, r.Outcome = ledger.Finished, messages.StateFailed })
	written := &logBuffer{}
	root := newRoot()
	root.SetArgs([]string{"requests", "watch", "--operation", "copy-image"})
	root.SetOut(written)
	root.SetErr(written)
	done := make(chan int, 1)
	go func() { done <- exitCode(root, root.ExecuteContext(t.Context())) }()
	written.await(t, key+"  demo  copy-image  accepted\n")
	happened(t, conn, watchedRequest("a"), messages.StateSubmitted, func(e *messages.Event) { e.Job = &messages.Job{ID: "j1"} })
	written.await(t, "submitted  job j1\n")
	happened(t, conn, watchedRequest("a"), messages.StateProgress, func(e *messages.Event) { e.Job = &messages.Job{ID: "j1", Percent: new(40.0)} })
	written.await(t, "progress  job j1 40 %\n")
	happened(t, conn, watchedRequest("a"), messages.StateCancelled, nil)
	if code := <-done; code != exitDone || strings.Count(written.String(), "\n") != 4 {
		t.Errorf("got %d, %q", code, written.String())
	}
}

// await waits until a text was written.
func (b *logBuffer) await(t *testing.T, want string) {
	t.Helper()
	eventually(t, func() bool { return strings.Contains(b.String(), want) }, func() string { return fmt.Sprintf("%q is not in %q", want, b.String()) })
}

func eventually(t *testing.T, is func() bool, otherwise func() string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(otherwise())
		}
	}
}

func TestWatchRefuses(t *testing.T) {
	for want, args := range map[string][]string{
		"keys or filters are wanted: --state open": {}, `"X" is no key`: {"X"}, "--id goes with one --cloud": {"--id", "a"},
		`--state is "opn": did you mean open?`: {"--state", "opn"},
	} {
		if code, _, errOut := call(t, "", append([]string{"requests", "watch"}, args...)...); code != exitUsage || !strings.Contains(errOut, want) {
			t.Errorf("%v: %d, %q", args, code, errOut)
		}
	}
	conn := serving(t)
	if code, out, errOut := call(t, "", "requests", "watch", "--state", "open"); code != exitDone || out != "" || !strings.Contains(errOut, "no request that lives fits") {
		t.Errorf("nothing to watch: %d, %q, %q", code, out, errOut)
	}
	key := recorded(t, conn, "a", nil)
	code, _, errOut := call(t, "", "requests", "watch", key, "--timeout", "300ms")
	if code != exitTimedOut || !strings.Contains(errOut, "1 request has not ended after 300ms; no work is stopped by that") {
		t.Errorf("timed out: %d, %q", code, errOut)
	}
	code, _, errOut = call(t, "", "requests", "watch", strings.Repeat("a", 26), "--timeout", "300ms")
	if code != exitTimedOut || !strings.Contains(errOut, "no record was seen in 300ms: ") {
		t.Errorf("timed out, nothing known: %d, %q", code, errOut)
	}
	t.Setenv("IMSWORKER_NATS_URL", "nats://127.0.0.1:1")
	if code, _, _ := call(t, "", "requests", "watch", key); code != exitNotConnected {
		t.Errorf("not connected: %d", code)
	}
}

// page is a terminal that several goroutines look at.
type page struct {
	mu   sync.Mutex
	term *terminal
}

// Write implements io.Writer.
func (p *page) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.term.Write(text)
}

func (p *page) size() (columns, rows int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.term.cells[0]), len(p.term.cells)
}

func (p *page) resize(columns, rows int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.term.resize(columns, rows)
}

func (p *page) await(t *testing.T, want ...string) {
	t.Helper()
	look := func() string { p.mu.Lock(); defer p.mu.Unlock(); return p.term.shows() }
	eventually(t, func() bool {
		for _, w := range want {
			if !strings.Contains(look(), w) {
				return false
			}
		}
		return true
	}, func() string { return fmt.Sprintf("%q is not on\n%s", want, look()) })
}

// TestWatchBulkOnTerminal follows a bulk of 200 legs on a terminal of 80 by 24, which is made smaller meanwhile.
func TestWatchBulkOnTerminal(t *testing.T) {
	conn := serving(t)
	key := recorded(t, conn, "bulk", func(r *ledger.Record) { r.Operation, r.State = messages.OperationBulkCopy, ledger.Submitted })
	bulk := messages.Request{Identity: messages.Identity{Source: submitSource, ID: "bulk"}, Cloud: "demo", Operation: messages.OperationBulkCopy}
	cfg, err := config.Load()
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.Dial(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	var out bytes.Buffer
	form, seen := formatTable, &page{term: newTerminal(80, 24)}
	w := &watcher{client: c, of: client.Watching{Keys: []string{key}, Legs: true}, output: &form, out: &out, board: newBoard(time.Now()), paint: true}
	w.screen = newScreen(seen, seen.size)
	done := make(chan error, 1)
	go func() { done <- w.run(t.Context(), &out) }()
	seen.await(t, "bulk-copy "+key+"  demo  submitted", "its legs are not counted yet")
	for n := range 150 {
		leg := messages.Request{Identity: messages.LegIdentity("demo", key, 1, n, messages.StageCopy), Cloud: "demo", Operation: "copy-image"}
		happened(t, conn, leg, messages.StateSubmitted, func(e *messages.Event) { e.Job = &messages.Job{ID: fmt.Sprint("j", n), Percent: new(50.0)} })
		if n < 10 {
			happened(t, conn, leg, messages.StateFailed, func(e *messages.Event) {
				e.Error = &messages.Failure{Reason: messages.ReasonJobFailed, Code: "IMG.1104", Message: strings.Repeat("it broke ", 20)}
			})
		}
	}
	counts := messages.Counts{Legs: 200, Succeeded: 0, Failed: 10, Running: 140, Waiting: 50}
	happened(t, conn, bulk, messages.StateBatchProgress, func(e *messages.Event) { e.Batch = &messages.Batch{Counts: counts} })
	seen.await(t, "\n0 of 200 legs succeeded, 10 failed, 140 running, 50 waiting\n", "leg 9  ", "job_failed IMG.1104: it broke", "[===...]  50 %", "… and 1 not succeeded, 131 running")
	seen.resize(60, 12)
	seen.await(t, "… and 7 not succeeded, 137 running")
	counts.Succeeded, counts.Running, counts.Waiting = 190, 0, 0
	happened(t, conn, bulk, messages.StateBatchCompleted, func(e *messages.Event) {
		e.Batch = &messages.Batch{Counts: counts, Legs: []messages.Leg{{Index: 3, ImageID: "i3", Cloud: "demo", State: messages.StateFailed, Error: &messages.Failure{Reason: "job_failed", Message: "it broke"}}}}
	})
	if err := <-done; !errors.Is(err, errQuiet) || len(seen.term.amiss) > 0 || seen.term.open || seen.term.hidden {
		t.Errorf("ended with %v; on the terminal %v", err, seen.term.amiss)
	}
	for _, want := range []string{key, "batch-completed", "190 of 200 legs succeeded, 10 failed", "i3 to demo failed: job_failed: it broke", "requests retry " + key} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in what stays:\n%s", want, &out)
		}
	}
}
