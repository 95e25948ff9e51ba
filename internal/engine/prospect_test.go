package engine

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// somewhere knows one cloud.
type somewhere struct{ conf *Account }

func (s somewhere) Account(string) (*Account, bool)    { return s.conf, true }
func (s somewhere) At(string, string) (*Account, bool) { return nil, false }

// TestProspectsOfWhatRuns: the cloud's clock is ten times as fast as ours, and
// its copies take five to fifteen of its minutes.
func TestProspectsOfWhatRuns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newIdle()
		g.Clouds = somewhere{&Account{Name: "demo", TimeFactor: 10, Limits: map[string]budget.Limit{"copy": {Count: 5, Window: time.Minute}}}}
		now := time.Now()
		record := func(key string, r ledger.Record) messages.Prospect {
			t.Helper()
			r.Key, r.Cloud, r.Operation, r.Attempt, r.Sequence, r.Accepted = key, "demo", "copy-image", 1, uint64(len(g.entries)+1), now
			g.learn(&r)
			p, err := g.prospect(context.Background(), g.fact(g.entries[key], now), now)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		since := func(ago time.Duration, deadline time.Duration) ledger.Record {
			return ledger.Record{State: ledger.Submitted, JobID: "job", Submitted: now.Add(-ago), Deadline: now.Add(deadline)}
		}
		if p := record("unknown", since(time.Second, time.Hour)); p.Waits != messages.WaitsEnd || !p.Start.Equal(now.Add(-time.Second)) || p.End != nil || p.Percent != nil || p.Risk != nil || p.Ahead != nil {
			t.Errorf("knows something of nothing: %+v", p)
		}
		for n := range 200 {
			g.learned(g.entries["unknown"], result{took: 5*time.Minute + time.Duration(n*77%200)*3*time.Second})
		}
		for key, c := range map[string]struct {
			record        ledger.Record
			left          time.Duration // ours
			percent, risk float64
		}{
			"new":   {since(0, time.Minute), time.Minute, 0, 0.5},
			"safe":  {since(0, time.Hour), time.Minute, 0, 0},
			"half":  {since(30*time.Second, 45*time.Second), 30 * time.Second, 50, 0.25},
			"late":  {since(45*time.Second, -time.Second), 27 * time.Second, 62, 1},
			"older": {since(80*time.Second, time.Minute), 5 * time.Second, 94, 0},
		} {
			p := record(key, c.record)
			if p.End == nil || p.Percent == nil || p.Risk == nil {
				t.Errorf("%s: knows nothing: %+v", key, p)
				continue
			}
			if left := p.End.Sub(now); (left - c.left).Abs() > 4*time.Second {
				t.Errorf("%s: ends in %s, want %s", key, left, c.left)
			}
			if math.Abs(*p.Percent-c.percent) > 4 || math.Abs(*p.Risk-c.risk) > 0.1 {
				t.Errorf("%s: %.0f %% done, risk %.2f, want %.0f %% and %.2f", key, *p.Percent, *p.Risk, c.percent, c.risk)
			}
		}
		if p := record("oldest", since(10*time.Minute, time.Hour)); p.End != nil || p.Percent != nil || p.Risk != nil {
			t.Errorf("knows when it ends, which is older than all: %+v", p)
		}
	})
}
