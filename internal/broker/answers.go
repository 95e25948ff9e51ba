package broker

import (
	"strconv"
	"sync"
	"time"

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

	idle sync.Pool // of *waiter
}

// waiter is what one request waits with; it is used again.
type waiter struct {
	answer chan *nats.Msg
	timer  *time.Timer
}

// waiter returns one whose timer does not run.
func (a *answers) waiter() *waiter {
	if w, idle := a.idle.Get().(*waiter); idle {
		return w
	}
	w := &waiter{answer: make(chan *nats.Msg, 1), timer: time.NewTimer(time.Hour)}
	w.timer.Stop()
	return w
}

// release ends the wait for the answer to msg. What has come meanwhile is
// nobody's, and must not be taken for the answer to the next request.
func (a *answers) release(msg *nats.Msg, w *waiter) {
	a.forget(msg.Reply)
	w.timer.Stop()
	select {
	case <-w.answer:
	default:
	}
	a.idle.Put(w)
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
