package main

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// shown is what a table writes where there is room.
func shown(table func(io.Writer)) string {
	var out strings.Builder
	f := formatTable
	if err := f.print(&out, nil, table); err != nil {
		return err.Error()
	}
	return out.String()
}

// TestHistory tells what became of a request in the order in which it happened, and how it stands.
func TestHistory(t *testing.T) {
	t.Parallel()
	at := func(seconds int) time.Time { return watchNow.Add(time.Duration(seconds) * time.Second) }
	d := client.Detail{
		Summary: client.Summary{Attempt: 1, State: "parked", Accepted: at(0)},
		Record: &ledger.Record{
			Attempt: 1, State: ledger.Parked, Posts: []time.Time{at(60), at(120)}, Until: at(300), Refusals: 2,
			Failure: &messages.Failure{Reason: messages.ReasonQuota, Code: "IMG.0129", Message: "no room"},
		},
		Events: []client.EventView{{Time: at(0), Attempt: 1, State: messages.StateAccepted, Data: messages.Event{
			State: messages.StateAccepted, Request: messages.RequestInfo{Data: json.RawMessage(`{"name":"nightly"}`)},
		}}},
	}
	want := `2026-11-22  AFTER  EVENT     DETAIL
03:00:00Z   -      accepted  name nightly
03:01:00Z   +1m    asked     the cloud, by a call that has begun nothing, as far as is known
03:02:00Z   +1m    asked     put off: quota IMG.0129: no room
now         +1m5s  waits     the cloud put it off; it is submitted again then
`
	if got := shown(func(w io.Writer) { historyTable(w, d, at(185)) }); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	d.Record = &ledger.Record{Attempt: 2, State: ledger.Finished, Posts: []time.Time{at(130)}}
	job := &messages.Job{ID: "j1", Polls: 3}
	d.Events = append(d.Events,
		client.EventView{Time: at(131), Attempt: 1, State: messages.StateSubmitted, Data: messages.Event{State: messages.StateSubmitted, Job: job, Times: messages.Times{Submitted: new(at(130))}}},
		client.EventView{Time: at(90000), Attempt: 2, State: messages.StateFailed, Data: messages.Event{
			State: messages.StateFailed, Job: job, Error: &messages.Failure{Reason: messages.ReasonJobFailed, Message: "broke"},
			Times: messages.Times{RemoteBegin: new(at(130)), RemoteEnd: new(at(250))},
		}})
	want = `TIME                  AFTER   ATTEMPT  EVENT      DETAIL
2026-11-22 03:00:00Z  -       1        accepted   name nightly
2026-11-22 03:02:11Z  +2m11s  1        submitted  job j1
2026-11-23 04:00:00Z  +1d     2        failed     job_failed: broke; the cloud worked for 2m and was asked 3 times
`
	if got := shown(func(w io.Writer) { historyTable(w, d, at(90001)) }); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestPagesInOne keeps the pages of a bulk's legs to one line an attempt.
func TestPagesInOne(t *testing.T) {
	t.Parallel()
	d := client.Detail{Summary: client.Summary{Attempt: 2, State: "batch-completed"}}
	for n, attempt := range []int{1, 1, 1, 2} {
		d.Events = append(d.Events, client.EventView{Time: watchNow, Attempt: attempt, State: messages.StateBatchLegs, Data: messages.Event{
			State: messages.StateBatchLegs, Batch: &messages.Batch{Page: n % 3, Legs: make([]messages.Leg, 5)},
		}})
	}
	var got []string
	for _, h := range history(d, watchNow) {
		got = append(got, h.detail)
	}
	if want := []string{"3 pages, the last is page 2, 5 legs", "page 0, 5 legs"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestManyCalls shows the last of them.
func TestManyCalls(t *testing.T) {
	t.Parallel()
	r := &ledger.Record{State: ledger.Accepted}
	for n := range 9 {
		r.Posts = append(r.Posts, watchNow.Add(time.Duration(n)*time.Minute))
	}
	all := callsOf(client.Detail{Record: r})
	if len(all) != mostCalls || !all[0].at.Equal(r.Posts[4]) || !strings.HasSuffix(all[0].detail, "; 4 times before") {
		t.Errorf("got %+v", all)
	}
}

func TestAgeRow(t *testing.T) {
	t.Parallel()
	s := client.Summary{Accepted: watchNow.Add(-time.Hour)}
	got := func() string { return shown(func(w io.Writer) { ageRow(w, s, watchNow) }) }
	if text := got(); text != "took  1h so far\n" {
		t.Errorf("waits: %q", text)
	}
	s.Submitted = watchNow.Add(-30 * time.Minute)
	if text := got(); text != "took  1h so far, 30m of it before it was submitted\n" {
		t.Errorf("runs: %q", text)
	}
	s.Finished = watchNow.Add(-10 * time.Minute)
	if text := got(); text != "took  50m in all, 30m of it before it was submitted\n" {
		t.Errorf("over: %q", text)
	}
	if s.Accepted = (time.Time{}); got() != "" {
		t.Errorf("nobody knows: %q", got())
	}
}

func TestFromNow(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]time.Duration{
		"in 1h0m5s": time.Hour + 5*time.Second, "1h0m5s ago": -time.Hour - 5*time.Second, "in 3d4h": 76*time.Hour + time.Minute, "3d ago": -72 * time.Hour,
		"in 106751d23h": 1<<63 - 1, // as far as a duration goes
	} {
		if got := fromNow(watchNow.Add(d), watchNow); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

func TestBriefly(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]time.Duration{
		"0s": 0, "300ms": 310 * time.Millisecond, "1.5s": 1510 * time.Millisecond, "59s": 59*time.Second + 999*time.Millisecond, "1m": time.Minute,
		"2m5s": 125 * time.Second, "1h": time.Hour + 30*time.Second, "1h1m": 61 * time.Minute, "3d4h": 76*time.Hour + time.Minute, "2d": 48 * time.Hour,
	} {
		if got := briefly(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
	if got := briefly(-time.Second); got != "0s" {
		t.Errorf("before: %s", got)
	}
}
