package notify

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/broker/brokertest"
	"github.com/imsworker/imsworker/messages"
)

// TestFailingWhileSomethingWaits: however seldom an event is tried while the
// receiver is away, somebody is told all the time; once it is taken, nobody.
func TestFailingWhileSomethingWaits(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func() (*http.Response, error){
		"nobody listens": func() (*http.Response, error) { return nil, errors.New("dial tcp: connection refused") },
		"it ails":        func() (*http.Response, error) { return status(http.StatusServiceUnavailable), nil },
		"it asks for time": func() (*http.Response, error) {
			resp := status(http.StatusTooManyRequests)
			resp.Header.Set("Retry-After", "600")
			return resp, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const away = 3 * time.Hour
				begun := time.Now()
				n, _, _ := notifier(t, "http://receiver.example/")
				n.to.client.Transport = roundTrip(func(*http.Request) (*http.Response, error) {
					if time.Since(begun) < away {
						return refuse()
					}
					return status(http.StatusOK), nil
				})
				q := newQueue(t)
				go n.work(t.Context(), q.out)
				q.feed(t.Context(), 1, 1)
				for range int(away / time.Minute) {
					synctest.Wait()
					if testutil.ToFloat64(n.metrics.failing) != 1 {
						t.Errorf("after %s nobody is told that the receiver fails", time.Since(begun))
					}
					time.Sleep(time.Minute)
				}
				q.hands.Wait()
				close(q.out)
				synctest.Wait()
				if got := testutil.ToFloat64(n.metrics.failing); got != 0 {
					t.Errorf("failing %v at the end", got)
				}
			})
		})
	}
}

// TestFailingEndsElsewhere: an event that the receiver did not take from this
// replica comes to another one next time, which gets through. Nothing waits
// here any more, and nothing tells so but that it does not come back.
func TestFailingEndsElsewhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n, _, _ := notifier(t, "http://receiver.example/")
		n.to.client.Transport = roundTrip(func(*http.Request) (*http.Response, error) { return status(http.StatusBadGateway), nil })
		subject, header, body := ended(t, 1, messages.StateFailed)
		msg := broker.Hand(t.Context(), broker.Delivery{Subject: subject, Header: header, Deliveries: 1}, body)
		n.handle(t.Context(), msg)
		<-msg.Nacked()
		if got := testutil.ToFloat64(n.metrics.failing); got != 1 {
			t.Errorf("failing %v right after a failure", got)
		}
		time.Sleep(waitAfter(1) + 2*backGrace)
		if got := testutil.ToFloat64(n.metrics.failing); got != 0 {
			t.Errorf("failing %v though nothing waits", got)
		}
	})
}

// TestFailingWithoutEvents: who cannot read the events tells nobody of them.
func TestFailingWithoutEvents(t *testing.T) {
	t.Parallel()
	conn, o := brokertest.Connect(t, 1), newOffice(t) // without the consumer
	n, _, _ := notifier(t, o.URL)
	for range 2 {
		if err := n.Run(t.Context(), conn); err == nil {
			t.Fatal("without a consumer it runs")
		}
		if got := testutil.ToFloat64(n.metrics.failing); got != 1 {
			t.Errorf("failing %v where events cannot be read", got)
		}
	}
	apply(t, conn)
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- n.Run(ctx, conn) }()
	publish(t, conn, 1, 1, messages.StateFailed)
	await(t, "a notice", func() bool { _, taken := o.seen(); return taken == 1 })
	if got := testutil.ToFloat64(n.metrics.failing); got != 0 {
		t.Errorf("failing %v though events are read again", got)
	}
	cancel()
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

// TestSourceProves: fetching that goes on is proof enough where nothing comes.
func TestSourceProves(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s source
		for _, step := range []struct {
			do      func()
			failing bool
		}{
			{s.begun, false},
			{func() { s.ended(errors.New("gone")) }, true},
			{func() { time.Sleep(time.Hour) }, true},
			{s.begun, true},
			{func() { time.Sleep(2 * proven) }, false},
			{func() { s.ended(nil) }, false},
		} {
			if step.do(); s.failing() != step.failing {
				t.Fatalf("failing %v, want %v: %+v", !step.failing, step.failing, &s)
			}
		}
	})
}
