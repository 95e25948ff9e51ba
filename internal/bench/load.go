package main

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/messages"
)

// operation is what all requests of the lifecycles ask for: one creating call,
// one status query. Its marker goes with the creating call, and nothing is
// asked of the cloud before, as the floors ask nothing.
const operation = "create-whole-image"

// requestData is a request of ordinary size.
const requestData = `{"backup_id":"9b27efab-4a17-4c06-bfa2-3e0cf021d3c3","whole_image_type":"CBR","name":"nightly-web-01","options":{"preflight":false}}`

// load keeps a number of requests under way: for each that ends it publishes
// the next one. It is the same for the floors and the worker.
type load struct {
	nc     *nats.Conn
	clouds []string
	stop   atomic.Bool // nothing new is published
	sent   atomic.Int64
	ended  atomic.Int64
	run    string
	known  map[string]bool // keys of requests that have ended; only next uses it
}

// startLoad listens for final events and publishes the first requests.
func startLoad(url string, clouds []string, flight int) (*load, error) {
	nc, err := nats.Connect(url)
	if err != nil {
		return nil, fmt.Errorf("connect the publisher: %w", err)
	}
	l := &load{nc: nc, clouds: clouds, run: nats.NewInbox(), known: map[string]bool{}}
	if _, err := nc.Subscribe("ims.event.*.*.final.>", l.next); err != nil {
		nc.Close()
		return nil, fmt.Errorf("listen for final events: %w", err)
	}
	for range flight {
		l.publish()
	}
	return l, nc.Flush()
}

// next counts a request that has ended. A final event may pass more than once:
// what the stream refuses as a repetition is seen here all the same.
func (l *load) next(m *nats.Msg) {
	tokens := strings.Split(m.Subject, ".")
	key := tokens[len(tokens)-2]
	if l.known[key] {
		return
	}
	l.known[key] = true
	l.ended.Add(1)
	if !l.stop.Load() {
		l.publish()
	}
}

// publish sends a request without waiting for the broker's answer; one that
// is lost shows at the end, when the numbers do not meet.
func (l *load) publish() {
	n := l.sent.Add(1)
	subject, header, body := messages.EncodeRequest(messages.Request{
		Cloud: l.clouds[int(n)%len(l.clouds)], Operation: operation, Identity: messages.Identity{Source: "/bench", ID: l.run + "." + fmt.Sprint(n)}, Data: []byte(requestData),
	})
	_ = l.nc.PublishMsg(&nats.Msg{Subject: subject, Header: header, Data: body})
}

// await waits until so many requests have ended.
func (l *load) await(ctx context.Context, ended int64) error {
	for end := time.Now().Add(patience); l.ended.Load() < ended; {
		if time.Now().After(end) {
			return fmt.Errorf("%d of %d requests ended within %s", l.ended.Load(), ended, patience)
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long anything may take that must come.
const patience = 2 * time.Minute

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// measure is what the window of one contestant showed.
type measure struct {
	rate   float64       // lives a second
	lives  int64         // of the whole run
	writes float64       // messages stored a life, the request not counted
	calls  float64       // of the cloud a life
	own    time.Duration // processor time of this process a life
	broker time.Duration // and of the broker's
}

// watch waits until the load runs evenly and measures for the window.
func (l *load) watch(ctx context.Context, flight int, window time.Duration) (float64, error) {
	if err := l.await(ctx, int64(flight)+int64(flight)/2); err != nil {
		return 0, err
	}
	begin, before := time.Now(), l.ended.Load()
	if err := sleep(ctx, window); err != nil {
		return 0, err
	}
	return float64(l.ended.Load()-before) / time.Since(begin).Seconds(), nil
}

// finish lets what is under way end.
func (l *load) finish(ctx context.Context) error {
	l.stop.Store(true)
	if err := l.nc.Flush(); err != nil {
		return fmt.Errorf("flush the publisher: %w", err)
	}
	// next may have looked at stop just before: the number is read again.
	for l.ended.Load() < l.sent.Load() {
		if err := l.await(ctx, l.sent.Load()); err != nil {
			return err
		}
	}
	return nil
}
