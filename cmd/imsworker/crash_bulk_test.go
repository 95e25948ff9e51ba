package main

import (
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/crash"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

// TestKilledAtEveryBulkPoint kills the real worker at each crash point of a
// bulk of three legs and starts it again: three images, one end of the bulk and
// of each leg, counts that fit.
func TestKilledAtEveryBulkPoint(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the binary and runs processes")
	}
	binary := buildCrashing(t)
	const body = `{"images":["` + fakecloud.DemoImage + `"],"targets":[{"name":"a"},{"name":"b"},{"name":"c"}]}`
	for _, point := range crash.BulkPoints() {
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			key := messages.Key("demo", "nats", "a")
			p := newPlant(t, binary, false)
			first := p.start(point)
			p.connect()
			m := &nats.Msg{Subject: "ims.request.demo.bulk-copy", Data: []byte(body), Header: nats.Header{"Nats-Msg-Id": {"a"}}}
			if _, err := p.conn.JetStream().PublishMsg(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			p.killed(first)
			second := p.start("")
			p.connect()
			p.await("the final event", func() bool { n, _ := p.finals(key); return n > 0 })
			p.await("the ledger to be settled", p.settled)
			if n, state := p.finals(key); n != 1 || state != messages.StateBatchCompleted {
				t.Errorf("%d final events, the last is %s", n, state)
			}
			for index := range 3 {
				id := messages.LegIdentity("demo", key, 1, index, messages.StageCopy)
				if n, state := p.finals(messages.Key("demo", id.Source, id.ID)); n != 1 || state != messages.StateSucceeded {
					t.Errorf("leg %d has %d final events, the last is %s", index, n, state)
				}
			}
			if n := len(p.fake.Begun(fakecloud.DemoCloud)); n != 3 {
				t.Errorf("%d images for 3 legs", n)
			}
			if c := p.counts(key); c != (messages.Counts{Legs: 3, Succeeded: 3}) {
				t.Errorf("the bulk ended with %s", c)
			}
			p.end(second)
		})
	}
}

// counts are those that the end of a bulk tells.
func (p *plant) counts(key string) messages.Counts {
	p.t.Helper()
	m, err := p.conn.Last(p.t.Context(), broker.StreamEvents, messages.EventSubject("demo", messages.OperationBulkCopy, messages.StateBatchCompleted, key, 1))
	if err != nil {
		p.t.Fatal(err)
	}
	_, e, err := messages.DecodeEvent(m.Header, m.Data)
	if err != nil || e.Batch == nil {
		p.t.Fatalf("%v: %+v", err, e)
	}
	return e.Batch.Counts
}
