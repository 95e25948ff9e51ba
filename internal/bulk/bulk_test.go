package bulk_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/imsworker/imsworker/internal/bulk"
	"github.com/imsworker/imsworker/messages"
)

// TestLegThroughItsStages walks a leg that is shared and accepted before it is
// copied.
func TestLegThroughItsStages(t *testing.T) {
	t.Parallel()
	l := bulk.Leg{ImageID: "i"}
	l.Begin(1, messages.WayShare)
	var stages []string
	for l.State.Running() {
		stages = append(stages, l.State.Stage())
		l.Hear(bulk.End{State: messages.StateSucceeded, ImageID: "made-" + l.State.Stage()}, 1)
	}
	if strings.Join(stages, " ") != "share answer copy" || l.State != bulk.Succeeded || l.Made != "made-copy" || l.Base != 1 || l.Decided != 1 {
		t.Errorf("stages %v, leg %+v", stages, l)
	}
	l = bulk.Leg{}
	l.Begin(1, messages.WayShare)
	l.Hear(bulk.End{State: messages.StateFailed, Failure: &messages.Failure{Reason: messages.ReasonQuota, Message: strings.Repeat("ä", 1000)}}, 1)
	if l.State != bulk.Failed || l.At != bulk.Sharing || l.Why.Reason != messages.ReasonQuota || len(l.Why.Message) > 243 {
		t.Errorf("leg %+v, why %+v", l, l.Why)
	}
}

// TestAgain says with what the next attempt of a bulk begins.
func TestAgain(t *testing.T) {
	t.Parallel()
	parent := bulk.Parent{Cloud: "here", Key: messages.Key("here", "s", "i"), Routes: []messages.BulkRoute{{Way: messages.WayHere, Cloud: "here"}, {Way: messages.WayShare, Cloud: "near"}}}
	for name, c := range map[string]struct {
		end  messages.State
		want bulk.State
		base int // of the identity that the next request has, after Begin in attempt 3
		next bool
	}{
		"succeeded":  {messages.StateSucceeded, bulk.Succeeded, 2, false},
		"failed":     {messages.StateFailed, bulk.Waiting, 3, false},
		"cancelled":  {messages.StateCancelled, bulk.Waiting, 3, false},
		"unresolved": {messages.StateUnresolved, bulk.Waiting, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := bulk.Leg{ImageID: "i", Target: 1}
			l.Begin(2, messages.WayShare)
			l.Hear(bulk.End{State: messages.StateSucceeded}, 2)
			l.Hear(bulk.End{State: messages.StateSucceeded}, 2)
			l.Hear(bulk.End{State: c.end, ImageID: "made"}, 2)
			told := parent.Tell(7, l)
			if told.Request == nil || told.Request.Cloud != "near" || len(told.Steps) != 2 || told.Steps[1].Operation != "answer-share" {
				t.Fatalf("told %+v", told)
			}
			again := parent.Again(told)
			if again.State != c.want {
				t.Fatalf("begins as %+v", again)
			}
			if again.State == bulk.Succeeded {
				if again.Made != "made" || again.Decided != 2 || again.Base != c.base {
					t.Errorf("leg %+v", again)
				}
				return
			}
			again.Begin(3, messages.WayShare)
			if again.Base != c.base || again.Repeats() != c.next || c.next != (again.State == bulk.Copying) {
				t.Errorf("goes on as %+v", again)
			}
			stopped := parent.Again(told)
			if stopped.Stop(3, &messages.Failure{Reason: messages.ReasonCancelled}); (stopped.State == bulk.Unresolved) != c.next {
				t.Errorf("stopped as %+v", stopped)
			}
		})
	}
}

// TestSince: a leg whose request was cancelled goes on with it only where that
// may have left a copy, and ends as cancelled if it is stopped before.
func TestSince(t *testing.T) {
	t.Parallel()
	parent := bulk.Parent{Cloud: "here", Key: messages.Key("here", "s", "i"), Routes: []messages.BulkRoute{{Way: messages.WayHere, Cloud: "here"}}}
	for _, left := range []bool{true, false} {
		l := bulk.Leg{ImageID: "i"}
		l.Begin(1, messages.WayHere)
		l.Hear(bulk.End{State: messages.StateCancelled}, 1)
		again := parent.Since(parent.Tell(0, l), bulk.Latest{Attempt: 1, End: messages.StateCancelled, Left: left})
		stopped := again
		if stopped.Stop(2, nil); stopped.State != bulk.Cancelled {
			t.Errorf("left %t: stopped as %+v", left, stopped)
		}
		again.Begin(2, messages.WayHere)
		if again.Left != left || again.Repeats() != left || left && again.Base != 1 || !left && again.Base != 2 {
			t.Errorf("left %t: goes on as %+v", left, again)
		}
	}
}

// TestCountsAreThoseOfTheLegs whatever happens to them, and a page comes back as
// it was written.
func TestCountsAreThoseOfTheLegs(t *testing.T) {
	t.Parallel()
	draw := rand.New(rand.NewPCG(1, 2))
	legs := make([]bulk.Leg, 1234)
	for i := range legs {
		legs[i] = bulk.Leg{ImageID: fmt.Sprint(i), Name: strings.Repeat("镜", 128)}
		switch draw.IntN(4) {
		case 0:
			legs[i].Begin(1, messages.WayHere)
		case 1:
			legs[i].Begin(1, messages.WayShare)
			legs[i].Hear(bulk.End{State: messages.States()[draw.IntN(len(messages.States()))], Failure: &messages.Failure{
				Reason: messages.ReasonConstraint, Code: "IMG.0130", Message: strings.Repeat("镜", 500), Remedy: strings.Repeat("镜", 500),
			}}, 1)
		case 2:
			legs[i].Stop(1, &messages.Failure{Reason: messages.ReasonCancelled})
		}
	}
	var c messages.Counts
	total := 0
	for _, p := range bulk.Split(legs, 1, "x") {
		data, err := p.Encode()
		if err != nil || len(data) > 900<<10 {
			t.Fatalf("%d bytes, %v", len(data), err)
		}
		again, err := bulk.Decode(data)
		if err != nil || again.Counts() != p.Counts() || again.First != total {
			t.Fatalf("%+v %v", again, err)
		}
		total += len(p.Legs)
		c.Add(again.Counts())
	}
	if c.Legs != len(legs) || c.Open()+c.Succeeded+c.Unsuccessful() != c.Legs || c != bulk.CountsOf(legs) {
		t.Errorf("counts %+v", c)
	}
	if _, err := bulk.Decode([]byte(`{"v":2}`)); err == nil {
		t.Error("a page of a newer version is read")
	}
}
