package broker

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestAnswerNobodyTook: an answer that came when its request was over is not
// taken for the answer to the next one, nor is the time that had run out.
func TestAnswerNobodyTook(t *testing.T) {
	t.Parallel()
	a := &answers{prefix: "_INBOX.test.", waiting: map[string]chan<- *nats.Msg{}}
	for range 100 {
		msg, w := nats.NewMsg("question"), a.waiter()
		if err := a.expect(nil, msg, w.answer); err != nil {
			t.Fatal(err)
		}
		w.timer.Reset(time.Nanosecond)
		a.arrived(&nats.Msg{Subject: msg.Reply})
		a.release(msg, w)
		a.arrived(&nats.Msg{Subject: msg.Reply})
		next := a.waiter()
		select {
		case <-next.answer:
			t.Fatal("the next request has got an old answer")
		case <-next.timer.C:
			t.Fatal("the next request has no time")
		default:
		}
		a.release(msg, next)
	}
}
