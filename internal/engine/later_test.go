package engine

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/ledger"
)

// TestWhatComesLaterGoesAsExpected compares what is expected of requests that may
// not go before a moment with what the queue does then: many with one moment,
// others that are in line already, of the same and of another source.
func TestWhatComesLaterGoesAsExpected(t *testing.T) {
	t.Parallel()
	const minute = time.Minute
	for name, c := range map[string]struct {
		line map[string]int           // in line now, by source
		naps map[string]time.Duration // that come later, by source; ten of each
		rank string                   // of those
	}{
		"a batch":                {naps: map[string]time.Duration{"a": 20 * minute}},
		"two batches":            {naps: map[string]time.Duration{"a": 20 * minute, "b": 21 * minute}},
		"behind a line":          {line: map[string]int{"a": 12}, naps: map[string]time.Duration{"a": 7 * minute}},
		"beside a line":          {line: map[string]int{"b": 30}, naps: map[string]time.Duration{"a": 7 * minute}},
		"after a line":           {line: map[string]int{"b": 12}, naps: map[string]time.Duration{"a": 3 * time.Hour}},
		"before a line":          {line: map[string]int{"b": 30}, naps: map[string]time.Duration{"a": 7 * minute}, rank: "high"},
		"when all else has gone": {line: map[string]int{"b": 12}, naps: map[string]time.Duration{"a": 7 * minute}, rank: "low"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := laterWorld{g: newIdle(), begun: time.Now()}
				w.g.Clouds = somewhere{&Account{Name: "demo", TimeFactor: 1, Limits: map[string]budget.Limit{"copy": {Count: 4, Window: 5 * minute}}}}
				for source, n := range c.line {
					w.add(source, n, 0, "")
				}
				for source, in := range c.naps {
					w.add(source, 10, in, c.rank)
				}
				expected := w.expected()
				if len(expected) != 10*len(c.naps) {
					t.Fatalf("%d come later", len(expected))
				}
				for key, started := range w.play(6 * time.Hour) {
					if own, later := expected[key]; later && !started.Equal(own.at) {
						t.Errorf("%s started after %s, expected after %s with %d before it", key, started.Sub(w.begun), own.at.Sub(w.begun), own.ahead)
					}
					delete(expected, key)
				}
				if len(expected) > 0 || len(w.g.accounts["demo"].napping) > 0 {
					t.Errorf("never started: %v", expected)
				}
			})
		})
	}
}

// laterWorld is an engine whose loop is played by the test.
type laterWorld struct {
	g     *Engine
	begun time.Time
}

func (w laterWorld) add(source string, count int, in time.Duration, priority string) {
	for range count {
		n := len(w.g.entries)
		r := &ledger.Record{
			Key: fmt.Sprint(source, "-", n), Cloud: "demo", Operation: "copy-image", Source: source, Attempt: 1, Sequence: uint64(n + 1),
			State: ledger.Accepted, Priority: priority, Accepted: w.begun.Add(time.Duration(n) * time.Millisecond),
		}
		if in > 0 {
			r.NotBefore = w.begun.Add(in)
		}
		w.g.loaded = false
		w.g.learn(r)
		w.g.loaded, w.g.entries[r.Key].announced = true, true
		w.g.settle(w.g.entries[r.Key])
	}
}

// expected is the turn of each that comes later.
func (w laterWorld) expected() map[string]turn {
	a := w.g.accounts["demo"]
	l := taken(a, "copy")
	l.opens = w.begun
	for next := 0; next >= 0; {
		next = l.copyNaps(a, "copy", next)
	}
	l.plan()
	all := map[string]turn{}
	for key, e := range w.g.entries {
		if e.place < 0 {
			all[key] = w.g.fact(e, w.begun).turn(l)
		}
	}
	return all
}

// play has everything go as soon as it can, and tells when.
func (w laterWorld) play(d time.Duration) map[string]time.Time {
	started, a := map[string]time.Time{}, w.g.accounts["demo"]
	for end := w.begun.Add(d); time.Now().Before(end); time.Sleep(time.Second) {
		now := time.Now()
		for e := w.g.timers.popDue(now); e != nil; e = w.g.timers.popDue(now) {
			w.g.settle(e)
		}
		for e := a.pop(now); e != nil; e = a.pop(now) {
			a.window("copy").Answered(now)
			started[e.key] = now
			w.g.drop(e)
		}
	}
	return started
}
