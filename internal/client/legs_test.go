package client

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/bulk"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// keep stores a record, or a page of one.
func keep(t *testing.T, c *Client, shard int, subject string, content any) {
	t.Helper()
	data, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	put(t, c, broker.TrackStream(shard), broker.Message{Subject: subject, Data: data, Rollup: true})
}

// runningBulk stores a bulk of 502 legs in two pages. Of those on the first
// one has failed, and three are under way: of a request that the cloud has put
// off, one that runs there, and one of another shard.
func runningBulk(t *testing.T, c *Client, here, there string) (key string, parked messages.Relative) {
	t.Helper()
	key = messages.Key(here, "/test", "bulk")
	shard := broker.ShardOf(here, testConfig.Shards)
	routes := []messages.BulkRoute{{Way: messages.WayHere, Cloud: here}, {Way: messages.WayShare, Cloud: there}}
	keep(t, c, shard, broker.TrackSubject(shard, key), ledger.Record{
		Version: 1, Key: key, Cloud: here, Operation: messages.OperationBulkCopy, Source: "/test", ID: "bulk", Attempt: 1, State: ledger.Submitted,
		Accepted: time.Now(), Data: json.RawMessage(`{"concurrency":3}`), Bulk: &ledger.Bulk{Expansion: "e", Pages: 2, Legs: 502, Routes: routes},
	})
	legs := make([]bulk.Leg, 502)
	for i := range legs {
		legs[i] = bulk.Leg{ImageID: fmt.Sprint("image-", i)}
	}
	legs[0].State, legs[0].Decided, legs[0].Why = bulk.Failed, 1, &bulk.Why{Reason: messages.ReasonJobFailed, Message: "no luck"}
	legs[1].Begin(1, messages.WayHere)
	legs[2].Begin(1, messages.WayHere)
	legs[3].Target = 1
	legs[3].Begin(1, messages.WayShare)
	legs[3].Hear(bulk.End{State: messages.StateSucceeded}, 1)
	for n, p := range bulk.Split(legs, 1, "e") {
		keep(t, c, shard, broker.TrackPageSubject(shard, key, n), p)
	}
	parked, _ = bulk.Parent{Cloud: here, Key: key, Routes: routes}.Child(1, legs[1], bulk.Copying)
	keep(t, c, shard, broker.TrackSubject(shard, parked.Key), ledger.Record{
		Version: 1, Key: parked.Key, Cloud: here, Operation: parked.Operation, Attempt: 1, State: ledger.Parked, Accepted: time.Now(),
		Failure: &messages.Failure{Reason: messages.ReasonQuota, Code: "IMG.0144", Message: "no room"},
	})
	return key, parked
}

// answering plays an owner who tells that what was put off is, and that all
// else runs.
func answering(parked messages.Relative) func(string, []byte) any {
	return func(_ string, question []byte) any {
		var q messages.RecordQuestion
		if err := json.Unmarshal(question, &q); err != nil {
			return messages.ProspectsAnswer{Error: err.Error()}
		}
		var answer messages.ProspectsAnswer
		for _, key := range q.Keys {
			p := messages.Prospect{Key: key, Waits: messages.WaitsEnd}
			if key == parked.Key {
				p.Waits = messages.WaitsParked
			}
			answer.Requests = append(answer.Requests, p)
		}
		return answer
	}
}

// TestLegsOfARunningBulk are told from its pages, and what they wait for by the
// owners of their shards.
func TestLegsOfARunningBulk(t *testing.T) {
	t.Parallel()
	c := streams(t)
	here, there := cloudOf(1, 2), cloudOf(0, 2)
	key, parked := runningBulk(t, c, here, there)
	owner(t, c, 1, answering(parked))
	d, err := c.Request(t.Context(), key)
	if err == nil {
		err = c.FillLegs(t.Context(), &d)
	}
	if err != nil {
		t.Fatal(err)
	}
	if want := (messages.Counts{Legs: 502, Waiting: 498, Running: 3, Failed: 1}); d.Legs.Counts != want || *d.Summary.Legs != want || d.Legs.AtOnce != 3 || len(d.Legs.All) != 502 {
		t.Errorf("counts %+v, want %+v", d.Legs.Counts, want)
	}
	all := d.Legs.All
	if bad := d.Legs.Unsuccessful(); len(bad) != 1 || bad[0].Index != 0 || bad[0].Error.Message != "no luck" {
		t.Errorf("unsuccessful: %+v", bad)
	}
	if l := all[1]; l.Waits != messages.WaitsParked || l.PutOff == nil || l.PutOff.Code != "IMG.0144" || l.WaitsFor() != "put off by the cloud (quota IMG.0144)" {
		t.Errorf("the one that was put off: %+v", l)
	}
	if l := all[2]; l.Waits != messages.WaitsEnd || l.Unserved {
		t.Errorf("the one that runs: %+v", l)
	}
	if l := all[3]; !l.Unserved || l.Request.Operation != "answer-share" {
		t.Errorf("the one that nobody serves: %+v", l)
	}
}

// TestLegsOfABulkThatEnded: its record has no data any more, its first event has.
func TestLegsOfABulkThatEnded(t *testing.T) {
	t.Parallel()
	d := Detail{Summary: Summary{Attempt: 2}, Events: []EventView{
		{Attempt: 1, State: messages.StateAccepted, Data: messages.Event{Request: messages.RequestInfo{Data: json.RawMessage(`{"concurrency":3}`)}}},
		{Attempt: 2, State: messages.StateBatchLegs, Data: messages.Event{Batch: &messages.Batch{Legs: []messages.Leg{{State: messages.StateSucceeded}}}}},
	}}
	if l := legsOf(d.legs(), d.asked()); l.AtOnce != 3 || l.Counts.Succeeded != 1 {
		t.Errorf("got %+v", l)
	}
	d.Events = d.Events[1:]
	if l := legsOf(d.legs(), d.asked()); l.AtOnce != messages.LegsAtOnce {
		t.Errorf("got %+v of a bulk whose first event is gone", l)
	}
}

// TestLegsInTheFamily: the leg that was asked for stands in the tree wherever
// it is among them, then those that did not succeed and those under way.
func TestLegsInTheFamily(t *testing.T) {
	t.Parallel()
	l := &Legs{}
	for i := range 3 * legsShown {
		leg := messages.Leg{Index: i, State: messages.StateSucceeded, Request: &messages.LegRequest{Relative: messages.Relative{Key: fmt.Sprint("k", i)}}}
		switch {
		case i == 7:
			leg.State = messages.LegRunning
		case i >= 40 && i < 50:
			leg.State = messages.StateFailed
		}
		l.add(leg)
	}
	var keys []string
	for _, chain := range l.shown("k59") {
		keys = append(keys, chain[0].Key)
	}
	want := []string{"k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k40", "k41", "k42", "k43", "k44", "k45", "k46", "k47", "k48", "k49", "k59"}
	if !slices.Equal(keys, want) {
		t.Errorf("shown are %v", keys)
	}
}

// TestLegsWithAPageMissing: what is there is told, and that something is not.
func TestLegsWithAPageMissing(t *testing.T) {
	t.Parallel()
	c := streams(t)
	here := cloudOf(1, 2)
	key, _ := runningBulk(t, c, here, here)
	keep(t, c, 1, broker.TrackPageSubject(1, key, 1), bulk.Page{Version: 1, Attempt: 1, Expansion: "another"})
	d, err := c.Request(t.Context(), key)
	if err == nil {
		err = c.FillLegs(t.Context(), &d)
	}
	if err != nil || d.Legs.Counts.Legs != 500 || !slices.Equal(d.Legs.Missing, []int{1}) {
		t.Errorf("%+v, %v", d.Legs, err)
	}
}
