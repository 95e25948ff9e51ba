package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/ledger"
	"github.com/imsworker/imsworker/messages"
)

// owner plays the owner of a shard.
func owner(t *testing.T, c *Client, shard int, answer func(what string, question []byte) any) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var ends sync.WaitGroup
	ends.Go(func() {
		prefix := broker.QuerySubject(shard, "")
		_ = c.conn.Answer(ctx, broker.QueryFilter(shard), func(subject string, question []byte) []byte {
			text, err := json.Marshal(answer(subject[len(prefix):], question))
			if err != nil {
				return nil
			}
			return text
		})
	})
	t.Cleanup(func() { stop(); ends.Wait() })
	for { // until it listens
		if _, err := c.conn.Query(t.Context(), broker.QuerySubject(shard, "x"), nil); !errors.Is(err, broker.ErrNobody) {
			return
		}
	}
}

// cloudOf is the name of a cloud of a shard.
func cloudOf(shard, shards int) string {
	for n := 0; ; n++ {
		if name := fmt.Sprint("cloud-", n); broker.ShardOf(name, shards) == shard {
			return name
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	c := streams(t)
	if _, err := c.Limits(t.Context(), ""); !errors.Is(err, ErrNoOwner) {
		t.Errorf("no worker: got %v", err)
	}
	here, there := cloudOf(1, 2), cloudOf(0, 2)
	owner(t, c, 1, func(what string, question []byte) any {
		var q messages.LimitsQuestion
		if err := json.Unmarshal(question, &q); err != nil || what != messages.AskLimits {
			return messages.LimitsAnswer{Error: "wrong question"}
		}
		switch {
		case len(q.Clouds) > 0 && q.Clouds[0] != here:
			return messages.LimitsAnswer{}
		case q.After == "":
			return messages.LimitsAnswer{Clouds: []messages.CloudLimits{{Cloud: here}}, Next: here}
		}
		return messages.LimitsAnswer{Clouds: []messages.CloudLimits{{Cloud: "behind " + q.After}}}
	})
	all, err := c.Limits(t.Context(), "")
	if err != nil || len(all.Clouds) != 2 || all.Clouds[1].Cloud != here || len(all.Silent) != 1 || all.Silent[0] != 0 {
		t.Errorf("got %+v, %v", all, err)
	}
	if one, err := c.Limits(t.Context(), here); err != nil || one.Clouds[0].Cloud != here {
		t.Errorf("got %+v, %v", one, err)
	}
	if _, err := c.Limits(t.Context(), there); !errors.Is(err, ErrNoOwner) {
		t.Errorf("no owner: got %v", err)
	}
	if _, err := c.Limits(t.Context(), here+"x"); err == nil {
		t.Error("knows a cloud that nobody knows")
	}
}

// TestOwnerHangs: who asks hears which worker does not answer, not which subject.
func TestOwnerHangs(t *testing.T) {
	t.Parallel()
	c := streams(t)
	heard := make(chan struct{}, 8)
	ctx, stop := context.WithCancel(t.Context())
	var ends sync.WaitGroup
	ends.Go(func() {
		_ = c.conn.Answer(ctx, broker.QueryFilter(1), func(string, []byte) []byte { heard <- struct{}{}; return nil })
	})
	t.Cleanup(func() { stop(); ends.Wait() })
	for listens := false; !listens; { // it has heard one question
		short, end := context.WithTimeout(t.Context(), time.Second)
		_, _ = c.conn.Query(short, broker.QuerySubject(1, "x"), nil)
		end()
		listens = len(heard) > 0
	}
	_, err := c.Limits(t.Context(), cloudOf(1, 2))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(fmt.Sprint(err), "the worker of shard 01 has not answered within 6s") {
		t.Errorf("got %v", err)
	}
}

func TestExpect(t *testing.T) {
	t.Parallel()
	c := streams(t)
	here, there := cloudOf(1, 2), cloudOf(0, 2)
	asked := make(chan int, 10)
	owner(t, c, 1, func(what string, question []byte) any {
		var q messages.RecordQuestion
		if what != messages.AskRecord || json.Unmarshal(question, &q) != nil {
			return messages.ProspectsAnswer{Error: "wrong question"}
		}
		asked <- len(q.Keys)
		answer := messages.ProspectsAnswer{}
		for _, key := range q.Keys {
			if key != "gone" {
				answer.Requests = append(answer.Requests, messages.Prospect{Key: key, Waits: messages.WaitsBudget})
			}
		}
		return answer
	})
	var list []Summary
	for n := range messages.ProspectsPage + 1 {
		list = append(list, Summary{Key: fmt.Sprint("key-", n), Cloud: here, State: string(ledger.Accepted)})
	}
	list = append(list, Summary{Key: "gone", Cloud: here}, Summary{Key: "elsewhere", Cloud: there},
		Summary{Key: "ended", Cloud: here, Finished: time.Now(), State: string(messages.StateSucceeded)})
	if err := c.Expect(t.Context(), list); !errors.Is(err, ErrNoOwner) {
		t.Errorf("half of it has no owner: got %v", err)
	}
	if first, second := <-asked, <-asked; first != messages.ProspectsPage || second != 2 {
		t.Errorf("asked for %d, then %d", first, second)
	}
	for i, s := range list {
		if known := i <= messages.ProspectsPage; (s.Prospect != nil) != known || known && s.Prospect.Key != s.Key {
			t.Errorf("%s: got %+v", s.Key, s.Prospect)
		}
	}
	detail := Detail{Summary: Summary{Key: "elsewhere", Cloud: there}, Record: &ledger.Record{State: ledger.Accepted}}
	if err := c.ExpectOne(t.Context(), &detail); err != nil || !detail.Unserved {
		t.Errorf("got %+v, %v", detail, err)
	}
	if w, lives := detail.Waiting(time.Now()); !lives || w.For != "for a worker: none works its shard now" {
		t.Errorf("waits %q", w.For)
	}
}
