package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/imsworker/imsworker/internal/broker"
	"github.com/imsworker/imsworker/internal/fakecloud"
	"github.com/imsworker/imsworker/messages"
)

const (
	killedImages = 30
	killedHere   = 8 // targets in the account itself
	killedThere  = 2 // targets in another one, each leg of three requests
	killedLease  = 3 * time.Second
)

// TestBulkWithWorkersKilled kills one of two workers again and again while they
// carry out a bulk of 300 legs to two accounts, two of its targets in the same
// one. The other worker takes over each time, and nothing of it shows: one image
// a leg, one end, counts that fit.
// LONG=1 makes it six kills, three leases apart.
func TestBulkWithWorkersKilled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("builds the binary and runs many processes")
	}
	kills, apart := 2, time.Duration(0)
	if os.Getenv("LONG") != "" {
		kills, apart = 6, 3*killedLease
	}
	f := newFleet(t, killedLease)
	f.allowTarget(cloudName(1))
	binary := build(t, "")
	f.share(f.run(binary, "a"), f.run(binary, "b"))
	key := f.bulk(t, kills)
	for n := range kills {
		killed, other := f.workers[[]string{"a", "b"}[n%2]], f.workers[[]string{"b", "a"}[n%2]]
		begun, before := time.Now(), len(f.endings())
		f.await("the next kill", func() bool {
			return time.Since(begun) >= apart && len(f.endings()) >= before+20 || n > 0 && f.bulkOver(key)
		})
		f.kill(killed)
		f.share(other)
		f.run(binary, killed.name)
	}
	f.bulkEnded(key)
}

// allowTarget lets all clouds have bulks that go to that one.
func (f *fleet) allowTarget(cloud string) {
	f.t.Helper()
	path := filepath.Join(f.dir, "clouds.yaml")
	text, err := os.ReadFile(path) //nolint:gosec // the test's own
	if err == nil {
		err = os.WriteFile(path, []byte(strings.ReplaceAll(string(text), "horizon: 100s", "horizon: 100s, allow_targets: ["+cloud+"]")), 0o600) //nolint:gosec // the same
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// bulk makes the images and asks for the bulk. With more kills it begins fewer
// legs at a time, so that it lasts.
func (f *fleet) bulk(t *testing.T, kills int) (key string) {
	t.Helper()
	var w fakecloud.World
	for n := range killedImages {
		w.Images = append(w.Images, fakecloud.Image{Name: fmt.Sprintf("bulk-%d", n), MinDisk: 40})
	}
	if _, err := f.fake.Add(cloudName(0), w); err != nil {
		t.Fatal(err)
	}
	var targets []string
	for n := range killedHere + killedThere {
		there := ""
		if n >= killedHere {
			there = fmt.Sprintf(`"cloud":%q,`, cloudName(1))
		}
		targets = append(targets, fmt.Sprintf(`{%s"name":"{{ .Image.Name }}-%d"}`, there, n))
	}
	data := fmt.Sprintf(`{"query":{"name":"bulk-*"},"targets":[%s],"concurrency":%d}`, strings.Join(targets, ","), 100/kills)
	m := &nats.Msg{Subject: "ims.request." + cloudName(0) + ".bulk-copy", Data: []byte(data), Header: nats.Header{"Nats-Msg-Id": {"bulk"}}}
	if _, err := f.conn.JetStream().PublishMsg(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return messages.Key(cloudName(0), "nats", "bulk")
}

// bulkOver reports whether the bulk has ended.
func (f *fleet) bulkOver(key string) bool {
	_, err := f.conn.Last(f.t.Context(), broker.StreamEvents, messages.AnyFinalSubject(cloudName(0), messages.OperationBulkCopy, key, 1))
	return err == nil
}

// bulkEnded waits for the end of the bulk and compares what was told with what
// the clouds did.
func (f *fleet) bulkEnded(key string) {
	f.t.Helper()
	const legs, requests = killedImages * (killedHere + killedThere), killedImages * (killedHere + 3*killedThere)
	f.awaitLong("the end of the bulk", func() bool { return f.bulkOver(key) })
	ended := map[string]int{}
	for _, e := range f.endings() {
		ended[e.key]++
		want := messages.StateSucceeded
		if e.key == key {
			want = messages.StateBatchCompleted
		}
		if e.state != want || ended[e.key] > 1 {
			f.t.Errorf("%s ended %s, for the %d. time", e.key, e.state, ended[e.key])
		}
	}
	if len(ended) != requests+1 {
		f.t.Errorf("%d requests ended, want %d", len(ended), requests+1)
	}
	here, there := copies(f.fake.Truth(cloudName(0))), copies(f.fake.Truth(cloudName(1)))
	if here != killedImages*killedHere || there != killedImages*killedThere {
		f.t.Errorf("%d images here, %d there", here, there)
	}
	f.legsTold(legs)
}

// legsTold compares what was told of legs: each once, with an image of its own.
func (f *fleet) legsTold(legs int) {
	f.t.Helper()
	told, images := map[int]int{}, map[string]bool{}
	ctx, cancel := contextFor(f.t)
	_ = f.conn.Tail(ctx, broker.StreamEvents, "ims.event.*.bulk-copy.>", func(m broker.Stored) {
		_, e, err := messages.DecodeEvent(m.Header, m.Data)
		if err != nil {
			f.t.Error(err)
			return
		}
		switch e.State {
		case messages.StateBatchLegs:
			for _, leg := range e.Batch.Legs {
				if told[leg.Index]++; leg.State != messages.StateSucceeded {
					f.t.Errorf("leg %d to target %d ended %s at %+v: %+v", leg.Index, leg.Target, leg.State, leg.Request, leg.Error)
				}
				for _, image := range leg.Images {
					images[image.ID] = true
				}
			}
		case messages.StateBatchCompleted:
			if e.Batch.Counts.Legs != legs || e.Batch.Counts.Succeeded != legs {
				f.t.Errorf("the bulk ended with %s", e.Batch.Counts)
			}
		}
	}, cancel)
	for index, times := range told {
		if times != 1 {
			f.t.Errorf("leg %d was told %d times", index, times)
		}
	}
	if len(told) != legs || len(images) != legs {
		f.t.Errorf("%d legs were told, with %d images", len(told), len(images))
	}
}
