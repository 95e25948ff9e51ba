package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/client"
	"github.com/imsworker/imsworker/messages"
)

var watchNow = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

// bulkBoard is a bulk of 200 legs of which some have ended.
func bulkBoard() *board {
	b := newBoard(watchNow.Add(-time.Minute))
	key := messages.Key("demo", "/nightly", "bulk")
	counts := messages.Counts{Legs: 200, Succeeded: 100, Failed: 9, Rejected: 3, Running: 40, Waiting: 48}
	b.take(client.News{
		Summary: client.Summary{Key: key, Cloud: "demo", Operation: "bulk-copy", Attempt: 1, State: "batch-progress", Accepted: watchNow.Add(-10 * time.Minute), Submitted: watchNow.Add(-9 * time.Minute), Legs: &counts},
		Event:   &messages.Event{State: messages.StateBatchProgress, Batch: &messages.Batch{Counts: counts}, Estimate: messages.Estimate{End: new(watchNow.Add(250 * time.Second))}},
		Time:    watchNow,
	})
	for n := range 152 {
		b.take(legNews(key, n))
	}
	return b
}

func legNews(bulk string, n int) client.News {
	accepted := watchNow.Add(time.Duration(n-600) * time.Second)
	news := client.News{
		Summary: client.Summary{
			Key: messages.Key("demo", bulk, fmt.Sprint(n)), Cloud: "demo", Operation: "copy-image", Attempt: 1, State: "submitted",
			Accepted: accepted, Submitted: accepted.Add(time.Second), JobID: fmt.Sprint("job-", n),
		},
		Time: accepted.Add(time.Second), Bulk: bulk, Leg: n,
	}
	event := messages.Event{Job: &messages.Job{ID: news.Summary.JobID}}
	switch {
	case n < 100:
		event.State, event.Images = messages.StateSucceeded, []messages.Image{{ID: "image", Name: "größer"}}
	case n < 109:
		event.State, event.Error = messages.StateFailed, &messages.Failure{Reason: messages.ReasonJobFailed, Code: "IMG.1104", Message: "the copy failed for a reason that needs many words to be told"}
	case n < 112:
		event.State, event.Error = messages.StateRejected, &messages.Failure{Reason: messages.ReasonNotFound, Code: "IMG.0027", Message: "there is no such image"}
	default:
		event.State, event.Estimate.End = messages.StateSubmitted, new(watchNow.Add(time.Duration(n)*time.Second))
		if n%2 == 0 {
			event.Job.Percent = new(float64(200 - n))
		}
	}
	news.Event, news.Summary.State = &event, string(event.State)
	return news
}

// captured compares a frame, as a terminal of that size shows it, with the one that is kept. UPDATE=1 keeps it anew.
func captured(t *testing.T, name string, b *board, columns, rows int) {
	t.Helper()
	term := newTerminal(columns, rows)
	s := newScreen(term, func() (int, int) { return columns, rows })
	s.draw(b.frame(columns, rows, watchNow, true), s.measure())
	if len(term.amiss) > 0 {
		t.Errorf("%s: %v", name, term.amiss)
	}
	file := filepath.Join("testdata", "watch", name+".txt")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(term.shows()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file) //nolint:gosec // the test's own
	if err != nil || term.shows() != string(want) {
		t.Errorf("%s: got\n%swant, %v\n%s", name, term.shows(), err, want)
	}
}

// TestFrames shows the board on terminals of several sizes.
func TestFrames(t *testing.T) {
	t.Parallel()
	captured(t, "bulk_80x24", bulkBoard(), 80, 24)
	captured(t, "bulk_50x12", bulkBoard(), 50, 12)
	captured(t, "bulk_120x40", bulkBoard(), 120, 40)
	captured(t, "empty_80x24", newBoard(watchNow), 80, 24)
	captured(t, "many_80x24", manyBoard(), 80, 24)
	captured(t, "one_80x24", oneBoard(), 80, 24)
	away := oneBoard()
	away.connected(false)
	captured(t, "away_80x24", away, 80, 24)
}

func manyBoard() *board {
	b := bulkBoard()
	for n := range 4 {
		news := legNews("x", 99+10*n)
		news.Bulk = ""
		b.take(news)
	}
	waits := client.News{Summary: client.Summary{Key: messages.Key("demo", "x", "w"), Cloud: "demo", Operation: "copy-image-cross-region", Attempt: 1, State: "accepted", Accepted: watchNow}}
	b.take(waits)
	b.expect([]client.Summary{{Key: waits.Summary.Key, Attempt: 1, Prospect: &messages.Prospect{
		State: "parked", Waits: messages.WaitsBudget, Estimate: messages.Estimate{Start: new(watchNow.Add(time.Minute)), End: new(watchNow.Add(2 * time.Minute))},
	}}})
	return b
}

func oneBoard() *board {
	b := newBoard(watchNow)
	news := legNews("x", 140)
	news.Bulk = ""
	accepted := news
	accepted.Summary.State, accepted.Event, accepted.Time = "accepted", nil, accepted.Summary.Accepted
	b.take(accepted)
	b.take(news)
	news.Event = &messages.Event{State: messages.StateProgress, Job: &messages.Job{ID: "job-140", Percent: new(60.0), Task: "copying: "}}
	news.Summary.State, news.Time = "progress", watchNow
	b.take(news)
	return b
}

// TestFramesOfAnySize: nothing wraps and nothing scrolls, however small the terminal is, while it is made smaller and larger.
func TestFramesOfAnySize(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]*board{"bulk": bulkBoard(), "many": manyBoard(), "one": oneBoard(), "none": newBoard(watchNow)} {
		term := newTerminal(1, 1)
		columns, rows := 1, 1
		s := newScreen(term, func() (int, int) { return columns, rows })
		for _, size := range [][2]int{{80, 24}, {40, 10}, {200, 60}, {12, 5}, {3, 2}, {1, 1}, {80, 1}, {1, 24}, {80, 24}} {
			columns, rows = size[0], size[1]
			term.resize(columns, rows)
			changed := s.measure()
			s.draw(b.frame(columns, rows, watchNow, true), changed)
			if len(term.amiss) > 0 || !term.colour && name != "none" && columns > 20 {
				t.Fatalf("%s at %v: %v\n%s", name, size, term.amiss, term.shows())
			}
		}
		again := newTerminal(80, 24)
		one := newScreen(again, func() (int, int) { return 80, 24 })
		one.draw(b.frame(80, 24, watchNow, false), one.measure())
		if term.shows() != again.shows() || again.colour {
			t.Errorf("%s: after all sizes\n%swithout\n%s", name, term.shows(), again.shows())
		}
	}
}

func TestChangeLines(t *testing.T) {
	t.Parallel()
	news := legNews("bulk", 100)
	text, tells := changeLine(news)
	want := "2026-11-22 02:51:41Z  " + news.Summary.Key + "  leg 100  demo  copy-image  failed  job_failed IMG.1104: the copy failed"
	if !tells || !strings.HasPrefix(text, want) {
		t.Errorf("got %q, want %q", text, want)
	}
	news.Summary.State = "progress"
	if text, tells := changeLine(news); tells {
		t.Errorf("how far a leg is: %q", text)
	}
	news.Bulk, news.Summary.Attempt = "", 2
	if text, tells := changeLine(news); !tells || !strings.Contains(text, "copy-image  attempt 2  progress") {
		t.Errorf("got %q", text)
	}
}
