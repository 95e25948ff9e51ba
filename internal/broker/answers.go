package broker

import (
	"strconv"
	"sync"

	"github.com/nats-io/nats.go"
)

// answers brings what the broker says to a message to whoever has sent it,
// over one subscription for all. The client library does the same, but wants a
// context of its own for each request that may end early, and to make one costs
// as much as to send the request.
type answers struct {
	mu      sync.Mutex // guards the rest
	prefix  string     // of reply subjects; empty before the first request
	number  uint64
	waiting map[string]chan<- *nats.Msg // by reply subject
}

// expect gives msg a reply subject and notes who waits for the answer.
func (a *answers) expect(nc *nats.Conn, msg *nats.Msg, answer chan<- *nats.Msg) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.prefix == "" {
		prefix := nc.NewInbox() + "."
		if _, err := nc.Subscribe(prefix+"*", a.arrived); err != nil {
			return err
		}
		a.prefix, a.waiting = prefix, map[string]chan<- *nats.Msg{}
	}
	a.number++
	msg.Reply = a.prefix + strconv.FormatUint(a.number, 36)
	a.waiting[msg.Reply] = answer
	return nil
}

// arrived passes an answer on; one that comes too late is nobody's.
func (a *answers) arrived(m *nats.Msg) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if answer, waits := a.waiting[m.Subject]; waits {
		answer <- m
		delete(a.waiting, m.Subject)
	}
}

func (a *answers) forget(reply string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, reply)
}
