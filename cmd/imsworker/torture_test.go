package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// tortureRequests is how many requests the torture test sends unless the
// variable TORTURE_REQUESTS says otherwise.
const tortureRequests = 200

// lifeBetweenKills is how long a worker lives in the torture test.
const lifeBetweenKills = 5 * time.Second

// TestTorture sends requests to the real worker while one in ten answers of
// the cloud is lost, one in twenty is an error, and the worker is killed every
// five seconds: nothing is lost, nothing is done or told twice.
func TestTorture(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs for minutes")
	}
	requests := tortureRequests
	if text := os.Getenv("TORTURE_REQUESTS"); text != "" {
		var err error
		if requests, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	p := newPlant(t, buildCrashing(t), false)
	p.settings(", horizon: 100s, limits: off") // 5 s by the fake's clock
	p.trouble()
	p.connect()
	life := p.live()
	for i := range requests {
		m := &nats.Msg{Subject: "ims.request.demo.copy-image", Data: []byte(`{"image_id":"` + fakecloud.DemoImage + `","name":"copy"}`), Header: nats.Header{"Nats-Msg-Id": {fmt.Sprint(i)}}}
		p.await("a publish to be stored", func() bool {
			_, err := p.conn.JetStream().PublishMsg(t.Context(), m)
			return err == nil
		})
	}
	var finals map[string][]messages.State
	p.awaitLong("every request to end", func() bool {
		finals = p.allFinals()
		return len(finals) == requests
	})
	p.awaitLong("the ledger to be settled", p.settled)
	life.stop()
	p.audit(requests, p.allFinals())
}

// trouble makes the fake lose one answer in ten and fail one call in twenty.
func (p *plant) trouble() {
	p.t.Helper()
	err := errors.Join(
		p.fake.Switch(fakecloud.DemoCloud, func(s *fakecloud.Switches) error { s.Quota, s.RatesOff = -1, true; return nil }),
		p.fake.Order(fakecloud.DemoCloud,
			fakecloud.Fault{Call: "*", Kind: fakecloud.DropAfter, Probability: 0.1, Seed: 1},
			fakecloud.Fault{Call: "*", Kind: fakecloud.StatusBefore, Status: 500, Probability: 0.025, Seed: 2},
			fakecloud.Fault{Call: "*", Kind: fakecloud.StatusAfter, Status: 504, Probability: 0.025, Seed: 3},
		))
	if err != nil {
		p.t.Fatal(err)
	}
}

// audit compares the truth of the cloud with the events.
func (p *plant) audit(requests int, finals map[string][]messages.State) {
	p.t.Helper()
	double, other := 0, 0
	for key, states := range finals {
		if len(states) != 1 {
			double++
		}
		if states[0] != messages.StateSucceeded {
			other++
			p.t.Errorf("%s ended %v", key, states)
		}
	}
	images := 0
	for _, m := range p.fake.Truth(fakecloud.DemoCloud) {
		if m.Call == "CopyImage" {
			images++
		}
	}
	p.t.Logf("requests %d, images %d, ended %d, ended twice %d, not succeeded %d", requests, images, len(finals), double, other)
	if images != requests || len(finals) != requests || double > 0 {
		p.t.Errorf("requests %d, images %d, ended %d, ended twice %d", requests, images, len(finals), double)
	}
}

// life is a worker that is killed and started again, until stop.
type life struct {
	plant *plant
	ended chan struct{}
	done  chan struct{}
}

func (p *plant) live() *life {
	l := &life{plant: p, ended: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(l.done)
		for {
			cmd := p.start("")
			select {
			case <-time.After(lifeBetweenKills):
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			case <-l.ended:
				p.end(cmd)
				return
			}
		}
	}()
	return l
}

func (l *life) stop() {
	close(l.ended)
	<-l.done
}

// allFinals reads the final events of all requests.
func (p *plant) allFinals() map[string][]messages.State {
	p.t.Helper()
	finals := map[string][]messages.State{}
	ctx, cancel := contextFor(p.t)
	_ = p.conn.Tail(ctx, broker.StreamEvents, "ims.event.demo.*.final.>", func(m broker.Stored) {
		meta, event, err := messages.DecodeEvent(m.Header, m.Data)
		if err != nil {
			p.t.Errorf("event %s: %v", m.Subject, err)
		}
		finals[meta.Key] = append(finals[meta.Key], event.State)
	}, cancel)
	return finals
}
