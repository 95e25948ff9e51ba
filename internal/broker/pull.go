package broker

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// pulled is a message as it was delivered, and what its broker can be told of
// it. Nothing is waited for: an answer that is lost means one more delivery.
type pulled struct {
	*nats.Msg
	conn *nats.Conn
}

func (p pulled) ack() error        { return p.say("+ACK") }
func (p pulled) inProgress() error { return p.say("+WPI") }

// nak has the message delivered again, after the wait if there is one.
func (p pulled) nak(wait time.Duration) error {
	if wait <= 0 {
		return p.say("-NAK")
	}
	return p.say(fmt.Sprintf(`-NAK {"delay": %d}`, wait))
}

// term has it never delivered again.
func (p pulled) term(reason string) error { return p.say(strings.TrimSpace("+TERM " + reason)) }

func (p pulled) say(word string) error { return inWords(p.conn.Publish(p.Reply, []byte(word))) }

// pullQuestion is what the broker is asked, in its words; Expires is in
// nanoseconds.
type pullQuestion struct {
	Batch   int           `json:"batch"`
	Expires time.Duration `json:"expires"`
}

// protocolWords is how many words of its own the broker may say beside the
// messages of one pull.
const protocolWords = 8

// pull asks a consumer for so many messages within so long, and gives them to
// each as they come. It returns when all have come, when the broker or ctx
// ends it, or with what went wrong.
//
// The client library's own fetch takes a message with an empty body and a
// header Status, which anybody may publish, for a word of the broker's: such a
// message would be delivered again for ever. Deliveries are told by their reply
// subject here, which no word of the broker has.
func (c *Conn) pull(ctx context.Context, next string, q pullQuestion, each func(pulled)) error {
	question, err := json.Marshal(q)
	if err != nil {
		return fmt.Errorf("encode pull: %w", err)
	}
	link := c.link.now()
	answers := make(chan *nats.Msg, q.Batch+protocolWords)
	inbox, err := c.nc.ChanSubscribe(c.nc.NewInbox(), answers)
	if err != nil {
		return inWords(err)
	}
	left := q.Batch
	take := func(m *nats.Msg) (over bool, err error) {
		if m.Reply == "" {
			return pullOver(m.Header)
		}
		left--
		each(pulled{m, c.nc})
		return left == 0, nil
	}
	defer func() { // what came at the last moment
		c.hearOut(ctx, inbox)
		for len(answers) > 0 {
			_, _ = take(<-answers)
		}
	}()
	if err := c.nc.PublishRequest(next, inbox.Subject, question); err != nil {
		return inWords(err)
	}
	for {
		select {
		case m := <-answers:
			if over, err := take(m); over || err != nil {
				return err
			}
		case <-link.Done():
			return errAway
		case <-ctx.Done():
			return nil
		}
	}
}

// hearOut ends an inbox. Where the pull was cut short, the broker may just be
// sending: what it sends until it knows of the end is still heard.
func (c *Conn) hearOut(ctx context.Context, inbox *nats.Subscription) {
	if ctx.Err() == nil || !c.nc.IsConnected() {
		_ = inbox.Unsubscribe()
		return
	}
	_ = inbox.Drain()
	_ = c.nc.FlushTimeout(fetchWait)
}

// pullOver reads a word of the broker's: whether the pull is over, and whether
// because of something that is wrong.
func pullOver(h nats.Header) (over bool, err error) {
	status, words := h.Get("Status"), h.Get("Description")
	says := func(part string) bool { return strings.Contains(strings.ToLower(words), part) }
	switch {
	case status == "100": // a heartbeat
		return false, nil
	case status == "404", status == "408", says("batch completed"): // nothing is there, or no more
		return true, nil
	case status == "503":
		return true, nats.ErrNoResponders
	case says("consumer deleted"):
		return true, jetstream.ErrConsumerDeleted
	case says("leadership change"):
		return true, jetstream.ErrConsumerLeadershipChanged
	case says("server shutdown"):
		return true, jetstream.ErrServerShutdown
	}
	return true, fmt.Errorf("the broker ends the pull: %s %s", status, words)
}
