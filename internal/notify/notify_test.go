package notify

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/messages"
)

// queue is a consumer without a broker: at most atOnce in hand, a nacked event
// comes again after its wait, unanswered ones are bounded as by the broker.
type queue struct {
	t       *testing.T
	out     chan *message.Message
	slots   chan struct{}
	pending chan struct{}
	hands   sync.WaitGroup
}

func newQueue(t *testing.T) *queue {
	return &queue{t: t, out: make(chan *message.Message), slots: make(chan struct{}, atOnce), pending: make(chan struct{}, broker.NotifyMaxAckPending)}
}

// feed delivers the events first to last, each until it is acked.
func (q *queue) feed(ctx context.Context, first, last int) {
	for i := first; i <= last; i++ {
		subject, header, body := ended(q.t, i, messages.StateFailed)
		q.pending <- struct{}{}
		q.slots <- struct{}{}
		q.hands.Go(func() {
			defer func() { <-q.pending }()
			d := broker.Delivery{Subject: subject, Header: header, Stream: broker.StreamEvents, StreamSequence: uint64(i), Deliveries: 1}
			for !q.deliver(ctx, d, body) && ctx.Err() == nil {
				time.Sleep(waitAfter(d.Deliveries))
				q.slots <- struct{}{}
				d.Deliveries++
			}
		})
	}
}

// deliver hands one delivery over, in a slot that is taken already.
func (q *queue) deliver(ctx context.Context, d broker.Delivery, body []byte) (acked bool) {
	defer func() { <-q.slots }()
	msg := broker.Hand(ctx, d, body)
	q.out <- msg
	select {
	case <-msg.Acked():
		return true
	case <-msg.Nacked():
		return false
	}
}

// scene is a notifier in a bubble of virtual time, with a receiver that the test
// plays.
type scene struct {
	*Notifier

	t     *testing.T
	log   *safeLog
	queue *queue
	begun time.Time

	mu    sync.Mutex
	calls []call
}

// call is one call of the receiver: which request it is about, and when.
type call struct {
	i     int
	at    time.Duration
	taken bool
}

// play runs the notifier against answers until all of the events are done with.
func play(t *testing.T, events int, answer func(ctx context.Context, i int, at time.Duration) (*http.Response, error), feed func(ctx context.Context, q *queue)) *scene {
	t.Helper()
	n, log, _ := notifier(t, "http://receiver.example/")
	s := &scene{Notifier: n, t: t, log: log, queue: newQueue(t), begun: time.Now()}
	which := map[string]int{}
	for i := 1; i <= events; i++ {
		which[idOf(i, messages.StateFailed)] = i
	}
	n.to.client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		c := call{i: which[r.Header.Get("Ce-Id")], at: time.Since(s.begun)}
		resp, err := answer(r.Context(), c.i, c.at)
		c.taken = err == nil && resp.StatusCode < 300
		s.mu.Lock()
		defer s.mu.Unlock()
		s.calls = append(s.calls, c)
		return resp, err
	})
	ctx := t.Context()
	done := make(chan struct{})
	go func() { defer close(done); n.work(ctx, s.queue.out) }()
	feed(ctx, s.queue)
	s.queue.hands.Wait()
	close(s.queue.out)
	<-done
	return s
}

// connected tells the call's trace that there was a connection, as a transport
// does.
func connected(ctx context.Context) {
	httptrace.ContextClientTrace(ctx).GotConn(httptrace.GotConnInfo{})
}

// all feeds that many events at once.
func all(events int) func(context.Context, *queue) {
	return func(ctx context.Context, q *queue) { q.feed(ctx, 1, events) }
}

// tookEach fails unless the receiver took each event exactly once, but for those
// it never takes.
func (s *scene) tookEach(events int, never ...int) (order []int) {
	s.t.Helper()
	times := make([]int, events+1)
	for _, c := range s.calls {
		if c.taken {
			times[c.i]++
			order = append(order, c.i)
		}
	}
	for i := 1; i <= events; i++ {
		want := 1
		if slices.Contains(never, i) {
			want = 0
		}
		if times[i] != want {
			s.t.Errorf("event %d was taken %d times, want %d", i, times[i], want)
		}
	}
	return order
}

// TestReceiverAway: for ten hours nobody listens. Nothing is given up, hardly
// anything is asked, and then the oldest goes first.
func TestReceiverAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const events, away = 1000, 10 * time.Hour
		s := play(t, events, func(_ context.Context, _ int, at time.Duration) (*http.Response, error) {
			if at < away {
				return nil, errors.New("dial tcp: connection refused")
			}
			time.Sleep(10 * time.Millisecond)
			return status(http.StatusOK), nil
		}, all(events))
		order := s.tookEach(events)
		for place, i := range order {
			if i-1-place > atOnce || place-(i-1) > atOnce {
				t.Fatalf("event %d came at place %d", i, place+1)
			}
		}
		if tries, most := len(s.calls)-events, int(away/mostClosed)+10; tries > most {
			t.Errorf("%d calls while nobody listens, at most %d are wanted", tries, most)
		}
		if took := s.calls[len(s.calls)-1].at; took > away+mostClosed+time.Minute {
			t.Errorf("all was over after %s", took)
		}
		if n := strings.Count(s.log.String(), "level=WARN"); n != 1 {
			t.Errorf("%d warnings:\n%s", n, s.log)
		}
		if got := testutil.ToFloat64(s.metrics.failing); got != 0 {
			t.Errorf("failing %v at the end", got)
		}
	})
}

// TestReceiverAils: an answer of 5xx, 404 or the like for hours costs no event
// either, whatever that answer is about.
func TestReceiverAils(t *testing.T) {
	t.Parallel()
	for _, code := range []int{500, 502, 503, 429, 401, 404, 307} {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const events, away = 300, 5 * time.Hour
				s := play(t, events, func(_ context.Context, _ int, at time.Duration) (*http.Response, error) {
					if at < away {
						return status(code), nil
					}
					return status(http.StatusNoContent), nil
				}, all(events))
				s.tookEach(events)
				if tries, most := len(s.calls)-events, int(away/mostClosed)+10; tries > most {
					t.Errorf("%d calls while it ails, at most %d are wanted", tries, most)
				}
				if took := s.calls[len(s.calls)-1].at; took > away+mostWait+mostClosed {
					t.Errorf("all was over after %s", took)
				}
				if got := testutil.ToFloat64(s.metrics.givenUp); got != 0 {
					t.Errorf("%v given up", got)
				}
			})
		})
	}
}

// TestReasonChanges: who reads the log sees what to mend now, each reason once.
func TestReasonChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := play(t, 20, func(_ context.Context, _ int, at time.Duration) (*http.Response, error) {
			switch {
			case at < time.Hour:
				return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}, Err: errors.New("connection refused")}
			case at < 2*time.Hour:
				return status(http.StatusUnauthorized), nil
			}
			return status(http.StatusOK), nil
		}, all(20))
		s.tookEach(20)
		var told []string
		for line := range strings.Lines(s.log.String()) {
			if _, why, warned := strings.Cut(line, " why="); warned {
				told = append(told, strings.TrimSpace(why))
			}
		}
		if want := []string{`"dial 192.0.2.1:443: connection refused"`, `"it answers 401"`}; !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}

// TestReceiverAsksForTime: Retry-After goes before our own waits.
func TestReceiverAsksForTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := play(t, 5, func(_ context.Context, _ int, at time.Duration) (*http.Response, error) {
			if at < 2*time.Minute {
				resp := status(http.StatusTooManyRequests)
				resp.Header.Set("Retry-After", "120")
				return resp, nil
			}
			return status(http.StatusOK), nil
		}, all(5))
		s.tookEach(5)
		if early := len(s.calls) - 5; early > atOnce {
			t.Errorf("%d calls before the time that was asked for", early)
		}
	})
}

// TestOneEventIsRefused: by 400, by 500 or by silence, one event for ever. The
// rest is taken at once, the one tried some more and given up, in the log and the
// metrics.
func TestOneEventIsRefused(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(context.Context) (*http.Response, error){
		"400":     func(context.Context) (*http.Response, error) { return status(http.StatusBadRequest), nil },
		"500":     func(context.Context) (*http.Response, error) { return status(http.StatusInternalServerError), nil },
		"silence": func(ctx context.Context) (*http.Response, error) { <-ctx.Done(); return nil, ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { refusedForGood(t, refuse) })
		})
	}
}

func refusedForGood(t *testing.T, refuse func(context.Context) (*http.Response, error)) {
	const events, bad = 200, 3
	s := play(t, events, func(ctx context.Context, i int, _ time.Duration) (*http.Response, error) {
		if i == bad {
			connected(ctx)
			return refuse(ctx)
		}
		return status(http.StatusOK), nil
	}, func(ctx context.Context, q *queue) {
		q.feed(ctx, 1, 100)
		for i := 101; i <= events; i++ { // it goes on taking others
			time.Sleep(30 * time.Second)
			q.feed(ctx, i, i)
		}
	})
	s.tookEach(events, bad)
	var tries []time.Duration
	var others time.Duration
	for _, c := range s.calls {
		if c.i == bad {
			tries = append(tries, c.at)
		} else if c.i <= 100 {
			others = max(others, c.at)
		}
	}
	if len(tries) < mostRefusals || len(tries) > mostRefusals+4 { // those count between which others were taken
		t.Errorf("%d tries: %v", len(tries), tries)
	}
	if first, last := tries[0], tries[len(tries)-1]; last-first < 15*time.Minute || last-first > 40*time.Minute {
		t.Errorf("tried from %s to %s", first, last)
	}
	if others > time.Minute {
		t.Errorf("the others took %s", others)
	}
	log := s.log.String()
	if strings.Count(log, "level=ERROR") != 1 || !strings.Contains(log, idOf(bad, messages.StateFailed)) || testutil.ToFloat64(s.metrics.givenUp) != 1 {
		t.Errorf("given up %v, logged\n%s", testutil.ToFloat64(s.metrics.givenUp), log)
	}
}

// TestSlowReceiver answers just in time, and now and then too late after having
// taken the event: that one comes again under the same id, nothing else twice.
func TestSlowReceiver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const events = 40
		had := map[int]int{}
		var mu sync.Mutex
		s := play(t, events, func(ctx context.Context, i int, _ time.Duration) (*http.Response, error) {
			mu.Lock()
			had[i]++
			again := had[i] > 1
			mu.Unlock()
			connected(ctx)
			if i%10 == 0 && !again {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			time.Sleep(postLimit - time.Second)
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(strings.Repeat("x", 1<<20)))}, nil
		}, all(events))
		s.tookEach(events)
		for i := 1; i <= events; i++ {
			want := 1
			if i%10 == 0 {
				want = 2
			}
			if had[i] != want {
				t.Errorf("event %d was posted %d times, want %d", i, had[i], want)
			}
		}
	})
}
