package engine

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/imsworker/imsworker/internal/budget"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// nowhere knows no cloud.
type nowhere struct{}

func (nowhere) Account(string) (*Account, bool)    { return nil, false }
func (nowhere) At(string, string) (*Account, bool) { return nil, false }

func newIdle() *Engine {
	return New(Options{Clouds: nowhere{}, Metrics: NewMetrics(prometheus.NewRegistry(), nil, nil), Log: slog.New(slog.DiscardHandler)})
}

// TestUnknownCloudsLeaveNothing: requests for any number of clouds that nobody
// knows, all refused, must not make an engine hold more and more.
func TestUnknownCloudsLeaveNothing(t *testing.T) {
	t.Parallel()
	g := newIdle()
	for n := range 100 {
		r := &ledger.Record{
			Key: fmt.Sprint("key-", n), Cloud: fmt.Sprint("cloud-", n), Operation: "copy-image", Attempt: 1,
			State: ledger.Finished, Outcome: messages.StateRejected, Sequence: uint64(2*n + 1),
		}
		g.learn(r)
		if len(g.entries) != 1 || len(g.accounts) != 1 {
			t.Fatalf("%d entries, %d accounts while one request ends", len(g.entries), len(g.accounts))
		}
		r = r.Tombstone()
		r.Sequence++
		g.learn(r)
	}
	if len(g.entries) != 0 || len(g.accounts) != 0 {
		t.Errorf("%d entries and %d accounts are left", len(g.entries), len(g.accounts))
	}
}

// TestConfiguredCloudIsKept: its windows count on when it comes back.
func TestConfiguredCloudIsKept(t *testing.T) {
	t.Parallel()
	a := newAccount("demo", &Account{})
	a.configure(nil)
	a.entries = 1
	if a.left() {
		t.Error("forgotten")
	}
}

// TestCallsOfAMissingCloudCount: a cloud whose entry is not there when its shard
// is loaded, and comes back, has made calls before.
func TestCallsOfAMissingCloudCount(t *testing.T) {
	t.Parallel()
	g := newIdle()
	now := time.Now()
	g.learn(&ledger.Record{
		Key: "key", Cloud: "demo", Operation: "copy-image", Attempt: 1, State: ledger.Finished, Outcome: messages.StateSucceeded,
		Buried: true, Sequence: 1, Posts: []time.Time{now.Add(-2 * time.Minute)},
	})
	a := g.accounts["demo"]
	if a == nil {
		t.Fatal("the account is forgotten with its calls")
	}
	a.configure(&Account{Limits: map[string]budget.Limit{"copy": {Count: 1, Window: 5 * time.Minute}}})
	if at := a.window("copy").Next(now); at.Before(now.Add(2*time.Minute)) || at.After(now.Add(4*time.Minute)) {
		t.Errorf("next call in %v", at.Sub(now))
	}
	a.known = false
	g.patrol(now.Add(10 * time.Minute))
	if len(g.accounts) > 0 {
		t.Error("kept when nothing counts any more")
	}
}

// TestImagesOfEndedRequestsAreForgotten also where the version that names the
// image no more is the first that is heard of after it.
func TestImagesOfEndedRequestsAreForgotten(t *testing.T) {
	t.Parallel()
	g := newIdle()
	r := &ledger.Record{Key: "key", Cloud: "demo", Operation: "copy-image", Attempt: 1, State: ledger.Submitted, ImageID: "one", Sequence: 1}
	g.learn(r)
	a := g.accounts["demo"]
	if a.images["one"] == nil {
		t.Fatal("not found by its image")
	}
	r = r.Clone()
	r.ImageID, r.Sequence = "two", 2
	g.learn(r)
	if len(a.images) != 1 || a.images["two"] == nil {
		t.Errorf("images %v", a.images)
	}
	r = r.Tombstone()
	r.Sequence = 3
	g.learn(r)
	if len(a.images) != 0 || a.following != 0 {
		t.Errorf("images %v, %d followed", a.images, a.following)
	}
}

// TestEndIsCountedOnce however often a process takes the shard anew.
func TestEndIsCountedOnce(t *testing.T) {
	t.Parallel()
	m := NewMetrics(prometheus.NewRegistry(), []string{"demo"}, []string{"copy-image"})
	for range 3 {
		for n := range 2000 {
			m.ended(&ledger.Record{
				Key: fmt.Sprint(n), Attempt: 1, Cloud: "demo", Operation: "copy-image", Outcome: messages.StateFailed, Finished: time.Now(),
			})
		}
	}
	if got := m.notSucceeded(time.Now())[[2]string{"demo", "copy-image"}]; got != 2000 {
		t.Errorf("%d ends, want 2000", got)
	}
	m.forgetOld(time.Now().Add(recently + time.Second))
	if len(m.recent) != 0 {
		t.Errorf("%d ends are remembered for ever", len(m.recent))
	}
}
