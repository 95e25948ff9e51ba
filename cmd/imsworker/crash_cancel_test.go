package main

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// ofCancel reports whether the point is one of a request that is cancelled.
func ofCancel(p crash.Point) bool { return p == crash.Wished || p == crash.Discarded }

// TestKilledWhileCancelling kills the real worker at each point of a cancel
// that deletes the image: one final event, no image, nothing left behind.
func TestKilledWhileCancelling(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the binary and runs processes")
	}
	binary := buildCrashing(t)
	for _, point := range crash.Points() {
		if !ofCancel(point) {
			continue
		}
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			p := newPlant(t, binary, false)
			first := p.start(point)
			p.connect()
			p.publish("ims.request.demo.copy-image", `{"image_id":"`+fakecloud.DemoImage+`","name":"copy"}`)
			key := messages.Key("demo", "nats", "a")
			p.await("the submission", func() bool {
				_, err := p.conn.Last(t.Context(), broker.StreamEvents, messages.EventSubject("demo", "copy-image", messages.StateSubmitted, key, 1))
				return err == nil
			})
			p.publish("ims.control.demo.cancel", `{"key":"`+key+`","delete_image":true}`)
			p.killed(first)
			second := p.start("")
			p.await("the final event", func() bool { n, _ := p.finals(key); return n > 0 })
			p.await("the ledger to be settled", p.settled)
			if n, state := p.finals(key); n != 1 || state != messages.StateCancelled {
				t.Errorf("%d final events, the last is %s", n, state)
			}
			m, err := p.conn.Last(t.Context(), broker.StreamEvents, messages.AnyFinalSubject("demo", "copy-image", key, 1))
			if err != nil {
				t.Fatal(err)
			}
			if _, e, err := messages.DecodeEvent(m.Header, m.Data); err != nil || e.Cancel == nil || e.Cancel.Image != messages.CancelDeleted {
				t.Errorf("cancel %+v, %v", e.Cancel, err)
			}
			p.end(second)
		})
	}
}

// publish sends a message as any NATS client would.
func (p *plant) publish(subject, body string) {
	p.t.Helper()
	m := &nats.Msg{Subject: subject, Data: []byte(body)}
	if subject != "ims.control.demo.cancel" {
		m.Header = nats.Header{"Nats-Msg-Id": {"a"}}
	}
	if _, err := p.conn.JetStream().PublishMsg(p.t.Context(), m); err != nil {
		p.t.Fatal(err)
	}
}
