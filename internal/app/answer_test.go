package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/messages"
)

// ask asks the owner of the demo cloud's shard.
func ask[A any](s *system, what, question string) (answer A) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	subject := broker.QuerySubject(broker.ShardOf("demo", s.cfg.Shards), what)
	text, err := s.conn.Query(ctx, subject, []byte(question))
	for errors.Is(err, broker.ErrNobody) && ctx.Err() == nil { // it is just about to listen
		text, err = s.conn.Query(ctx, subject, []byte(question))
	}
	if err == nil {
		err = json.Unmarshal(text, &answer)
	}
	if err != nil {
		s.t.Fatalf("%s %s: %v", what, question, err)
	}
	return answer
}

// TestOwnerAnswers asks a worker for its limits, for its line and for one
// request, and again when it has stopped.
func TestOwnerAnswers(t *testing.T) {
	t.Parallel()
	s := newSystem(t, `, limits: {copy: 2/1h}`, nil)
	s.start()
	limits := ask[messages.LimitsAnswer](s, messages.AskLimits, "")
	if len(limits.Clouds) != 1 || limits.Clouds[0].Cloud != "demo" || !limits.Clouds[0].Configured || limits.Instance != "test" || len(limits.Clouds[0].Buckets) < 18 {
		t.Errorf("nothing asked for yet: %+v", limits)
	}
	begun := time.Now()
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		s.publish("ims.request.demo.copy-image", copyBase, copyEvent(id))
	}
	var line messages.ProspectsAnswer
	s.await("three to be in line", func() bool {
		line = ask[messages.ProspectsAnswer](s, messages.AskWaiting, `{"cloud":"demo","bucket":"copy"}`)
		return len(line.Requests) == 3
	})
	for i, p := range line.Requests {
		if p.Waits != messages.WaitsBudget || *p.Ahead != i || p.Start == nil || p.Start.Before(begun.Add(time.Hour/50)) || p.Risk == nil || *p.Risk != 1 {
			t.Errorf("%d in line: %+v", i, p)
		}
	}
	page := ask[messages.ProspectsAnswer](s, messages.AskWaiting, `{"cloud":"demo","bucket":"copy","from":1,"limit":1}`)
	if len(page.Requests) != 1 || !page.More || page.Requests[0].Key != line.Requests[1].Key {
		t.Errorf("second page: %+v", page)
	}
	one := ask[messages.ProspectsAnswer](s, messages.AskRecord, `{"keys":["`+line.Requests[2].Key+`","x"]}`)
	if len(one.Requests) != 1 || one.Requests[0].Key != line.Requests[2].Key {
		t.Errorf("one request: %+v", one)
	}
	for what, question := range map[string]string{messages.AskRecord: "{", messages.AskLimits: "[]", "nothing": ""} {
		if got := ask[messages.LimitsAnswer](s, what, question); got.Error == "" {
			t.Errorf("%s %q: %+v", what, question, got)
		}
	}
	limits = ask[messages.LimitsAnswer](s, messages.AskLimits, `{"clouds":["demo","nowhere"]}`)
	for _, b := range limits.Clouds[0].Buckets {
		if b.Bucket == "copy" && (*b.Limit != 2 || b.Used != 2 || *b.Left != 0 || b.Waiting != 3 || b.Next == nil) {
			t.Errorf("the limit of copies: %+v", b)
		}
	}
}
