package client

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

func TestFilter(t *testing.T) {
	t.Parallel()
	now := time.Now()
	bulk := messages.Key("demo", "/s", "bulk")
	leg := messages.LegIdentity("demo", bulk, 1, 7, messages.StageShare)
	is := Summary{
		Key: "k", Cloud: "demo", Operation: "copy-image", Source: leg.Source, ID: leg.ID, State: "parked", Reason: messages.ReasonQuota, Accepted: now.Add(-time.Hour),
	}
	failed := Summary{State: string(messages.StateFailed)}
	partly := Summary{State: string(messages.StateBatchCompleted), Legs: &messages.Counts{Legs: 2, Succeeded: 1, Failed: 1}}
	complete := Summary{State: string(messages.StateBatchCompleted), Legs: &messages.Counts{Legs: 2, Succeeded: 2}}
	caused := Summary{Parent: &messages.Relative{Key: bulk}}
	for name, tc := range map[string]struct {
		filter Filter
		s      Summary
		want   bool
	}{
		"nothing":            {Filter{}, is, true},
		"one_of_clouds":      {Filter{Clouds: []string{"x", "demo"}}, is, true},
		"no_operation":       {Filter{Operations: []string{"x", "y"}}, is, false},
		"state":              {Filter{States: []string{"x", "parked"}}, is, true},
		"open":               {Filter{States: []string{StatesOpen}}, is, true},
		"not_open":           {Filter{States: []string{StatesOpen}}, failed, false},
		"ended":              {Filter{States: []string{StatesEnded}}, failed, true},
		"not_succeeded":      {Filter{States: []string{StatesNotSucceeded}}, failed, true},
		"bulk_not_succeeded": {Filter{States: []string{StatesNotSucceeded}}, partly, true},
		"bulk_succeeded":     {Filter{States: []string{StatesNotSucceeded}}, complete, false},
		"reason":             {Filter{Reasons: []string{"quota"}}, is, true},
		"other_reason":       {Filter{Reasons: []string{"conflict"}}, is, false},
		"reason_to_be_asked": {Filter{Reasons: []string{"conflict", "budget"}}, is, true},
		"source":             {Filter{Sources: []string{leg.Source}}, is, true},
		"pattern":            {Filter{Sources: []string{"/imsworker/*"}}, is, true},
		"no_pattern":         {Filter{Sources: []string{"/imsworker/"}}, is, false},
		"leg":                {Filter{Batch: bulk}, is, true},
		"child":              {Filter{Batch: bulk}, caused, true},
		"no_leg":             {Filter{Batch: messages.Key("demo", "/s", "other")}, is, false},
		"younger":            {Filter{Since: now.Add(-2 * time.Hour)}, is, true},
		"older":              {Filter{Until: now.Add(-2 * time.Hour)}, is, false},
		"between":            {Filter{Since: now.Add(-2 * time.Hour), Until: now}, is, true},
	} {
		if got := tc.filter.matches(&tc.s); got != tc.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}

// TestRequestsByWait lists those that wait for one reason, which only the owner
// of their shard knows.
func TestRequestsByWait(t *testing.T) {
	t.Parallel()
	c := streams(t)
	cloud := cloudOf(1, 2)
	for id, waits := range map[string]ledger.State{"budget": ledger.Accepted, "end": ledger.Submitted} {
		r := record(messages.Request{Identity: messages.Identity{Source: "/s", ID: id}, Cloud: cloud, Operation: "copy-image"})
		r.State = waits
		if err := ledger.New(c.conn, 1).Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	f := Filter{Clouds: []string{cloud}, Reasons: []string{string(messages.WaitsBudget)}}
	if _, err := c.Requests(t.Context(), f); !errors.Is(err, ErrNoOwner) {
		t.Errorf("without a worker: got %v", err)
	}
	budget := messages.Key(cloud, "/s", "budget")
	owner(t, c, 1, func(_ string, question []byte) any {
		var q messages.RecordQuestion
		_ = json.Unmarshal(question, &q)
		answer := messages.ProspectsAnswer{}
		for _, key := range q.Keys {
			waits := messages.WaitsEnd
			if key == budget {
				waits = messages.WaitsBudget
			}
			answer.Requests = append(answer.Requests, messages.Prospect{Key: key, Waits: waits})
		}
		return answer
	})
	if list, err := c.Requests(t.Context(), f); err != nil || len(list) != 1 || list[0].Key != budget {
		t.Errorf("got %+v, %v", list, err)
	}
}

// TestNewestAttemptIsListed: an end that does not match hides that of an
// earlier attempt, and a record hides both.
func TestNewestAttemptIsListed(t *testing.T) {
	t.Parallel()
	c := streams(t)
	tell(t, c, request("a"), 1, messages.StateFailed)
	tell(t, c, request("a"), 2, messages.StateSucceeded)
	tell(t, c, request("b"), 1, messages.StateFailed)
	again := record(request("b"))
	again.Attempt = 2
	if err := ledger.New(c.conn, broker.ShardOf("demo", 2)).Create(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	for state, want := range map[string]int{"failed": 0, "succeeded": 1, "accepted": 1, StatesEnded: 1} {
		list, err := c.Requests(t.Context(), Filter{States: []string{state}, History: true})
		if err != nil || len(list) != want {
			t.Errorf("%s: got %+v, %v", state, list, err)
		}
	}
}
