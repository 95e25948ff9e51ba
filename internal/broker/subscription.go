package broker

import (
	"context"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
)

// subscription is one call of Subscribe.
type subscription struct {
	*Subscriber
	name  string // of the consumer
	out   chan *message.Message
	slots chan struct{} // one token a message in hand
	hands sync.WaitGroup
}

func newSubscription(s *Subscriber, name string) *subscription {
	return &subscription{
		Subscriber: s, name: name,
		out:   make(chan *message.Message),
		slots: make(chan struct{}, s.o.Concurrency),
	}
}

// run fetches until ctx ends, the subscriber closes or fetching can never
// succeed again, then drains.
func (s *subscription) run(ctx context.Context) {
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	closing := make(chan struct{})
	go func() {
		defer close(closing)
		select {
		case <-s.closing:
			cancel()
		case <-stop.Done():
		}
	}()
	work, end := context.WithCancelCause(context.WithoutCancel(ctx))
	if err := s.fetchAll(stop, work); err != nil {
		s.fail(err)
		s.o.Log.WarnContext(work, "nothing is fetched any more", "stream", s.o.Stream, "consumer", s.name, "error", err)
	}
	cancel()
	<-closing
	s.drain(end)
	close(s.out)
}

func (s *subscription) drain(end context.CancelCauseFunc) {
	timer := time.AfterFunc(s.o.Drain, func() { end(ErrClosed) })
	s.hands.Wait()
	timer.Stop()
	end(context.Canceled)
}

// fetchAll returns nil at the end, else why nothing can be fetched any more.
func (s *subscription) fetchAll(stop, work context.Context) error {
	var pause backoff
	var since time.Time
	for stop.Err() == nil {
		if !s.o.Valid() {
			_ = sleep(stop, jitter(100*time.Millisecond))
			continue
		}
		free := s.takeSlots(stop)
		if free == 0 {
			continue
		}
		start := time.Now()
		err := s.fetch(stop, work, free)
		if why := s.lasting(stop, start, err); why != nil && stop.Err() == nil {
			return why
		}
		if err != nil {
			s.o.Log.DebugContext(work, "fetch", "stream", s.o.Stream, "error", err)
			s.conn.moveIfLong(failing(&since, start))
			_ = pause.wait(stop)
			continue
		}
		pause, since = backoff{}, time.Time{}
	}
	return nil
}

// failing is since when nothing has gone well.
func failing(since *time.Time, start time.Time) time.Time {
	if since.IsZero() {
		*since = start
	}
	return *since
}

// takeSlots waits for a free slot, and a moment longer for a quarter of all:
// fetching messages one by one costs a round trip each.
func (s *subscription) takeSlots(stop context.Context) int {
	enough := max(1, min(fetchMessages, cap(s.slots))/4)
	var moment <-chan time.Time
	for taken := 0; ; {
		for taken < fetchMessages && s.trySlot() {
			taken++
		}
		if taken >= enough {
			return taken
		}
		if taken > 0 && moment == nil {
			moment = time.After(5 * time.Millisecond)
		}
		select {
		case s.slots <- struct{}{}:
			taken++
		case <-moment:
			return taken
		case <-stop.Done():
			s.freeSlots(taken)
			return 0
		}
	}
}

func (s *subscription) trySlot() bool {
	select {
	case s.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

func (s *subscription) freeSlots(n int) {
	for range n {
		<-s.slots
	}
}

// fetch asks once and hands out what comes. A message that comes after the end
// or after the lease was lost goes back at once.
func (s *subscription) fetch(stop, work context.Context, free int) error {
	asking, cancel := context.WithTimeout(stop, fetchPatience)
	defer cancel()
	used := 0
	q := pullQuestion{Batch: free, Expires: fetchWait * 9 / 10}
	err := s.conn.pull(asking, s.nextSubject(), q, func(msg pulled) {
		if stop.Err() != nil || !s.o.Valid() {
			_ = msg.nak(0)
			return
		}
		used++
		s.hands.Go(func() {
			defer s.freeSlots(1)
			s.handle(stop, work, msg)
		})
	})
	s.freeSlots(free - used)
	return err
}

// handle has one message worked on and tells the broker how it went.
func (s *subscription) handle(stop, work context.Context, msg pulled) {
	h, err := newHanded(msg)
	if err != nil {
		s.o.Log.WarnContext(work, "delivery cannot be read", "error", err)
		return
	}
	ctx, cancel := context.WithCancelCause(work)
	defer func() { cancel(context.Cause(work)) }() // nobody may be told another cause before the end of work is passed on
	m := h.message(ctx, msg.Data)
	renew := time.NewTicker(s.o.AckWait * 2 / 5)
	defer renew.Stop()
	for {
		select {
		case s.out <- m:
			s.await(work, h, m, msg, renew.C)
			return
		case <-renew.C:
			s.renew(work, h, msg)
		case <-stop.Done():
			s.told(work, h, msg.nak(0))
			return
		}
	}
}

// await renews the delivery until the handler has decided. When the time for
// draining is over it leaves the message to the broker, which delivers it again
// after AckWait; a nak would do so while the handler may still be at work.
func (s *subscription) await(work context.Context, h *handed, m *message.Message, msg pulled, renew <-chan time.Time) {
	for {
		select {
		case <-m.Acked():
			s.told(work, h, msg.ack())
			return
		case <-m.Nacked():
			s.told(work, h, h.nak(msg))
			return
		case <-renew:
			s.renew(work, h, msg)
		case <-work.Done():
			return
		}
	}
}

// renew keeps the broker from delivering the message to another one. Without
// the lease that is just what should happen.
func (s *subscription) renew(work context.Context, h *handed, msg pulled) {
	if s.o.Valid() {
		s.told(work, h, msg.inProgress())
	}
}

// told logs an answer that could not be sent: the message will come again.
func (s *subscription) told(ctx context.Context, h *handed, err error) {
	if err != nil {
		s.o.Log.DebugContext(ctx, "answer to a delivery not sent", "subject", h.Subject, "sequence", h.StreamSequence, "error", err)
	}
}
